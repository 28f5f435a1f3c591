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
from protocols.bbm92.prior import ClockPrior
from protocols.bbm92.slices import MAX_LATER_CLICKS
from protocols.clockprior import COARSE_SHIFT, COARSE_SLICE_PS
from protocols.compiled import kernel
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
    _, bins = _coarse_window(config, prior, light.start_ps, 0.0, grid)
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

    Returns the count of the best two neighbours. Times ascend, within 2 hours (2^53 ps), and the
    rate is far below 1: then ``base_ps`` never falls, and no difference beyond the last bin.
    """
    counts[:] = 0
    high_ps = counts.size << shift
    first = last = 0
    for k in range(announced_ps.size):
        time_ps = announced_ps[k]
        base_ps = time_ps + low_ps + np.int64(rate * (time_ps - announced_ps[0]))
        while first < own_ps.size and own_ps[first] < base_ps:
            first += 1
        while last < own_ps.size and own_ps[last] - base_ps < high_ps:
            last += 1
        for late_ps in own_ps[first:last]:
            # Not below zero: that a number is unsigned spares a test of the index.
            counts[np.uint64(late_ps - base_ps) >> np.uint64(shift)] += 1
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
    reach_ps = grid.reach_ps(later_ps)
    best = _Best(grid.candidates)
    searched = 0
    room = np.empty(grid.block, dtype=np.int32)
    for number, off_rate in enumerate(grid.off_rates):
        low_ps, bins = _coarse_window(config, prior, start_ps, float(off_rate), grid)
        rate = prior.course.rate + float(off_rate)
        counts = room[:bins]
        for block in range(0, bins, counts.size - 1):  # one bin of overlap: pairs of neighbours
            block_ps = low_ps + (block << grid.shift)
            begin = np.searchsorted(own_ps, start_ps + block_ps)
            top = _coarse_block(announced_ps, own_ps[begin:], block_ps, rate, grid.shift, counts)
            if top > best.least:
                best.add(counts, number, block_ps, grid.shift)
        searched += bins
    rates = prior.course.rate + grid.off_rates
    found = [
        Candidate(
            count,
            Alignment(start_ps, float(offset_ps), float(rates[number])),
            reach_ps,
            grid.rate_step,
        )
        for count, number, offset_ps in best.places.tolist()
    ]
    return Places(found, searched)


class _Best:
    """The best places so far, at most so many; of equal ones those that came first.

    Attributes
    ----------
    places : (P, 3) int64
        Count, number of the rate and offset (ps) of each, by falling count.
    least : int
        What a place must count more than to be taken.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.places = np.empty((0, 3), dtype=np.int64)
        self.least = 0

    def add(self, counts: NDArray[np.int32], rate: int, low_ps: int, shift: int) -> None:
        """Take in a histogram from ``low_ps`` on, of one rate."""
        at = _places_above(counts, self.least, self._most)
        more = np.empty((at.size, 3), dtype=np.int64)
        more[:, 0] = counts[at] + counts[at + 1]
        more[:, 1] = rate
        more[:, 2] = low_ps + ((at + 1) << shift)
        places = np.concatenate((self.places, more))
        order = np.argsort(-places[:, 0], kind="stable")[: self._most]
        self.places = places[order]
        self.least = int(self.places[-1, 0]) if order.size == self._most else 0


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


def _places_above(counts: NDArray[np.int32], least: int, most: int) -> NDArray[np.int64]:
    """Bins that count more than ``least`` with the next one: the best ``most`` of them."""
    places = _list_above(counts, least)
    if places.size <= most:
        return places
    best = np.argpartition(counts[places] + counts[places + 1], -most)[-most:]
    return places[np.sort(best)]


STRIDE_BINS = 256
"""Bins that are passed by together where none is wanted."""


@kernel
def _list_above(counts: NDArray[np.int32], least: int) -> NDArray[np.int64]:
    """All such bins, ascending."""
    places, found = np.empty(counts.size, dtype=np.int64), 0
    for start in range(0, counts.size - 1, STRIDE_BINS):
        part, top = counts[start : start + STRIDE_BINS + 1], np.int32(0)
        for k in range(part.size - 1):
            top = max(top, np.int32(part[k] + part[k + 1]))
        for k in range(part.size - 1 if top > least else 0):
            if part[k] + part[k + 1] > least:
                places[found] = start + k
                found += 1
    return places[:found].copy()
