"""Coincidences from times alone: predict where a partner click should be, and look in the window.

It knows times and windows, never bases or bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the announcer's clock stands in the responder's: t_r = t_a + offset + rate (t_a - t_0).

    ``reference_ps`` (t_0) is an announcer time; keeping it near the data keeps float64 exact.
    """

    reference_ps: int
    offset_ps: float
    """At ``reference_ps``, for light that arrives at both users at the same true time."""
    rate: float
    """Dimensionless."""

    def predict(self, times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) int64: responder times of the announcer times ``times_ps`` ((N,) int64)."""
        return predict(times_ps, self.reference_ps, self.offset_ps, self.rate)

    def predict_one(self, time_ps: int) -> int:
        """Responder time of one announcer time."""
        return time_ps + round(self.offset_ps + self.rate * (time_ps - self.reference_ps))

    def moved(self, reference_ps: int) -> "Alignment":
        """The same line with another reference."""
        offset_ps = self.offset_ps + self.rate * (reference_ps - self.reference_ps)
        return Alignment(reference_ps, offset_ps, self.rate)


@kernel
def predict(
    times_ps: NDArray[np.int64], reference_ps: int, offset_ps: float, rate: float
) -> NDArray[np.int64]:
    """Responder times of announcer times, rounded to ps; see `Alignment`."""
    out = np.empty_like(times_ps)
    for k in range(times_ps.size):
        shift = offset_ps + rate * (times_ps[k] - reference_ps)
        out[k] = times_ps[k] + np.int64(np.rint(shift))
    return out


@kernel
def match(  # noqa: PLR0917 - a kernel takes arrays, not objects
    predicted_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    delay_ps: int,
    window_ps: int,
    lane: int,
    partner: NDArray[np.int64],
    lanes: NDArray[np.uint8],
    own_free: NDArray[np.bool_],
) -> int:
    """Pair clicks whose difference less ``delay_ps`` lies in [-window/2, window/2).

    Parameters
    ----------
    predicted_ps : (N,) int64, ascending
        Announced times, in the responder's clock.
    own_ps : (M,) int64, ascending
        The responder's times.
    delay_ps, window_ps, lane : int
        Delay and number of the lane looked at.
    partner : (N,) int64
        Index of the own click matched so far, or -1; written.
    lanes : (N,) uint8
        Lane of the match; written.
    own_free : (M,) bool
        Own clicks not used yet; written.

    Returns
    -------
    int
        Matches added. Each click is used once; the earliest free partner wins.
    """
    found = 0
    low = 0
    half_ps = window_ps // 2
    for k in range(predicted_ps.size):
        if partner[k] >= 0:
            continue
        start_ps = predicted_ps[k] + delay_ps - half_ps
        while low < own_ps.size and own_ps[low] < start_ps:
            low += 1
        j = low
        while j < own_ps.size and own_ps[j] < start_ps + window_ps:
            if own_free[j]:
                partner[k] = j
                lanes[k] = lane
                own_free[j] = False
                found += 1
                break
            j += 1
    return found


@kernel
def differences(
    predicted_ps: NDArray[np.int64], own_ps: NDArray[np.int64], low_ps: int, high_ps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs with low <= own - predicted < high: their differences and the predicted times.

    Both inputs ascending int64 in ps; both outputs (K,) int64.
    """
    capacity = 1024
    values = np.empty(capacity, dtype=np.int64)
    times = np.empty(capacity, dtype=np.int64)
    count = 0
    first = 0
    for k in range(predicted_ps.size):
        start_ps = predicted_ps[k] + low_ps
        while first < own_ps.size and own_ps[first] < start_ps:
            first += 1
        j = first
        while j < own_ps.size and own_ps[j] < predicted_ps[k] + high_ps:
            if count == capacity:
                capacity *= 2
                grown_values = np.empty(capacity, dtype=np.int64)
                grown_values[:count] = values
                values = grown_values
                grown_times = np.empty(capacity, dtype=np.int64)
                grown_times[:count] = times
                times = grown_times
            values[count] = own_ps[j] - predicted_ps[k]
            times[count] = predicted_ps[k]
            count += 1
            j += 1
    return values[:count].copy(), times[:count].copy()
