"""Emission of photon pairs and single photons, thinned to those that will be detected.

Pairs of a weakly pumped ring are born as a Poisson process; photons are lost independently. By the
marking theorem [1]_ the pairs of which both photons survive, only the first, or only the second
are then independent Poisson processes, so that nothing else is ever drawn. What is folded in must
be memoryless and common to all bases and ports; a path that is worse than its best for some time
thins what is left (`netsim.physics.loss`).

References
----------
.. [1] J. F. C. Kingman, Poisson Processes (1993), section 5.2 (and 2.1 for the displaced singles).
.. [2] Z. Y. Ou and Y. J. Lu, Phys. Rev. Lett. 83, 2556 (1999): a cavity of linewidth kappa / 2 pi
   gives the two photons of a pair a delay with density (kappa / 2) exp(-kappa |t|).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.units import PS_PER_S
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

MAX_BIPHOTON_DELAY_PS = 40_000
"""Longer delays of a pair are clipped: beyond exp(-50) at 200 MHz; frames can rely on it."""


@dataclass(frozen=True, slots=True)
class SplitRates:
    """Pairs per second of a process, by which of the two photons will be detected."""

    both_hz: float
    only_first_hz: float
    only_second_hz: float


def split_rates(
    rate_hz: float, first_transmittance: float, second_transmittance: float
) -> SplitRates:
    """Rates of the three Poisson streams of one pair process.

    Parameters
    ----------
    rate_hz : float
        Pairs born per second.
    first_transmittance, second_transmittance : float
        From birth to a click in the best detector, in [0, 1]; 0 for a channel that is not
        delivered.

    Raises
    ------
    ValueError
        If a transmittance is no probability.
    """
    for transmittance in (first_transmittance, second_transmittance):
        if not 0 <= transmittance <= 1:
            raise ValueError(f"a transmittance lies in [0, 1], but this one is {transmittance}")
    return SplitRates(
        both_hz=rate_hz * first_transmittance * second_transmittance,
        only_first_hz=rate_hz * first_transmittance * (1 - second_transmittance),
        only_second_hz=rate_hz * second_transmittance * (1 - first_transmittance),
    )


@kernel
def _fill(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    size: int,
    elapsed_ps: float,
    span_ps: float,
    mean_gap_ps: float,
    start_ps: int,
) -> tuple[int, float]:
    """Go on from ``elapsed_ps`` until the span or the array is full; new size and elapsed time."""
    while elapsed_ps < span_ps and size < times_ps.size:
        # Relative to the frame, so that no precision is lost late in a run; the origin comes last.
        times_ps[size] = start_ps + int(elapsed_ps)
        size += 1
        elapsed_ps += rng.standard_exponential() * mean_gap_ps
    return size, elapsed_ps


@kernel
def sample_poisson_times(
    rng: np.random.Generator, rate_hz: float, start_ps: int, stop_ps: int
) -> NDArray[np.int64]:
    """Events of a Poisson process in one frame.

    Parameters
    ----------
    rng : Generator
    rate_hz : float
        Not negative.
    start_ps, stop_ps : int
        The frame is ``[start_ps, stop_ps)``.

    Returns
    -------
    (N,) int64, ascending
        Times, cut to whole picoseconds.
    """
    if rate_hz <= 0.0:
        return np.empty(0, dtype=np.int64)
    span_ps = float(stop_ps - start_ps)
    mean_gap_ps = PS_PER_S / rate_hz
    mean = span_ps / mean_gap_ps
    times_ps = np.empty(int(mean + 6.0 * math.sqrt(mean)) + 16, dtype=np.int64)
    size, elapsed_ps = 0, rng.standard_exponential() * mean_gap_ps
    while True:
        size, elapsed_ps = _fill(rng, times_ps, size, elapsed_ps, span_ps, mean_gap_ps, start_ps)
        if elapsed_ps >= span_ps:
            return times_ps[:size]
        # Growing within the loop above would make it eight times slower.
        times_ps = np.concatenate((times_ps, np.empty(size, dtype=np.int64)))


@kernel
def sample_process(
    rng: np.random.Generator,
    both_hz: float,
    only_first_hz: float,
    only_second_hz: float,
    kappa_per_ps: float,
    start_ps: int,
    stop_ps: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Photons of one pair process that were born in one frame and will be detected.

    The earlier photon of a pair bears the pair's time of birth, the other one follows after an
    exponential time of rate kappa; which of them is late is random [2]_. A late photon may lie
    beyond the frame, by `MAX_BIPHOTON_DELAY_PS` at most.

    Parameters
    ----------
    rng : Generator
    both_hz, only_first_hz, only_second_hz : float
        See `SplitRates`.
    kappa_per_ps : float
        Decay rate of the ring, 2 pi times its linewidth.
    start_ps, stop_ps : int
        The frame is ``[start_ps, stop_ps)``.

    Returns
    -------
    first_ps, second_ps : (N,) int64, (M,) int64
        Times of the photons of either channel. The first ``pairs`` of both belong together, in
        order; single photons follow.
    pairs : int
    """
    born_ps = sample_poisson_times(rng, both_hz, start_ps, stop_ps)
    only_first_ps = sample_poisson_times(rng, only_first_hz, start_ps, stop_ps)
    only_second_ps = sample_poisson_times(rng, only_second_hz, start_ps, stop_ps)
    pairs = born_ps.size
    first_ps = np.empty(pairs + only_first_ps.size, dtype=np.int64)
    second_ps = np.empty(pairs + only_second_ps.size, dtype=np.int64)
    for k in range(pairs):
        delay_ps = int(min(rng.standard_exponential() / kappa_per_ps, MAX_BIPHOTON_DELAY_PS) + 0.5)
        first_is_late = rng.random() < 0.5
        first_ps[k] = born_ps[k] + (delay_ps if first_is_late else 0)
        second_ps[k] = born_ps[k] + (0 if first_is_late else delay_ps)
    first_ps[pairs:] = only_first_ps
    second_ps[pairs:] = only_second_ps
    return first_ps, second_ps, pairs
