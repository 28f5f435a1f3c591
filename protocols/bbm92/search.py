"""When to look for the other clock, and how widely: little work while there is nothing to find.

It knows times, click rates and outcomes, never clicks, bases or bits.

After a lock was lost the clock is still known well: each announcement is looked at within the
narrow prior that follows, which costs as much as matching it would. A wide search costs a hundred
times that. It is tried again after waits that double, but at once and deeper where no more light
comes: what has not been found by then is lost. A change of the click rate at either end, as
when light comes or goes, ends the wait, and the search begins afresh with the newest light.

A wide search that has found nothing is followed by deeper ones, with more light and more work, and
these are what a link in the dark could spend all its time on. Deep ones are tried twice each: what
one has missed by chance the next, in other light, finds in less time than a deeper one is earned
in. So all wide searches are paid from one account: it begins with `FIRST_CREDIT`, and every second
of this end's own time adds `WORK_PER_S`, or less and less where a search goes on for longer than
`PATIENCE_S` in light that does not change: then each doubling of the time adds as much, up to
`SLOWEST_S`. From there on a second pays as little as there. A deep one waits until it can be paid
in full, a first one while the account is overdrawn. First ones in the place of deep ones take half
of what is earned at most: a clock that only a deep one finds is found after any time. In a time
``t`` no more is done than ``FIRST_CREDIT + WORK_PER_S * t``, and one first search.

Announced times and rates may be forged, and with them the waits and changes, but not the own time:
nor does a forger make more work than that. Narrow searches come once in `OWN_WAIT_PS` of it.
"""

import math
from dataclasses import dataclass

from protocols.bbm92.prior import ClockPrior, wide_prior
from protocols.link import EARLIEST_PS, NEVER_PS, PS_PER_S, LinkConfig

FIRST_WAIT_PS = PS_PER_S // 2
MOST_WAIT_PS = 32 * PS_PER_S
"""Light between two wide searches that find nothing."""
TRUST_PS = 8 * PS_PER_S
"""Light in which only the narrow prior of a lost lock is looked through."""
NARROW_WAIT_PS = PS_PER_S // 2
OWN_WAIT_PS = PS_PER_S // 4
"""Own light between two searches of any kind."""
WORK_PER_S = 2e7
"""Work of wide searches (`protocols.bbm92.coarse.effort_of`) that a second of own light pays for:
some tenth of a second."""
PATIENCE_S = 120.0
"""Own time of a search after which a second pays less, as the inverse of the time so far."""
SLOWEST_S = 86_400.0
"""Own time of a search after which no second pays less than the one before."""
FIRST_CREDIT, MOST_CREDIT = 5e8, 1.5e9
"""Work that is paid for at first, and at most."""
MAX_NARROW_DEPTH = 3
"""With each step twice the light, and twice the wait."""
TWICE_FROM_DEPTH = 2
MAX_DEPTH = 6
"""An attempt of this depth takes a slice four thousand times as long as the first, were there no
bounds on light and work (`protocols.bbm92.coarse.effort_of`)."""
LAST_DEPTH = 2
"""Light of which no more comes is looked through as deep at once, as far as that is paid for."""
CHANGE_SHARE, CHANGE_SIGMA = 0.02, 5.0
"""Click rates have changed if they differ by so much more than chance."""


@dataclass(frozen=True, slots=True)
class Brightness:
    """Clicks of both ends in some light."""

    clicks: tuple[int, int]
    light_ps: int

    def differs(self, other: "Brightness") -> bool:
        """Whether either end's click rate has changed."""
        return any(
            _differ(mine, self.light_ps, theirs, other.light_ps)
            for mine, theirs in zip(self.clicks, other.clicks, strict=True)
        )


def _differ(clicks: int, light_ps: int, others: int, other_light_ps: int) -> bool:
    rate, other = clicks / light_ps, others / other_light_ps
    sigma = math.sqrt((clicks + 1) / light_ps**2 + (others + 1) / other_light_ps**2)
    return abs(rate - other) > CHANGE_SHARE * max(rate, other) + CHANGE_SIGMA * sigma


class WorkAccount:
    """Work that own time has paid for and searches have not yet done."""

    def __init__(self) -> None:
        self._credit = FIRST_CREDIT
        self._counted_ps = self._begun_ps = NEVER_PS

    def begin(self) -> None:
        """There may be something else to find: from the next look on each second pays in full."""
        self._begun_ps = NEVER_PS

    def credit(self, own_stop_ps: int) -> float:
        """What there is at own time ``own_stop_ps``; below 0 if it is overdrawn."""
        self._begun_ps = min(self._begun_ps, own_stop_ps)
        counted_ps = min(self._counted_ps, own_stop_ps)
        paid_s = _paid_s(own_stop_ps - self._begun_ps) - _paid_s(counted_ps - self._begun_ps)
        self._credit = min(self._credit + WORK_PER_S * paid_s, MOST_CREDIT)
        self._counted_ps = own_stop_ps
        return self._credit

    def earned_ps(self, work: float) -> int:
        """Own time by which ``work`` more is paid for than at the last look."""
        searched_ps = self._counted_ps - self._begun_ps
        paid_s = _paid_s(searched_ps) + work / WORK_PER_S
        return self._begun_ps + math.ceil(_searched_s(paid_s) * PS_PER_S)

    def spend(self, work: float) -> None:
        """Pay for some work, whether there is so much or not."""
        self._credit -= work


def _paid_s(searched_ps: int) -> float:
    """Seconds that are paid for of a search of so much own time."""
    searched_s = searched_ps / PS_PER_S
    if searched_s <= PATIENCE_S:
        return searched_s
    slower_s = min(searched_s, SLOWEST_S)
    later = (searched_s - slower_s) / SLOWEST_S
    return PATIENCE_S * (1.0 + math.log(slower_s / PATIENCE_S) + later)


