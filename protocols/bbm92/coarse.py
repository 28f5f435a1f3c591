"""Coarse search for another clock: places over all of a wide prior that may be worth a closer look.

It sees times, never bases or bits, and decides nothing: it says where the best bins of an unfolded
histogram of time differences are, and among how many.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.prior import ClockPrior
from protocols.clockprior import COARSE_SHIFT, COARSE_SLICE_PS
from protocols.compiled import kernel
from protocols.link import LinkConfig

LATER_SLICE_PS = 400_000_000_000
"""Light in which a candidate is looked at more closely."""
BLOCK_BINS = 1 << 16
CANDIDATES = 48


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place to look at more closely: within ``reach_ps`` and ``rate_reach`` of a line."""

    count: int
    line: Alignment
    reach_ps: int
    rate_reach: float


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look more closely, and among how many bins these were the best."""

    candidates: list[Candidate]
    searched: int


@kernel
def _coarse_block(
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    low_ps: int,
    rate: float,
    counts: NDArray[np.int32],
) -> None:
    """Histogram own - announced - rate * (announced - first) from ``low_ps`` on, 2^14 ps a bin."""
    counts[:] = 0
    high_ps = counts.size << COARSE_SHIFT
    first = 0
    for k in range(announced_ps.size):
        time_ps = announced_ps[k]
        base_ps = time_ps + low_ps + np.int64(rate * (time_ps - announced_ps[0]))
        while first < own_ps.size and own_ps[first] < base_ps:
            first += 1
        j = first
        while j < own_ps.size and own_ps[j] - base_ps < high_ps:
            counts[(own_ps[j] - base_ps) >> COARSE_SHIFT] += 1
            j += 1


def coarse_search(
    config: LinkConfig,
    prior: ClockPrior,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> Places:
    """Best bins over the whole prior; the rate step smears a peak by half a bin at most."""
    start_ps = int(announced_ps[0])
    finest = (1 << COARSE_SHIFT) / COARSE_SLICE_PS
    steps = math.ceil(prior.rate_bound / finest)
    off_rates = np.linspace(-prior.rate_bound, prior.rate_bound, 2 * steps + 1)
    step = prior.rate_bound / steps if steps else finest
    reach_ps = (2 << COARSE_SHIFT) + int(step * (COARSE_SLICE_PS + LATER_SLICE_PS))
    found: list[Candidate] = []
    searched = 0
    for off_rate in off_rates:
        low_ps, bins = _coarse_window(config, prior, start_ps, float(off_rate), step)
        rate = prior.course.rate + float(off_rate)
        counts = np.empty(min(BLOCK_BINS, bins), dtype=np.int32)
        for block in range(0, bins, counts.size - 1):  # one bin of overlap: pairs of neighbours
            block_ps = low_ps + (block << COARSE_SHIFT)
            _coarse_block(announced_ps, own_ps, block_ps, rate, counts)
            found += [
                Candidate(count, Alignment(start_ps, offset_ps, rate), reach_ps, step)
                for count, offset_ps in _best_bins(counts, block_ps)
            ]
        found = sorted(found, key=lambda candidate: -candidate.count)[:CANDIDATES]
        searched += bins
    return Places(found, searched)


def _coarse_window(
    config: LinkConfig, prior: ClockPrior, start_ps: int, off_rate: float, step: float
) -> tuple[int, int]:
    """First difference and number of bins that a rate, known to half a step, leaves possible.

    An error of the rate has moved the offset by what it is times the time since both were free: the
    windows of the rates follow each other rather than cover each other.
    """
    moved_ps = off_rate * (start_ps - prior.zero_ps)
    middle_ps = prior.course.predict_one(start_ps) - start_ps + round(moved_ps)
    half_ps = math.ceil(prior.half_width_ps(start_ps, rate_step=step / 2))
    half_ps += config.umi_delay_ps + (2 << COARSE_SHIFT)
    low_ps = middle_ps - half_ps + min(config.lane_delays_ps) + math.floor(min(prior.shifts_ps))
    high_ps = middle_ps + half_ps + max(config.lane_delays_ps) + math.ceil(max(prior.shifts_ps))
    return low_ps, max(2, ((high_ps - low_ps) >> COARSE_SHIFT) + 1)


def _best_bins(counts: NDArray[np.int32], low_ps: int) -> list[tuple[int, int]]:
    """(count, middle in ps) of the best pairs of neighbours."""
    pairs = counts[:-1] + counts[1:]
    best = np.argpartition(pairs, -min(8, pairs.size))[-8:]
    return [(int(pairs[k]), low_ps + ((int(k) + 1) << COARSE_SHIFT)) for k in best]
