"""The pools of one link as applications have them: what both ends have, within thresholds.

Key leaves both pools at the same time, under one id.
"""

from netsim.demand.desk import OnGiven
from netsim.demand.terms import Application, PoolCounts, PoolState, Thresholds
from netsim.kernel.trace import EventName, Scalar, Trace
from netsim.pools.key import Key
from netsim.pools.ledger import Account
from netsim.pools.pool import Pool


class Shelf:
    """What the two ends of a link have in common.

    Parameters
    ----------
    pools : tuple of Pool
        Of both ends.
    thresholds : Thresholds
    trace : Trace
        Told of each key, and of each threshold that is crossed.

    Attributes
    ----------
    counts : PoolCounts
    """

    def __init__(self, pools: tuple[Pool, Pool], thresholds: Thresholds, trace: Trace) -> None:
        self.counts = PoolCounts()
        self._pools = pools
        self._thresholds = thresholds
        self._trace = trace
        self._time_ps = 0
        self._level_bits = 0
        self._state = thresholds.state(0)

    @property
    def link(self) -> str:
        """Name of the link."""
        return self._pools[0].link

    @property
    def level_bits(self) -> int:
        """What both ends have."""
        return min(pool.level_bits for pool in self._pools)

    @property
    def is_low(self) -> bool:
        """Whether the pool is below its threshold."""
        return self._state not in (PoolState.READY, PoolState.FULL)

    @property
    def free_bits(self) -> int:
        """What applications may have, above the minimum; negative below it."""
        return self._level_bits - self._thresholds.minimum_bits

    def lack(self, time_ps: int) -> None:
        """A request has found too little key."""
        if self.counts.empty_ps is None:
            self.counts.empty_ps = time_ps

    def give(
        self, application: Application, arrived_ps: int, time_ps: int, on_given: OnGiven
    ) -> bool:
        """Hand a key to an application, if there is one above the minimum."""
        if self.free_bits < application.key_bits:
            return False
        self.draw(
            application.key_bits,
            time_ps,
            EventName.KEY_TAKEN,
            application=application.name,
            waited_ps=time_ps - arrived_ps,
        )
        on_given(time_ps)
        return True

    def draw(
        self, size_bits: int, time_ps: int, told_as: EventName, **told: Scalar
    ) -> tuple[Key, Key]:
        """The same ``size_bits`` out of both pools, in their order, for a use that is told."""
        keys = self._draw(size_bits, Account.SPENT, time_ps)
        self.counts.taken_bits += size_bits
        self._trace.emit(
            told_as,
            time_ps=time_ps,
            link=self.link,
            end=None,
            key=keys[0].id,
            bits=size_bits,
            **told,
        )
        self._follow(time_ps)
        return keys

    def deposited(self, time_ps: int) -> bool:
        """Key has come into the pool of an end: whether both have more now."""
        grown_bits = self.level_bits - self._level_bits
        if not grown_bits:
            return False
        self.counts.offered_bits += grown_bits
        self._follow(time_ps)
        return True

    def waste(self, time_ps: int) -> None:
        """The oldest bits go where there is no room for the newest."""
        maximum_bits = self._thresholds.maximum_bits
        if maximum_bits is None or self._level_bits <= maximum_bits:
            return
        excess_bits = self._level_bits - maximum_bits
        self._draw(excess_bits, Account.WASTED, time_ps)
        self.counts.wasted_bits += excess_bits
        self._follow(time_ps)

    def finish(self, time_ps: int) -> None:
        """The run is over."""
        self._follow(time_ps)

    def _follow(self, time_ps: int) -> None:
        """Take in the present level: for the time it was low, and thresholds that it crosses."""
        if self._level_bits < self._thresholds.threshold_bits:
            self.counts.low_ps += time_ps - self._time_ps
        self._time_ps, self._level_bits = time_ps, self.level_bits
        if self.counts.offered_bits:
            lowest_bits = self.counts.lowest_bits
            is_lower = lowest_bits is None or self._level_bits < lowest_bits
            self.counts.lowest_bits = self._level_bits if is_lower else lowest_bits
        state = self._thresholds.state(self._level_bits)
        if state is not self._state:
            self._state = state
            self._trace.emit(
                EventName.POOL_CROSSED,
                time_ps=time_ps,
                link=self.link,
                state=state,
                pool_bits=self._level_bits,
            )

    def _draw(self, size_bits: int, into: Account, time_ps: int) -> tuple[Key, Key]:
        """Out of both pools: the emptier one has nothing that the other lacks."""
        one, other = self._pools
        emptier, fuller = (one, other) if one.level_bits <= other.level_bits else (other, one)
        taken = emptier.take(size_bits, time_ps=time_ps, into=into)
        fetched = fuller.get(taken.id, time_ps=time_ps, into=into)
        return (taken, fetched) if emptier is one else (fetched, taken)
