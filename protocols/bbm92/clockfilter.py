"""Follow another clock through one announcement after the other, by pairs of lit lanes.

It sees times, never bases or bits; which lanes have light is told to it.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.chance import sigma_of
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.course import Course
from protocols.bbm92.lanes import (
    clear_peaks,
    pair_density_per_ps,
    pairs_at_lanes,
    residuals_about,
)
from protocols.bbm92.scatter import Scatter
from protocols.bbm92.smoothing import advance, differences_ps, smooth_announcement
from protocols.bbm92.synchronise import Lock
from protocols.compiled import kernel
from protocols.link import PS_PER_S, LinkConfig
from protocols.matching import NearPairs

HALF_PS = 2_500
"""Residuals within this of a peak correct the clock."""
LEAST_SIGMA, LEAST_RESIDUALS = 4.0, 3
FIRST_DRIFT_PER_S = 2e-9
"""Standard deviation of the rate's change in 1 s before any has been seen; were it larger, weak
light among many clicks would lead the clock astray."""
DOUBT = 4.0
"""The variance of a fit is taken to be so much larger than what its residuals say."""
CELL_WALK_PS = 300.0
LEAST_CELL_PS, MOST_CELL_PS = PS_PER_S // 200, PS_PER_S // 8
"""A cell is so short that the clocks wander by `CELL_WALK_PS` in it, within these bounds."""
MAX_CELLS = 256
MOST_PAIRS = 8192
"""Pairs of an announcement that the clock is followed by: thirty and more a cell."""
WANDER_SIGMAS = 4.0
NARROWER = 0.8
"""An announcement is smoothed again where the peak lets its gate be so much narrower."""
WELL_KNOWN = 20
"""It is not where the course is known to such a part of the window already."""
LEAST_KEPT = 0.75
"""Nor where the narrower gate has less of what is related than such a part: a clock that has moved
is not where the course takes it to be."""
MOST_BEYOND_PS = 900_000.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Offset (ps), rate (ps/s) and drift (ps/s^2) at announcer time ``zero_ps``, and covariance."""

    zero_ps: int
    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def line(self) -> Alignment:
        """The tangent."""
        return Alignment(self.zero_ps, float(self.values[0]), float(self.values[1]) / PS_PER_S)


def first_state(lock: Lock) -> State:
    """What a lock says; of the drift it says nothing."""
    line = lock.alignment
    unit = np.array([1.0, PS_PER_S])
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = DOUBT * lock.covariance * np.outer(unit, unit)
    covariance[2, 2] = (FIRST_DRIFT_PER_S * PS_PER_S) ** 2
    return State(
        line.reference_ps, np.array([line.offset_ps, line.rate * PS_PER_S, 0.0]), covariance
    )


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """What an announcement tells of the clock."""

    pairs: NearPairs
    """Near the peaks; the differences are about a line, not about the course."""
    course: Course
    density_per_ps: float
    """Unrelated pairs per ps of difference."""
    is_lit: bool
    """Whether a peak stands out; the course is extrapolated otherwise."""


