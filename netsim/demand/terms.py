"""What an application asks for and a pool holds back, and what has come of it: sums that add up."""

from dataclasses import dataclass
from enum import StrEnum


class OnEmpty(StrEnum):
    """What an application does where its pool has too little key."""

    WAIT = "wait"
    """It waits, behind those who were there before and have its priority or a higher one."""
    REJECT = "reject"
    """It goes away, and does not come back for this key."""
    LESS_OFTEN = "less-often"
    """As reject; and below the pool's threshold it gives up every second request beforehand."""


class PoolState(StrEnum):
    """How full a pool is, by its thresholds."""

    BELOW_MINIMUM = "below minimum"
    """Nothing is given: what is left is for others than applications."""
    BELOW_THRESHOLD = "below threshold"
    READY = "ready"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks.

    Attributes
    ----------
    name : str
    key_bits : int
        Of each key, >= 1.
    on_empty : OnEmpty
    deadline_ps : int or None
        A request that has waited for longer is of no use; None for any wait.
    priority : int
        Of two that wait the higher goes first.
    """

    name: str
    key_bits: int
    on_empty: OnEmpty = OnEmpty.WAIT
    deadline_ps: int | None = None
    priority: int = 0

    def is_late(self, arrived_ps: int, time_ps: int) -> bool:
        """Whether a key is of no use for a request of then; a deadline at t means t is late."""
        return self.deadline_ps is not None and time_ps - arrived_ps >= self.deadline_ps


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Levels of a pool in bits, 0 <= minimum <= threshold <= maximum."""

    minimum_bits: int = 0
    """Applications never draw the pool below it."""
    threshold_bits: int = 0
    """Below it the pool counts as low."""
    maximum_bits: int | None = None
    """What is deposited beyond it is wasted; None for no limit."""

    def state(self, level_bits: int) -> PoolState:
        """How full a pool of that level is."""
        if self.maximum_bits is not None and level_bits >= self.maximum_bits:
            return PoolState.FULL
        if level_bits < self.minimum_bits:
            return PoolState.BELOW_MINIMUM
        is_low = level_bits < self.threshold_bits
        return PoolState.BELOW_THRESHOLD if is_low else PoolState.READY


@dataclass(slots=True)
class ApplicationCounts:
    """What has become of the requests of one application; `arrived` is the sum of the others."""

    arrived: int = 0
    served: int = 0
    rejected: int = 0
    """Found too little key, and went away."""
    given_up: int = 0
    """Not made in earnest because the pool was low."""
    expired: int = 0
    """Waited until they were of no use."""
    waiting: int = 0
    """At the end of the run."""
    waited_ps: int = 0
    """Sum over those that were served."""
    longest_wait_ps: int = 0
    """Of those that were served."""


@dataclass(slots=True)
class PoolCounts:
    """What has become of one pool, as far as both ends have it."""

    offered_bits: int = 0
    """Into the pool at both ends."""
    taken_bits: int = 0
    """By applications."""
    wasted_bits: int = 0
    """Deposited beyond the maximum."""
    lowest_bits: int | None = None
    """After the first deposit; None if there was none."""
    low_ps: int = 0
    """Time below the threshold, from the start of the run on."""
    empty_ps: int | None = None
    """When a request first found too little key; None if none did."""