def _searched_s(paid_s: float) -> float:
    """The search that so many seconds are paid for of, the inverse of `_paid_s`."""
    if paid_s <= PATIENCE_S:
        return paid_s
    later = max(paid_s - _paid_s(round(SLOWEST_S * PS_PER_S)), 0.0) / PATIENCE_S
    return PATIENCE_S * math.exp(paid_s / PATIENCE_S - 1.0 - later) + later * SLOWEST_S


class SearchPlan:
    """Which prior to look through next, if any.

    Attributes
    ----------
    wide : ClockPrior
        What the topology says.
    """

    def __init__(self, config: LinkConfig) -> None:
        self.wide = wide_prior(config)
        self._narrow: ClockPrior | None = None
        self._narrow_due_ps = EARLIEST_PS
        self._wide_due_ps = EARLIEST_PS
        self._wait_ps = FIRST_WAIT_PS
        self._failed_in: Brightness | None = None
        self._own_due_ps = EARLIEST_PS
        self._account = WorkAccount()
        self._deep_due_ps, self._instead_due_ps = NEVER_PS, EARLIEST_PS
        self._goes_deeper = self._is_second = False
        self._wide_depth = self._narrow_depth = 0

    @property
    def best_known(self) -> ClockPrior:
        """The narrowest prior there is."""
        return self.wide if self._narrow is None else self._narrow

    def depth(self, prior: ClockPrior) -> int:
        """How deep the next search in that prior is to be: 0 for the first."""
        return self._narrow_depth if prior is self._narrow else self._wide_depth

    def is_worth_a_last_look(self, own_stop_ps: int) -> bool:
        """Whether to look once more, without a wait, where no more light comes."""
        is_first = self._wide_depth == LAST_DEPTH and not self._is_second
        is_shallow = self._wide_depth < LAST_DEPTH or is_first
        return is_shallow and self._account.credit(own_stop_ps) >= 0

    def pays(self, work: float, own_stop_ps: int) -> bool:
        """Whether a wide search of the present depth is paid for; False if it must wait.

        One of depth 0 is, however little there is.
        """
        credit = self._account.credit(own_stop_ps)
        self._goes_deeper = self._wide_depth == 0 or work <= credit
        if self._goes_deeper:
            self._account.spend(work)
            self._deep_due_ps = NEVER_PS
        else:
            self._deep_due_ps = self._account.earned_ps(work - credit)
        return self._goes_deeper

    def spend(self, work: float) -> None:
        """Pay for a search of depth 0 that is done instead; as much is kept for the deep one."""
        self._account.spend(work)
        self._instead_due_ps = self._account.earned_ps(2 * work)

    def due(self, stop_ps: int, own_stop_ps: int, brightness: Brightness) -> ClockPrior | None:
        """Prior to look through with light up to announcer time ``stop_ps``; None to wait.

        ``own_stop_ps`` is the watermark of the own clicks.
        """
        if own_stop_ps < self._own_due_ps:
            return None
        if self._failed_in is not None and brightness.differs(self._failed_in):
            self._begin_afresh(stop_ps)
        if self._narrow is not None and stop_ps >= self._narrow_due_ps:
            return self._narrow
        is_due = self.is_due(stop_ps, own_stop_ps) or own_stop_ps >= self._deep_due_ps
        return self.wide if is_due and self._account.credit(own_stop_ps) >= 0 else None

    def is_due(self, stop_ps: int, own_stop_ps: int) -> bool:
        """Whether a wide search is due that need not be deep."""
        return stop_ps >= self._wide_due_ps and own_stop_ps >= self._instead_due_ps

    def _begin_afresh(self, stop_ps: int) -> None:
        self._account.begin()
        self._failed_in = None
        self._wait_ps = FIRST_WAIT_PS
        self._wide_depth = self._narrow_depth = 0
        self._is_second = False
        self._deep_due_ps, self._instead_due_ps = NEVER_PS, EARLIEST_PS
        if self._narrow is None:
            self._wide_due_ps = stop_ps
        else:
            self._narrow_due_ps = stop_ps

    def failed(
        self, prior: ClockPrior, stop_ps: int, own_stop_ps: int, brightness: Brightness
    ) -> None:
        """Nothing was found in light up to ``stop_ps``."""
        self._own_due_ps = own_stop_ps + OWN_WAIT_PS
        self._failed_in = brightness
        if prior is self._narrow:
            self._narrow_due_ps = stop_ps + (NARROW_WAIT_PS << self._narrow_depth)
            self._narrow_depth = min(self._narrow_depth + 1, MAX_NARROW_DEPTH)
            return
        self._wide_due_ps = stop_ps + self._wait_ps
        if self._goes_deeper:
            self._deepen()
        self._wait_ps = min(2 * self._wait_ps, MOST_WAIT_PS)

    def _deepen(self) -> None:
        """A search of the present depth has found nothing: the same once more, or a deeper one."""
        is_over = self._is_second or self._wide_depth < TWICE_FROM_DEPTH
        self._is_second = not is_over
        self._wide_depth = min(self._wide_depth + is_over, MAX_DEPTH)

    def lost(self, prior: ClockPrior, stop_ps: int) -> None:
        """A lock was lost at ``stop_ps``; ``prior`` is what is still known."""
        self._account.begin()
        self._narrow = prior
        self._narrow_due_ps = stop_ps
        self._wide_due_ps = stop_ps + TRUST_PS
        self._wait_ps = TRUST_PS
        self._failed_in = None
        self._wide_depth = self._narrow_depth = 0
        self._is_second = False
        self._deep_due_ps, self._instead_due_ps = NEVER_PS, EARLIEST_PS