class ClockFilter:
    """Offset, rate and drift of the clock: a Kalman filter, and a smoother in each announcement.

    Parameters
    ----------
    config : LinkConfig
        Lanes and clocks.
    lock : Lock
        Where to begin.

    Attributes
    ----------
    state : State
        At the end of the last announcement (its beginning, where time runs backwards).
    """

    def __init__(self, config: LinkConfig, lock: Lock) -> None:
        self._config = config
        self.state = first_state(lock)
        self._walk_ps = config.allan_deviation_1s * PS_PER_S
        cell_ps = PS_PER_S * (CELL_WALK_PS / max(self._walk_ps, 1e-3)) ** 2
        self._cell_ps = min(max(cell_ps, LEAST_CELL_PS), MOST_CELL_PS)
        self._scatter = Scatter(HALF_PS)
        self._peaks_ps: dict[tuple[int, ...], NDArray[np.int64]] = {}

    def sigma_ps(self, time_ps: int) -> float:
        """Standard deviation of the offset that is predicted for announcer time ``time_ps``."""
        step_s = (time_ps - self.state.zero_ps) / PS_PER_S
        _, covariance = advance(self.state.values, self.state.covariance, step_s, self._walk_ps)
        return math.sqrt(covariance[0, 0])

    def shift(self, shift_ps: float) -> None:
        """The offset is further by so much."""
        moved = self.state.values + np.array([shift_ps, 0.0, 0.0])
        self.state = replace(self.state, values=moved)

    def doubt(self, state: State) -> None:
        """Go on from an earlier state, less certain of it: what it has seen will be seen again."""
        self.state = replace(state, covariance=DOUBT * state.covariance)

    def smooth(
        self,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        lanes: list[int],
        *,
        is_backward: bool = False,
    ) -> Smoothed:
        """Take in one announcement.

        Parameters
        ----------
        announced_ps, own_ps : (N,), (M,) int64, ascending, N > 0
            Announced times, and the own ones around them.
        lanes : list of int
            Those that have light.
        is_backward : bool
            Whether the announcement is earlier than the state.
        """
        state = self.state
        first_ps, last_ps = int(announced_ps[0]), int(announced_ps[-1])
        cells = min(max(math.ceil((last_ps - first_ps) / self._cell_ps), 1), MAX_CELLS)
        knots_ps, middle, sigma_ps = _foresee(
            first_ps, last_ps, cells, state.zero_ps, state.values, state.covariance, self._walk_ps
        )
        beyond_ps = math.ceil(min(WANDER_SIGMAS * sigma_ps, MOST_BEYOND_PS))
        zero_ps = int(knots_ps[cells // 2])
        course = Course(zero_ps, middle, (knots_ps - zero_ps) / PS_PER_S, np.empty(0))
        line = course.line(zero_ps)
        pairs = pairs_at_lanes(self._config, line, announced_ps, own_ps, beyond_ps=beyond_ps)
        density = pair_density_per_ps(line, announced_ps, own_ps)
        if not lanes:
            return Smoothed(pairs, course, density, is_lit=False)
        sample, share = pairs.thinned(MOST_PAIRS)
        peaks_ps = self._clear_peaks(tuple(lanes))
        times_ps, values_ps, is_ordered = _residuals(
            announced_ps,
            own_ps,
            sample.announced,
            sample.own,
            peaks_ps,
            HALF_PS + beyond_ps,
            zero_ps,
            middle,
        )
        if not is_ordered:  # lanes far apart come in groups
            order = np.argsort(times_ps, kind="stable")
            times_ps, values_ps = times_ps[order], values_ps[order]
        background = share * (density * 2 * HALF_PS * peaks_ps.size)
        better = self._take(
            times_ps, values_ps, background, course, knots_ps, is_backward=is_backward
        )
        return Smoothed(pairs, better or course, density, is_lit=better is not None)

    def _clear_peaks(self, lanes: tuple[int, ...]) -> NDArray[np.int64]:
        """(K,) peaks of lit lanes, worked out once for each choice of them."""
        if lanes not in self._peaks_ps:
            self._peaks_ps[lanes] = clear_peaks(self._config, lanes, apart_ps=2 * HALF_PS)
        return self._peaks_ps[lanes]

    def _take(
        self,
        times_ps: NDArray[np.int64],
        values_ps: NDArray[np.float64],
        background: float,
        course: Course,
        knots_ps: NDArray[np.int64],
        *,
        is_backward: bool,
    ) -> Course | None:
        """Filter and smooth, again where more can be told that way; None without light.

        From distances (K,) of expected peaks by the predicted course, in order of time, of which
        ``background`` are unrelated among those within `HALF_PS` of any course. The first pass
        looks so far, for the clock may have moved; where unrelated ones blur what it finds, the
        next ones look at what is nearer to it, each from the same state on.
        """
        scatter, none = self._scatter, np.empty(0)

        def smoothed(half_ps: float, share: float, variance: float, known_ps: Floats) -> _Found:
            return _Found(
                *smooth_announcement(
                    times_ps,
                    values_ps,
                    knots_ps,
                    course.zero_ps,
                    course.state,
                    self.state.zero_ps,
                    self.state.values,
                    self.state.covariance,
                    half_ps,
                    self._walk_ps,
                    share,
                    variance,
                    is_backward,
                    known_ps,
                )
            )

        for _ in range(1 if scatter.has_seen else 2):
            found = smoothed(float(HALF_PS), scatter.share, scatter.variance, none)
            count = found.near_ps.size
            if sigma_of(count, background) < LEAST_SIGMA or count < LEAST_RESIDUALS:
                return None
            scatter.learn(found.near_ps, background)
        gate_ps, enough = float(HALF_PS), (self._config.window_ps / WELL_KNOWN) ** 2
        while found.variance > enough:
            half_ps = scatter.reach_ps(found.variance)
            if half_ps > NARROWER * gate_ps:
                break
            again = smoothed(half_ps, *scatter.within(half_ps), found.beyond_ps)
            kept = again.near_ps.size - background * half_ps / HALF_PS
            if kept < LEAST_KEPT * (count - background) - math.sqrt(background):
                break
            found, gate_ps = again, half_ps
        scatter.learn_peak(found.near_ps, gate_ps, background)
        self.state = State(int(knots_ps[0 if is_backward else -1]), found.values, found.covariance)
        return replace(course, beyond_ps=found.beyond_ps)


class _Found(NamedTuple):
    """What `smooth_announcement` returns."""

    values: Floats
    covariance: Floats
    beyond_ps: Floats
    near_ps: Floats

    @property
    def variance(self) -> float:
        """Of the offset at the end, where it is largest (ps^2)."""
        return float(self.covariance[0, 0])


@kernel
def _foresee(  # noqa: PLR0917 - a kernel takes arrays, not objects
    first_ps: int,
    last_ps: int,
    cells: int,
    zero_ps: int,
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    walk_ps: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Middles (N,) of the cells of an announcement, and the state (3,) predicted for the one amid.

    Also the largest standard deviation of an offset predicted for any of them. From the state and
    its covariance at ``zero_ps``, which is not within the announcement.
    """
    knots_ps = np.empty(cells, dtype=np.int64)
    half_ps = (last_ps - first_ps) / (2 * cells)
    for k in range(cells):
        knots_ps[k] = first_ps + np.int64((2 * k + 1) * half_ps)
    middle_s = (knots_ps[cells // 2] - zero_ps) / PS_PER_S
    middle, _ = advance(state, covariance, middle_s, walk_ps)
    _, early = advance(state, covariance, (knots_ps[0] - zero_ps) / PS_PER_S, walk_ps)
    _, late = advance(state, covariance, (knots_ps[-1] - zero_ps) / PS_PER_S, walk_ps)
    return knots_ps, middle, math.sqrt(max(early[0, 0], late[0, 0]))


@kernel
def _residuals(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    announced: NDArray[np.int64],
    own: NDArray[np.int64],
    peaks_ps: NDArray[np.int64],
    half_ps: int,
    zero_ps: int,
    state: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], bool]:
    """Announced times (K,) of pairs within ``half_ps`` of a peak by a parabola, and how far (K,).

    Also whether they come in order of time.
    """
    none = np.empty(0)
    found_ps = differences_ps(announced_ps, own_ps, announced, own, 0.0, zero_ps, state, none, none)
    at, values_ps = residuals_about(peaks_ps, found_ps, half_ps)
    times_ps, is_ordered = np.empty_like(at), True
    for k in range(at.size):
        times_ps[k] = announced_ps[announced[at[k]]]
        is_ordered &= k == 0 or times_ps[k] >= times_ps[k - 1]
    return times_ps, values_ps, is_ordered
