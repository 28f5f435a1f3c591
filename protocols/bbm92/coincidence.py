"""Coincidences from times alone: predict where a partner click should be, and look in the window.

It knows times and windows, never bases or bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.matching import Matching, NearPairs

BLOCK_CLICKS = 1 << 13
"""Announced clicks that are looked at together."""


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
def _step(
    early_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    k: np.uint64,
    j: np.uint64,
    before: NDArray[np.uint64],
) -> tuple[np.uint64, np.uint64]:
    """One step of `_count_before`: past own click ``j`` or on to the next time after ``k``.

    Which of them comes first is a coin toss: added, not branched upon.
    """
    before[k] = j
    is_early = np.uint64(own_ps[j] < early_ps[k])
    return k + np.uint64(1) - is_early, j + is_early


@kernel
def _count_on(  # noqa: PLR0917 - a kernel takes arrays, not objects
    early_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    k: np.uint64,
    stop: np.uint64,
    j: np.uint64,
    before: NDArray[np.uint64],
) -> None:
    """The rest of a part of `_count_before`, up to ``stop``."""
    while k < stop:
        while j < np.uint64(own_ps.size) and own_ps[j] < early_ps[k]:
            j += np.uint64(1)
        before[k] = j
        k += np.uint64(1)


@kernel
def _count_before(
    early_ps: NDArray[np.int64], own_ps: NDArray[np.int64], before: NDArray[np.uint64]
) -> None:
    """How many own clicks come before each of some times: (N,) to ``before``, N > 0, all ascending.

    Each step waits for the one before it, so four parts are walked through side by side. Indices
    are unsigned: a signed one is tested for counting from the end.
    """
    size, last = np.uint64(early_ps.size), np.uint64(own_ps.size)
    second, third = size // np.uint64(4), size // np.uint64(2)
    fourth = second + third
    k0, k1, k2, k3 = np.uint64(0), second, third, fourth
    j0 = np.uint64(np.searchsorted(own_ps, early_ps[k0]))
    j1 = np.uint64(np.searchsorted(own_ps, early_ps[k1]))
    j2 = np.uint64(np.searchsorted(own_ps, early_ps[k2]))
    j3 = np.uint64(np.searchsorted(own_ps, early_ps[k3]))
    # Of each part: predictions far from a line's reference may fall by what a float leaves out.
    going = size >= 4 and (j0 < last) & (j1 < last) & (j2 < last) & (j3 < last)
    while going:
        k0, j0 = _step(early_ps, own_ps, k0, j0, before)
        k1, j1 = _step(early_ps, own_ps, k1, j1, before)
        k2, j2 = _step(early_ps, own_ps, k2, j2, before)
        k3, j3 = _step(early_ps, own_ps, k3, j3, before)
        going = (k0 < second) & (k1 < third) & (k2 < fourth) & (k3 < size)
        going &= (j0 < last) & (j1 < last) & (j2 < last) & (j3 < last)
    _count_on(early_ps, own_ps, k0, second, j0, before)
    _count_on(early_ps, own_ps, k1, third, j1, before)
    _count_on(early_ps, own_ps, k2, fourth, j2, before)
    _count_on(early_ps, own_ps, k3, size, j3, before)


@kernel
def _note_about(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    reference_ps: int,
    offset_ps: float,
    rate: float,
    low_ps: int,
    high_ps: int,
    found: NDArray[np.int64],
) -> int:
    """Number of pairs with low <= own - predicted < high; the first ones, as many as fit.

    Indices and difference of each go to a column of ``found``. Announced clicks are taken in blocks
    that a near cache holds.
    """
    before, count = np.empty(BLOCK_CLICKS, dtype=np.uint64), np.int64(0)
    last, width_ps = np.uint64(own_ps.size), high_ps - low_ps
    for start in range(0, announced_ps.size, BLOCK_CLICKS):
        block_ps = announced_ps[start : start + BLOCK_CLICKS]
        early_ps = predict(block_ps, reference_ps, offset_ps, rate)
        early_ps += low_ps
        _count_before(early_ps, own_ps, before)
        for k in range(early_ps.size):
            j = before[k]
            while j < last and own_ps[j] - early_ps[k] < width_ps:
                if count < found.shape[1]:
                    found[0, count], found[1, count] = start + k, j
                    found[2, count] = own_ps[j] - early_ps[k] + low_ps
                count += 1
                j += np.uint64(1)
    return int(count)


@kernel
def find_about(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    reference_ps: int,
    offset_ps: float,
    rate: float,
    low_ps: int,
    high_ps: int,
) -> NDArray[np.int64]:
    """(3, K) int64: indices of all pairs about a line, see `pairs_about`, and their differences."""
    line = (reference_ps, offset_ps, rate)
    found = np.empty((3, announced_ps.size), dtype=np.int64)
    count = _note_about(announced_ps, own_ps, *line, low_ps, high_ps, found)
    if count > announced_ps.size:  # seldom: most clicks have one partner at most
        found = np.empty((3, count), dtype=np.int64)
        _note_about(announced_ps, own_ps, *line, low_ps, high_ps, found)
    return found[:, :count].copy()


def pairs_about(
    line: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    low_ps: int,
    high_ps: int,
) -> NearPairs:
    """All pairs with low <= own - predicted < high, where ``line`` predicts; all ascending."""
    return NearPairs(
        *find_about(
            announced_ps, own_ps, line.reference_ps, line.offset_ps, line.rate, low_ps, high_ps
        )
    )


@kernel
def _free_within(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced: NDArray[np.int64],
    own: NDArray[np.int64],
    differences_ps: NDArray[np.int64],
    delay_ps: int,
    window_ps: int,
    partner: NDArray[np.int64],
    own_free: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(L,) each: pairs in the window whose clicks are both free, differences from the delay."""
    low_ps = -(window_ps // 2)
    found = np.empty((3, announced.size), dtype=np.int64)
    count = np.int64(0)
    for pair in range(announced.size):
        away_ps = differences_ps[pair] - delay_ps
        found[0, count], found[1, count], found[2, count] = announced[pair], own[pair], away_ps
        is_free = partner[announced[pair]] < 0 and own_free[own[pair]]
        count += np.int64(is_free and low_ps <= away_ps < low_ps + window_ps)
    return found[0, :count].copy(), found[1, :count].copy(), found[2, :count].copy()


@kernel
def _take(
    announced: NDArray[np.int64],
    own: NDArray[np.int64],
    partner: NDArray[np.int64],
    own_free: NDArray[np.bool_],
) -> int:
    """Enter matches; the number of those before one whose click was taken already."""
    for match in range(announced.size):
        k, j = announced[match], own[match]
        if partner[k] >= 0 or not own_free[j]:
            return match
        partner[k] = j
        own_free[j] = False
    return announced.size


def match_lane(
    matching: Matching,
    pairs: NearPairs,
    *,
    delay_ps: int,
    window_ps: int,
    partner: NDArray[np.int64],
    own_free: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Pair clicks whose difference less ``delay_ps`` lies in [-window/2, window/2).

    Parameters
    ----------
    matching : Matching
        Which of them.
    pairs : NearPairs
        Must cover the window.
    delay_ps, window_ps : int
        Delay of the lane; full width of the window.
    partner : (N,) int64
        Own click of each announced one, or -1; written.
    own_free : (M,) bool
        Own clicks that are not used yet; written.

    Returns
    -------
    (K,) int64
        Announced clicks matched now, in the order of the matching. Each click is used once.

    Raises
    ------
    ValueError
        If the matching uses a click twice.
    """
    offered = NearPairs(
        *_free_within(
            pairs.announced,
            pairs.own,
            pairs.differences_ps,
            delay_ps,
            window_ps,
            partner,
            own_free,
        )
    )
    chosen = matching.choose(offered)
    announced, own = offered.announced[chosen], offered.own[chosen]
    if _take(announced, own, partner, own_free) < own.size:
        raise ValueError("a click in two matches")
    return announced


@kernel
def matches(
    partner: NDArray[np.int64], lanes: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Announced and own click, and lane, of each match (K,), in the order of announced clicks.

    ``partner`` and ``lanes`` are (N,): of every announced click, as `match_lane` leaves them.
    """
    announced, own = np.empty(partner.size, dtype=np.int64), np.empty(partner.size, dtype=np.int64)
    of_lanes = np.empty(partner.size, dtype=np.uint8)
    count = np.int64(0)
    for k in range(partner.size):
        announced[count], own[count], of_lanes[count] = k, partner[k], lanes[k]
        count += np.int64(partner[k] >= 0)
    return announced[:count].copy(), own[:count].copy(), of_lanes[:count].copy()
