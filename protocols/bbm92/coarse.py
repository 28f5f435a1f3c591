"""Coarse search for another clock: places over all of a wide prior that may be worth a closer look.

It sees times, never bases or bits, and decides nothing: it says where the best bins of an unfolded
histogram of time differences are, and among how many.

Of a slice of ``T`` with bins of ``b`` each rate is looked at apart from the next by ``b / T``. A
longer slice finds weaker light and costs more with its square; a smaller bin holds less background
and costs less for the same light. How long a slice may be is bounded by the pairs and bins that are
filled for it, `MAX_WORK`. In long light a short slice is no cheaper: the rates that it leaves open
are as many as the light is long, for each of its places.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.places import BestPlaces, search_blocks
from protocols.bbm92.prior import ClockPrior
from protocols.bbm92.slices import MAX_LATER_CLICKS
from protocols.clockprior import COARSE_SHIFT, COARSE_SLICE_PS
from protocols.link import PS_PER_S, LinkConfig

BLOCK_BINS, DEEP_BLOCK_BINS = 1 << 16, 1 << 18
CANDIDATES, DEEP_CANDIDATES = 40, 256
FINE_SHIFT = 12
"""Bins of 4 ns for slices longer than the first, where there is one peak and a steady clock."""
WALKS_PER_BIN = 4.0
"""A bin is so many times as wide as the clocks wander apart in the slice."""
FIRST_WORK, MAX_WORK = 1e8, 1e9
"""Of a search with a slice longer than the first: that of depth 1, for each deeper one four times
that, and the most. A unit is one pair counted in a bin, some 4 ns."""
SPARE_PLACES = 4
"""There is room for so many times the places that are kept, and for those of a block."""
BIN_WORK, PASS_WORK, NEAR_WORK = 0.06, 0.5, 1.5
"""Of a bin that is cleared and read, of a click that is passed by in a block of bins, and of one
that is passed by where a candidate is looked at more closely."""
REFINE_SHIFT = 13
"""Candidates are refined in bins of 8.2 ns."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place to look at more closely: within ``reach_ps`` and ``rate_reach`` of a line."""

    count: int
    line: Alignment
    reach_ps: int
    rate_reach: float

    def covers(self, line: Alignment) -> bool:
        """Whether ``line``, with the same reference, is within its reach."""
        is_near = abs(line.offset_ps - self.line.offset_ps) <= self.reach_ps
        return is_near and abs(line.rate - self.line.rate) <= self.rate_reach


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
    def candidates(self) -> int:
        """Places that are looked at more closely."""
        return CANDIDATES if self.slice_ps <= COARSE_SLICE_PS else DEEP_CANDIDATES

    def reach_ps(self, later_ps: int) -> int:
        """How far from a candidate's line its pairs may be so much later."""
        return (2 << self.shift) + int(self.rate_step * later_ps)

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


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a slice a search takes, and about how much work that is."""

    slice_ps: int = COARSE_SLICE_PS
    work: float = 0.0


def effort_of(
    config: LinkConfig,
    prior: ClockPrior,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    depth: int,
) -> Effort:
    """What the depth allows, the light has, and the work is bounded to.

    Parameters
    ----------
    announced_ps, own_ps : (N,), (M,) int64, ascending
        Click times of the light that there is.
    depth : int
        0 for the first search; each more takes a slice four times as long.
    """
    if announced_ps.size < 2 or own_ps.size < 2:
        return Effort()
    light = _LightOfEffort.of(announced_ps, own_ps)
    first = _first_effort(config, prior, light)
    if not depth:
        return first
    most = min(FIRST_WORK * 4.0 ** (depth - 1), MAX_WORK)
    slice_ps = max(min(first.slice_ps << 2 * depth, light.length_ps // 3), first.slice_ps)
    while True:
        work = _work(config, prior, grid_of(config, prior, slice_ps), light)
        if work <= most or slice_ps == first.slice_ps:
            return Effort(slice_ps, work)
        slice_ps = max(3 * slice_ps // 4, first.slice_ps)


def _first_effort(config: LinkConfig, prior: ClockPrior, light: "_LightOfEffort") -> Effort:
    """That of depth 0: a slice of `COARSE_SLICE_PS`, unless longer ones take a third less work.

    In long light the rates that a short slice leaves open spread each candidate far.
    """
    slice_ps = COARSE_SLICE_PS
    work = _work(config, prior, grid_of(config, prior, slice_ps), light)
    while 4 * slice_ps <= light.length_ps // 3:
        longer = _work(config, prior, grid_of(config, prior, 4 * slice_ps), light)
        if 3 * longer > 2 * work:
            break
        slice_ps, work = 4 * slice_ps, longer
    return Effort(slice_ps, work)


@dataclass(frozen=True, slots=True)
class _LightOfEffort:
    """Where some light begins, its length, and the click rates of both ends in it."""

    start_ps: int
    length_ps: int
    announced_hz: float
    own_hz: float

    @classmethod
    def of(cls, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]) -> "_LightOfEffort":
        spans_ps = [max(int(ends[-1] - ends[0]), 1) for ends in (announced_ps, own_ps)]
        announced_hz = announced_ps.size / spans_ps[0] * PS_PER_S
        own_hz = own_ps.size / spans_ps[1] * PS_PER_S
        return cls(int(announced_ps[0]), spans_ps[0], announced_hz, own_hz)


def _work(config: LinkConfig, prior: ClockPrior, grid: Grid, light: _LightOfEffort) -> float:
    """Of all rates of a slice, and of all candidates in half of the light."""
    _, bins = _coarse_window(config, prior, light.start_ps, grid)
    clicks = light.announced_hz * grid.slice_ps / PS_PER_S
    pairs = clicks * light.own_hz * (bins << grid.shift) / PS_PER_S
    passed = clicks * (1 + bins // grid.block)
    rates = (2 * grid.steps + 1) * (pairs + PASS_WORK * passed + BIN_WORK * bins)
    near_ps = 2 * grid.reach_ps(light.length_ps)
    steps = 1 + (near_ps >> REFINE_SHIFT)
    later_s = min(light.length_ps / PS_PER_S, 2 * MAX_LATER_CLICKS / light.announced_hz)
    pairs = light.announced_hz * later_s / 2 * light.own_hz * near_ps / PS_PER_S
    passed = (light.announced_hz / 2 + light.own_hz) * later_s
    return rates + grid.candidates * (NEAR_WORK * passed + steps * (pairs + steps / 4))


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
    low_ps, bins = _coarse_window(config, prior, start_ps, grid)
    counts = np.empty(min(grid.block, bins), dtype=np.int32)
    # One bin of overlap: pairs of neighbours.
    blocks_ps = np.arange(0, bins, counts.size - 1) << grid.shift
    moved_ps = np.rint(grid.off_rates * (start_ps - prior.zero_ps)).astype(np.int64)
    lows_ps = low_ps + moved_ps[:, None] + blocks_ps
    begins = np.searchsorted(own_ps, start_ps + lows_ps)
    rates = prior.course.rate + grid.off_rates
    best = BestPlaces(grid.candidates)
    room = np.empty((3, counts.size + SPARE_PLACES * grid.candidates), dtype=np.int64)
    block = 0
    while block < lows_ps.size:
        block, places = search_blocks(
            announced_ps, own_ps, begins, lows_ps, rates, grid.shift, counts, best.least, block,
            room,
        )  # fmt: skip
        best.add(room[:, :places])
    reach_ps = grid.reach_ps(later_ps)
    candidates = [
        Candidate(
            count,
            Alignment(start_ps, float(offset_ps), float(rates[number])),
            reach_ps,
            grid.rate_step,
        )
        for count, number, offset_ps in best.places.T.tolist()
    ]
    return Places(candidates, bins * rates.size)


def _coarse_window(
    config: LinkConfig, prior: ClockPrior, start_ps: int, grid: Grid
) -> tuple[int, int]:
    """First difference and number of bins that the prior's rate, to half a step, leaves possible.

    An error of the rate has moved the offset by what it is times the time since both were free: the
    windows of the rates follow each other rather than cover each other.
    """
    middle_ps = prior.course.predict_one(start_ps) - start_ps
    half_ps = math.ceil(prior.half_width_ps(start_ps, rate_step=grid.rate_step / 2))
    half_ps += config.umi_delay_ps + (2 << grid.shift)
    low_ps = middle_ps - half_ps + min(config.lane_delays_ps) + math.floor(min(prior.shifts_ps))
    high_ps = middle_ps + half_ps + max(config.lane_delays_ps) + math.ceil(max(prior.shifts_ps))
    return low_ps, max(2, ((high_ps - low_ps) >> grid.shift) + 1)
