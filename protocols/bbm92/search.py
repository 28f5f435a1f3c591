"""When to look for the other clock, and how widely: little work while there is nothing to find.

It knows times, click rates and outcomes, never clicks, bases or bits.

After a lock was lost the clock is still known well: each announcement is looked at within the
narrow prior that follows, which costs as much as matching it would. A wide search costs a hundred
times that. It is tried again after waits that double, each time deeper: with more light, and more
work. A change of the click rate at either end, as when light comes or goes, ends the wait, and the
search begins afresh with the newest light.

Announced times and rates may be forged, and with them these waits and changes. What bounds the work
is this end's own time: one search in `OWN_WAIT_PS` of it, whatever is announced.
"""

import math
from dataclasses import dataclass

from protocols.bbm92.prior import ClockPrior, wide_prior
from protocols.link import EARLIEST_PS, PS_PER_S, LinkConfig

FIRST_WAIT_PS = PS_PER_S // 2
MOST_WAIT_PS = 32 * PS_PER_S
"""Light between two wide searches that find nothing."""
TRUST_PS = 8 * PS_PER_S
"""Light in which only the narrow prior of a lost lock is looked through."""
NARROW_WAIT_PS = PS_PER_S // 2
OWN_WAIT_PS = PS_PER_S // 4
"""Own light between two searches of any kind."""
MAX_NARROW_DEPTH = 3
"""With each step twice the light, and twice the wait."""
MAX_DEPTH = 6
"""An attempt of this depth takes a slice four thousand times as long as the first, were there no
bounds on light and work."""
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
        self._deep_due_ps = EARLIEST_PS
        self._wide_depth = self._narrow_depth = 0

    @property
    def best_known(self) -> ClockPrior:
        """The narrowest prior there is."""
        return self.wide if self._narrow is None else self._narrow

    def depth(self, prior: ClockPrior, own_stop_ps: int) -> int:
        """How deep the search in that prior is now, see `protocols.bbm92.synchronise.acquire`."""
        if prior is self._narrow:
            return self._narrow_depth
        return self._wide_depth if own_stop_ps >= self._deep_due_ps else 0

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
        return self.wide if stop_ps >= self._wide_due_ps else None

    def _begin_afresh(self, stop_ps: int) -> None:
        self._failed_in = None
        self._wait_ps = FIRST_WAIT_PS
        self._wide_depth = self._narrow_depth = 0
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
        if own_stop_ps >= self._deep_due_ps:
            self._deep_due_ps = own_stop_ps + self._wait_ps // 2
            self._wide_depth = min(self._wide_depth + 1, MAX_DEPTH)
        self._wait_ps = min(2 * self._wait_ps, MOST_WAIT_PS)

    def lost(self, prior: ClockPrior, stop_ps: int) -> None:
        """A lock was lost at ``stop_ps``; ``prior`` is what is still known."""
        self._narrow = prior
        self._narrow_due_ps = stop_ps
        self._wide_due_ps = stop_ps + TRUST_PS
        self._wait_ps = TRUST_PS
        self._failed_in = None
        self._wide_depth = self._narrow_depth = 0
