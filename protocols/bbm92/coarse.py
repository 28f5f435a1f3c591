"""Coarse search for another clock: places over all of a wide prior that may be worth a closer look.

It sees times, never bases or bits, and decides nothing: it says where the best bins of an unfolded
histogram of time differences are, and among how many.

Of a slice of ``T`` with bins of ``b`` each rate is looked at apart from the next by ``b / T``. A
longer slice finds weaker light and costs more with its square; a smaller bin holds less background
and costs less for the same light. How long a slice may be is bounded by the pairs and bins that are
filled for it, `MAX_WORK`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.prior import ClockPrior
from protocols.clockprior import COARSE_SHIFT, COARSE_SLICE_PS
from protocols.compiled import kernel
from protocols.link import PS_PER_S, LinkConfig

BLOCK_BINS, DEEP_BLOCK_BINS = 1 << 16, 1 << 18
CANDIDATES, DEEP_CANDIDATES = 40, 256
FINE_SHIFT = 11
"""Bins of 2 ns for slices longer than the first, where there is one peak and a steady clock."""
WALKS_PER_BIN = 4.0
"""A bin is so many times as wide as the clocks wander apart in the slice."""
FIRST_WORK, MAX_WORK = 4e8, 1.6e9
"""Pairs, bins and clicks passed by in a slice that is longer than the first: some two seconds, for
each deeper attempt twice that, and some eight seconds at most."""


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


@dataclass(frozen=True, slots=True)
class Grid:
    """How finely a slice of light is looked at.

    Attributes
    ----------
    slice_ps : int
        Its length.
    shift : int
        A bin is ``2 ** shift`` ps wide.
    steps : int
        Rates to either side of the prior's middle.
    rate_step : float
        From one rate to the next.
    """

    slice_ps: int
    shift: int
    steps: int
    rate_step: float

    @property
    def block(self) -> int:
        """Bins that are filled at a time: few stay in a near cache, many need fewer passes."""
        return BLOCK_BINS if self.slice_ps <= COARSE_SLICE_PS else DEEP_BLOCK_BINS

    @property
    def off_rates(self) -> NDArray[np.float64]:
        """(R,) rates less that in the middle of the prior."""
        return np.arange(-self.steps, self.steps + 1, dtype=np.float64) * self.rate_step


def grid_of(config: LinkConfig, prior: ClockPrior, slice_ps: int) -> Grid:
    """Choose bins and rates for a slice; a rate's error smears a peak by half a bin at most."""
    shift = _shift(config, slice_ps)
    finest = (1 << shift) / slice_ps
    steps = math.ceil(prior.rate_bound / finest)
    return Grid(slice_ps, shift, steps, prior.rate_bound / steps if steps else finest)


def _shift(config: LinkConfig, slice_ps: int) -> int:
    """log2 of the width of a bin: three peaks need a wide one, so does a clock that wanders."""
    if slice_ps <= COARSE_SLICE_PS or config.umi_delay_ps:
        return COARSE_SHIFT
    walk_ps = config.allan_deviation_1s * math.sqrt(slice_ps * PS_PER_S)
    wide_enough = math.ceil(math.log2(max(WALKS_PER_BIN * walk_ps, 1.0)))
    return min(max(FINE_SHIFT, wide_enough), COARSE_SHIFT)


def search_work(
    config: LinkConfig, prior: ClockPrior, slice_ps: int, start_ps: int, *, hz: tuple[float, float]
) -> float:
    """About how many steps a slice from ``start_ps`` takes at click rates ``hz`` of both ends."""
    grid = grid_of(config, prior, slice_ps)
    _, bins = _coarse_window(config, prior, start_ps, 0.0, grid)
    announced = hz[0] * slice_ps / PS_PER_S
    width_s = (bins << grid.shift) / PS_PER_S
    passes = 1 + bins // grid.block
    return (2 * grid.steps + 1) * (announced * (passes + width_s * hz[1]) + bins)


