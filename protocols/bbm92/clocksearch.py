"""The search for the announcer's clock: which light to look through, when, and with what result.

It sees times, never bases or bits. What is found is followed by `protocols.bbm92.tracking`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coarse import Effort, effort_of
from protocols.bbm92.prior import ClockPrior, is_possible
from protocols.bbm92.search import Brightness, SearchPlan
from protocols.bbm92.searchlight import SearchLight, Stretch
from protocols.bbm92.synchronise import (
    Lock,
    NoLock,
    acquire,
    light_needed_ps,
    light_wanted_ps,
)
from protocols.link import LinkConfig
from protocols.tagbook import TagBook

MARGIN_PS = 1_000_000
"""The error of an alignment is far below this."""


class OwnClicks:
    """Click times of this end in ps of its clock, as the tag book has them.

    Parameters
    ----------
    config : LinkConfig
        Says how long a tick is.
    book : TagBook
        Where the clicks are.
    """

    def __init__(self, config: LinkConfig, book: TagBook) -> None:
        self._tick_ps = config.responder_tick_ps
        self._book = book

    @property
    def stop_ps(self) -> int:
        """All clicks before this are there."""
        return self._book.stop_ticks * self._tick_ps

    def between(self, start_ps: int, stop_ps: int) -> tuple[int, NDArray[np.int64]]:
        """Number of the first click in [start, stop) and all their times ((M,) int64, ps)."""
        return self._book.times_between(
            start_ps // self._tick_ps, stop_ps // self._tick_ps, self._tick_ps
        )

    def count(self, start_ps: int, stop_ps: int) -> int:
        """How many `between` would give."""
        start_id, stop_id = (
            self._book.id_from(time_ps // self._tick_ps) for time_ps in (start_ps, stop_ps)
        )
        return max(0, stop_id - start_id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a search is about: ``newest`` is the last announcement of the light it looks through."""

    prior: ClockPrior
    newest: Stretch
    brightness: Brightness


class ClockSearch:
    """Announced light, and what is known of the clock while it is not followed.

    Attributes
    ----------
    plan : SearchPlan
        Which prior is looked through when.
    light : SearchLight
        Of the last announcements.
    """

    def __init__(self, config: LinkConfig, own: OwnClicks) -> None:
        self._config = config
        self._own = own
        self.plan = SearchPlan(config)
        self.light = SearchLight()

    def bounds_ps(self, prior: ClockPrior, time_ps: int) -> tuple[int, int]:
        """How far before and after announced ``time_ps`` the own partner may lie."""
        low_ps, high_ps = prior.window_ps(time_ps)
        delays_ps, reach_ps = self._config.lane_delays_ps, self._config.umi_delay_ps + MARGIN_PS
        return low_ps + min(delays_ps) - reach_ps, high_ps + max(delays_ps) + reach_ps

    def next_attempt(self, *, is_light_over: bool) -> Attempt | None:
        """What to look for now; None to wait for more light."""
        newest = self._newest_covered(self.plan.best_known, is_light_over=is_light_over)
        if newest is None:
            return None
        brightness = self._brightness(newest.times_ps)
        prior = self.plan.due(newest.stop_ps, self._own.stop_ps, brightness)
        if prior is self.plan.wide:
            newest = self._newest_covered(prior, is_light_over=is_light_over)
        return None if prior is None or newest is None else Attempt(prior, newest, brightness)

    def last_attempt(self) -> Attempt | None:
        """What to look for, without a wait, in light of which no more comes; None for nothing."""
        newest = self._newest_covered(self.plan.wide, is_light_over=True)
        if newest is None or not self.plan.is_worth_a_last_look(self._own.stop_ps):
            return None
        return Attempt(self.plan.wide, newest, self._brightness(newest.times_ps))

    def look(self, attempt: Attempt) -> Lock | NoLock | None:
        """Look through the light that there is; None if there is too little, or it must wait."""
        prior, stop_ps = attempt.prior, attempt.newest.stop_ps
        trial = self._affordable(attempt)
        if trial is None:
            return None
        found = self._checked(
            acquire(self._config, prior, *trial.ends, slice_ps=trial.effort.slice_ps)
        )
        if isinstance(found, NoLock):
            self.plan.failed(prior, stop_ps, self._own.stop_ps, attempt.brightness)
        return found

    def _affordable(self, attempt: Attempt) -> "_Trial | None":
        """The search that is due, or a first one in its place while it cannot be paid."""
        trial = self._trial(attempt, self.plan.depth(attempt.prior))
        if trial is None or attempt.prior is not self.plan.wide:
            return trial
        if self.plan.pays(trial.effort.work, self._own.stop_ps):
            return trial
        is_due = self.plan.is_due(attempt.newest.stop_ps, self._own.stop_ps)
        trial = self._trial(attempt, 0) if is_due else None
        if trial is not None:
            self.plan.spend(trial.effort.work)
        return trial

    def _trial(self, attempt: Attempt, depth: int) -> "_Trial | None":
        """A search of that depth; None without as much light as it needs."""
        prior, stop_ps = attempt.prior, attempt.newest.stop_ps
        wanted_ps = light_wanted_ps(self._config, prior, stop_ps, depth)
        announced_ps = self.light.last(stop_ps, wanted_ps)
        if stop_ps - int(announced_ps[0]) < light_needed_ps(self._config, prior, stop_ps):
            return None
        own_ps = self._own_around(prior, announced_ps)
        is_wide = prior is self.plan.wide
        effort = (
            effort_of(self._config, prior, announced_ps, own_ps, depth) if is_wide else Effort()
        )
        return _Trial((announced_ps, own_ps), effort)

    def _newest_covered(self, prior: ClockPrior, *, is_light_over: bool) -> Stretch | None:
        """The last announcement of which all partners that the prior allows have come."""
        for stretch in self.light.newest_first():
            late_ps = self.bounds_ps(prior, stretch.stop_ps)[1]
            if is_light_over or stretch.stop_ps + late_ps <= self._own.stop_ps:
                return stretch
        return None

    def _checked(self, found: Lock | NoLock) -> Lock | NoLock:
        """No lock where the clock would be beyond what the topology says that it can be."""
        if isinstance(found, NoLock) or is_possible(
            self.plan.wide, found.alignment, found.covariance
        ):
            return found
        line = found.alignment
        reason = f"out of bounds: {line.offset_ps:.0f} ps and {line.rate * 1e6:.3g} ppm"
        return NoLock(found.significance_sigma, found.searched_bins, reason)

    def _own_around(self, prior: ClockPrior, times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        first_ps, last_ps = int(times_ps[0]), int(times_ps[-1])
        low_ps, high_ps = self.bounds_ps(prior, first_ps)[0], self.bounds_ps(prior, last_ps)[1]
        return self._own.between(first_ps + low_ps, last_ps + high_ps)[1]

    def _brightness(self, times_ps: NDArray[np.int64]) -> Brightness:
        """Clicks of both ends while those of an announcement came, as far as clocks are known."""
        first_ps, last_ps = int(times_ps[0]), int(times_ps[-1]) + 1
        own_clicks = self._own.count(first_ps, last_ps)
        return Brightness((times_ps.size, own_clicks), last_ps - first_ps)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Click times of both ends, (N,) and (M,) int64 ps, and how hard to look through them."""

    ends: tuple[NDArray[np.int64], NDArray[np.int64]]
    effort: Effort
