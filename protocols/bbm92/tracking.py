"""Follow the other clock, the lanes that have light and their names, announcement by announcement.

It sees times, never bases or bits.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.clockfilter import ClockFilter
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.course import Course
from protocols.bbm92.fitting import CERTAIN, explain
from protocols.bbm92.lanewatch import LaneWatch
from protocols.bbm92.prior import ClockPrior, is_possible, narrow_prior
from protocols.bbm92.smoothing import DRIFT_WALK_PER_S
from protocols.bbm92.synchronise import Lock
from protocols.link import PS_PER_S, LinkConfig
from protocols.matching import NearPairs

MOST_DARK = 3
"""Announcements without a peak after which light is not looked for further back."""
STEADY_PS = 5 * PS_PER_S
"""How long a drift is remembered, for when the clock is no longer seen."""
CHECK_EVERY = 8
"""Announcements from one look at the middle peak to the next."""
STALE_SIGMA_PS = 3_000.0
"""A clock that has not been seen for so long that it is known no better must be found again: it may
be further off than `HALF_PS`, or be taken up one peak away from where it is."""
MARGIN_PS = 2_000_000
"""The error of an alignment is below this."""
_UNITS: NDArray[np.float64] = np.outer([1.0, 1.0 / PS_PER_S], [1.0, 1.0 / PS_PER_S])
"""Of a covariance of offset and rate: the rate of the filter is in ps/s."""


class Tracker:
    """Follows offset, rate and drift from one announcement to the next.

    A Kalman filter whose state moves by the clocks' white frequency noise and by random walks of
    rate and drift (`protocols.bbm92.smoothing`); within an announcement a smoother, so that each
    pair is matched by what came before it and after it.

    Parameters
    ----------
    config : LinkConfig
        Lanes and clocks.
    lock : Lock
        Where to begin.
    lit_ps : int
        Announcer's time from which on the lock has seen light; announcements before it may lie in
        the dark, and that is no news.

    Attributes
    ----------
    alignment : Alignment
        In the middle of the last announcement.
    is_settled : bool
        Whether an announcement from ``lit_ps`` on has come.
    """

    def __init__(self, config: LinkConfig, lock: Lock, *, lit_ps: int) -> None:
        self._config = config
        self._lit_ps = lit_ps
        self.is_settled = False
        self.alignment = lock.alignment
        self._filter = ClockFilter(config, lock)
        self._slow_drift = DRIFT_WALK_PER_S * PS_PER_S
        self._turns = 0
        self._watch = LaneWatch(config)
        self._names = _LaneNames(config, lock.shifts_ps)
        furthest_ps = max(abs(delay_ps) for delay_ps in config.lane_delays_ps)
        self._furthest_ps = furthest_ps + config.umi_delay_ps + MARGIN_PS

    @property
    def lit(self) -> NDArray[np.bool_]:
        """(lanes,) which lanes have light."""
        return self._watch.lit

    @property
    def is_lost(self) -> bool:
        """Whether no lane has light any more: nothing tells where the clock is."""
        return self.is_settled and not self._watch.lit.any()

    def is_stale(self, time_ps: int) -> bool:
        """Whether too little is known of the clock at announcer time ``time_ps``, with light."""
        return time_ps > self._lit_ps and self._filter.sigma_ps(time_ps) > STALE_SIGMA_PS

    @property
    def drift_per_s(self) -> float:
        """Change of the rate in 1 s, averaged over some seconds."""
        return self._slow_drift / PS_PER_S

    @property
    def reach_ps(self) -> int:
        """How far from the predicted time of equal arrival the pairs of any lane may be."""
        return self._furthest_ps + self._names.furthest_ps

    def _covariance(self) -> NDArray[np.float64]:
        """(2, 2) of offset (ps) and rate."""
        covariance: NDArray[np.float64] = self._filter.state.covariance[:2, :2]
        return covariance * _UNITS

    def is_within(self, bounds: ClockPrior) -> bool:
        """Whether the clock is where the topology says that it can be.

        One that is led out of its bounds, little by little, is no clock but somebody's delay.
        """
        return is_possible(bounds, self._filter.state.line(), self._covariance())

    def prior(self) -> ClockPrior:
        """Where the clock may be from here on, if nothing more is seen of it."""
        return narrow_prior(
            self._config,
            self._filter.state.line(),
            self._covariance(),
            self._names.shifts_ps,
            drift_per_s=abs(self.drift_per_s),
        )

    # Back to the beginning of the light ---------------------------------------------------------

    def retrace(self, newest_first: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> None:
        """Go back through announcements that wait, to where their light began.

        A line that fits the light of the lock is no line any more some seconds before, where the
        rate changes or wanders.

        Parameters
        ----------
        newest_first : iterable of ((N,) int64, (M,) int64)
            Announced times, ascending, none after the light that the lock was fitted to, and the
            own ones around them.
        """
        reached, dark = None, 0
        lanes = list(range(self._config.lanes))
        for announced_ps, own_ps in newest_first:
            is_lit = (
                announced_ps.size > 0
                and own_ps.size > 1
                and self._filter.smooth(announced_ps, own_ps, lanes, is_backward=True).is_lit
            )
            dark = 0 if is_lit else dark + 1
            if dark == MOST_DARK:
                break
            if is_lit:
                reached = self._filter.state
                self._lit_ps = min(self._lit_ps, int(announced_ps[0]))
        if reached is not None:
            self._filter.doubt(reached)

    # On and on ----------------------------------------------------------------------------------

    def follow(
        self,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        *,
        stop_ps: int,
        light_ps: int,
    ) -> NearPairs | None:
        """Update with one announcement and the own times around it (both ascending int64, ps).

        Parameters
        ----------
        stop_ps, light_ps : int
            Where the announcement ends, and how much light it covers.

        Returns
        -------
        NearPairs or None
            Pairs near the peaks, with differences by the course of the clock; None without light.
        """
        is_dark = stop_ps <= self._lit_ps
        if not self.is_settled and not is_dark:
            self.is_settled = True
            self._watch = LaneWatch(self._config)
        if announced_ps.size == 0 or own_ps.size < 2:
            nothing = np.empty(0, dtype=np.int64)
            self._watch.look(nothing, density_per_ps=0.0, light_ps=light_ps)
            return None
        before = self._filter.state
        lanes = [lane for lane, is_lit in enumerate(self._watch.lit.tolist()) if is_lit]
        smoothed = self._filter.smooth(announced_ps, own_ps, lanes)
        pairs, course, density = smoothed.pairs, smoothed.course, smoothed.density_per_ps
        if is_dark:
            self._filter.state = before
        line = course.line((int(announced_ps[0]) + int(announced_ps[-1])) // 2)
        shift_ps = self._shift_ps(course, line, announced_ps, own_ps, density)
        if shift_ps:
            self._filter.shift(shift_ps)
            line = replace(line, offset_ps=line.offset_ps + shift_ps)
        self.alignment = line
        self._remember_drift(light_ps)
        pairs = course.about(pairs, announced_ps, own_ps, shift_ps=shift_ps)
        self._watch.look(pairs.differences_ps, density_per_ps=density, light_ps=light_ps)
        return pairs

    def _remember_drift(self, light_ps: int) -> None:
        share = min(light_ps / STEADY_PS, 1.0)
        self._slow_drift += share * (float(self._filter.state.values[2]) - self._slow_drift)

    def _shift_ps(
        self,
        course: Course,
        line: Alignment,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        density_per_ps: float,
    ) -> float:
        """By how much the offset is off where lanes or peaks were taken for others."""
        self._turns += 1
        delay_ps = float(self._config.umi_delay_ps)
        is_checked = delay_ps > 0 and self._turns % CHECK_EVERY == 0
        if not (is_checked or self._names.shifts_ps):
            return 0.0
        shift_ps = 0.0
        if self._names.shifts_ps:
            shift_ps = self._names.judge(course, line, announced_ps, own_ps, density_per_ps)
        if shift_ps:
            self._watch = LaneWatch(self._config)
        if is_checked:
            # A clock that has been led or pushed one peak away would be followed there for good:
            # all is well there but the errors.
            line = replace(line, offset_ps=line.offset_ps + shift_ps)
            peaks = _LaneNames(self._config, (-delay_ps, delay_ps))
            shift_ps += peaks.judge(course, line, announced_ps, own_ps, density_per_ps)
        return shift_ps


class _LaneNames:
    """Offsets that are still possible where the lanes that were lit looked like others.

    Two lanes of which one has light look like each other. As soon as the other one shows, one of
    the offsets explains what is seen and the others do not.
    """

    def __init__(self, config: LinkConfig, shifts_ps: tuple[float, ...]) -> None:
        self._config = config
        self.shifts_ps = shifts_ps
        """Of the others against the one in use; empty when it is certain."""
        self._scores = np.zeros(1 + len(shifts_ps))

    @property
    def furthest_ps(self) -> int:
        """How far off the offset may be."""
        return math.ceil(max(map(abs, self.shifts_ps))) if self.shifts_ps else 0

    def judge(
        self,
        course: Course,
        line: Alignment,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        density_per_ps: float,
    ) -> float:
        """Drop what the pairs of an announcement rule out; by how much the offset moves (ps)."""
        shifts_ps = np.array((0.0, *self.shifts_ps))

        def differences_ps(low_ps: int, high_ps: int) -> NDArray[np.int64]:
            return course.near(line, announced_ps, own_ps, low_ps=low_ps, high_ps=high_ps)

        offsets_ps = line.offset_ps + shifts_ps
        explained = explain(
            self._config, line.offset_ps, offsets_ps, differences_ps, density_per_ps
        )
        self._scores += explained.log_likelihoods
        self._scores -= self._scores.max()
        first = 0 if self._scores[0] > -CERTAIN else int(self._scores.argmax())
        kept = [int(k) for k in np.flatnonzero(self._scores > -CERTAIN) if k != first]
        self._scores = self._scores[[first, *kept]]
        self.shifts_ps = tuple(float(shifts_ps[k] - shifts_ps[first]) for k in kept)
        return float(shifts_ps[first])