@kernel
def _coarse_block(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    low_ps: int,
    rate: float,
    shift: int,
    counts: NDArray[np.int32],
) -> int:
    """Histogram own - announced - rate * (announced - first) from ``low_ps`` on.

    Returns the count of the best two neighbours.
    """
    counts[:] = 0
    high_ps = counts.size << shift
    first = 0
    for k in range(announced_ps.size):
        time_ps = announced_ps[k]
        base_ps = time_ps + low_ps + np.int64(rate * (time_ps - announced_ps[0]))
        while first < own_ps.size and own_ps[first] < base_ps:
            first += 1
        j = first
        while j < own_ps.size and own_ps[j] - base_ps < high_ps:
            counts[(own_ps[j] - base_ps) >> shift] += 1
            j += 1
    best = np.int32(0)
    for k in range(counts.size - 1):
        best = max(best, counts[k] + counts[k + 1])
    return int(best)


def coarse_search(
    config: LinkConfig,
    prior: ClockPrior,
    grid: Grid,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    later_ps: int,
) -> Places:
    """Best bins over the whole prior.

    Parameters
    ----------
    grid : Grid
        Of the slice.
    announced_ps, own_ps : (N,), (M,) int64, ascending
        Clicks of the slice, and the own ones that they may belong to.
    later_ps : int
        The furthest light from the beginning of the slice in which candidates will be looked at.
    """
    start_ps = int(announced_ps[0])
    reach_ps = (2 << grid.shift) + int(grid.rate_step * later_ps)
    most = CANDIDATES if grid.slice_ps <= COARSE_SLICE_PS else DEEP_CANDIDATES
    found: list[Candidate] = []
    searched = least = 0
    for off_rate in grid.off_rates:
        low_ps, bins = _coarse_window(config, prior, start_ps, float(off_rate), grid)
        rate = prior.course.rate + float(off_rate)
        counts = np.empty(min(grid.block, bins), dtype=np.int32)
        for block in range(0, bins, counts.size - 1):  # one bin of overlap: pairs of neighbours
            block_ps = low_ps + (block << grid.shift)
            begin = np.searchsorted(own_ps, start_ps + block_ps)
            best = _coarse_block(announced_ps, own_ps[begin:], block_ps, rate, grid.shift, counts)
            if best <= least:
                continue
            found += [
                Candidate(count, Alignment(start_ps, offset_ps, rate), reach_ps, grid.rate_step)
                for count, offset_ps in _best_bins(counts, block_ps, grid.shift)
                if count > least
            ]
        found = sorted(found, key=lambda candidate: -candidate.count)[:most]
        least = found[-1].count if len(found) == most else 0
        searched += bins
    return Places(found, searched)


def _coarse_window(
    config: LinkConfig, prior: ClockPrior, start_ps: int, off_rate: float, grid: Grid
) -> tuple[int, int]:
    """First difference and number of bins that a rate, known to half a step, leaves possible.

    An error of the rate has moved the offset by what it is times the time since both were free: the
    windows of the rates follow each other rather than cover each other.
    """
    moved_ps = off_rate * (start_ps - prior.zero_ps)
    middle_ps = prior.course.predict_one(start_ps) - start_ps + round(moved_ps)
    half_ps = math.ceil(prior.half_width_ps(start_ps, rate_step=grid.rate_step / 2))
    half_ps += config.umi_delay_ps + (2 << grid.shift)
    low_ps = middle_ps - half_ps + min(config.lane_delays_ps) + math.floor(min(prior.shifts_ps))
    high_ps = middle_ps + half_ps + max(config.lane_delays_ps) + math.ceil(max(prior.shifts_ps))
    return low_ps, max(2, ((high_ps - low_ps) >> grid.shift) + 1)


def _best_bins(counts: NDArray[np.int32], low_ps: int, shift: int) -> list[tuple[int, int]]:
    """(count, middle in ps) of the best pairs of neighbours."""
    pairs = counts[:-1] + counts[1:]
    best = np.argpartition(pairs, -min(8, pairs.size))[-8:]
    return [(int(pairs[k]), low_ps + ((int(k) + 1) << shift)) for k in best]
