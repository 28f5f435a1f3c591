"""Gives the key of one link to its applications, and keeps the pools within their thresholds.

Only what both ends have is given: key leaves both pools at the same time, under one id. Time comes
in with each call; between two calls nothing happens but that a request becomes of no use, for which
somebody is to `expire` in time.
"""

import heapq
from collections.abc import Iterable
from itertools import count

from netsim.demand.terms import (
    Application,
    ApplicationCounts,
    OnEmpty,
    PoolCounts,
    PoolState,
    Thresholds,
)
from netsim.kernel.trace import EventName, Trace
from netsim.pools.ledger import Account
from netsim.pools.pool import Pool


class Desk:
    """The applications of one link.

    Parameters
    ----------
    pools : tuple of Pool
        Of both ends.
    thresholds : Thresholds
    applications : iterable of Application
    trace : Trace
        Told of each key, and of each threshold that is crossed.

    Attributes
    ----------
    counts : dict
        By application.
    pool : PoolCounts
    """

    def __init__(
        self,
        pools: tuple[Pool, Pool],
        thresholds: Thresholds,
        applications: Iterable[Application],
        trace: Trace,
    ) -> None:
        self.counts = {application: ApplicationCounts() for application in applications}
        self.pool = PoolCounts()
        self._pools = pools
        self._thresholds = thresholds
        self._trace = trace
        self._queue: list[tuple[int, int, int, Application]] = []
        """Priority turned round, order of arrival, time of arrival, who."""
        self._order = count()
        self._deadlines: list[int] = []
        """To come, of requests that had to wait; some of them have been served by now."""
        self._turns = dict.fromkeys(self.counts, 0)
        """Requests that found the pool low: of those who then ask less often."""
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

    def arrive(self, application: Application, time_ps: int) -> None:
        """One request; served at once if there is key for it and nobody goes before."""
        self.expire(time_ps)
        counts = self.counts[application]
        counts.arrived += 1
        if self._gives_up(application):
            counts.given_up += 1
            return
        if application.on_empty is OnEmpty.WAIT:
            place = (-application.priority, next(self._order), time_ps)
            heapq.heappush(self._queue, (*place, application))
            if application.deadline_ps is not None:
                heapq.heappush(self._deadlines, time_ps + application.deadline_ps)
            self._serve(time_ps)
            found_none = bool(self._queue)
        elif self._is_next(application) and self._has(application):
            self._give(application, time_ps, time_ps)
            found_none = False
        else:
            counts.rejected += 1
            found_none = True
        if found_none and self.pool.empty_ps is None:
            self.pool.empty_ps = time_ps

    @property
    def next_deadline_ps(self) -> int | None:
        """When `expire` may have something to do."""
        return self._deadlines[0] if self._deadlines else None

    def expire(self, time_ps: int) -> None:
        """Who waits behind a request that is of no use any more may be the next now."""
        if not self._deadlines or self._deadlines[0] > time_ps:
            return
        while self._deadlines and self._deadlines[0] <= time_ps:
            heapq.heappop(self._deadlines)
        self._serve(time_ps)

    def deposited(self, time_ps: int) -> None:
        """Key has come into the pool of an end, or of both."""
        grown_bits = self.level_bits - self._level_bits
        if not grown_bits:
            return
        self.pool.offered_bits += grown_bits
        self._follow(time_ps)
        self._serve(time_ps)
        self._waste(time_ps)

    def finish(self, time_ps: int) -> None:
        """The run is over."""
        self._follow(time_ps)
        for *_, arrived_ps, application in self._queue:
            counts = self.counts[application]
            is_late = _is_late(application, arrived_ps, time_ps)
            counts.expired += is_late
            counts.waiting += not is_late
        self._queue.clear()

    def _gives_up(self, application: Application) -> bool:
        """Every second request at a low pool, of those who ask less often then."""
        if application.on_empty is not OnEmpty.LESS_OFTEN:
            return False
        if self._state in (PoolState.READY, PoolState.FULL):
            return False
        self._turns[application] += 1
        return self._turns[application] % 2 == 0

    def _serve(self, time_ps: int) -> None:
        """As long as there is key for who goes first: who needs little does not overtake."""
        while self._queue:
            *_, arrived_ps, application = self._queue[0]
            counts = self.counts[application]
            if _is_late(application, arrived_ps, time_ps):
                counts.expired += 1
            elif self._has(application):
                self._give(application, arrived_ps, time_ps)
            else:
                return
            heapq.heappop(self._queue)

    def _has(self, application: Application) -> bool:
        """Whether there is a key for it above the minimum."""
        return self._level_bits - application.key_bits >= self._thresholds.minimum_bits

    def _is_next(self, application: Application) -> bool:
        """Whether nobody waits who goes before, or at the same priority."""
        return not self._queue or -self._queue[0][0] < application.priority

    def _give(self, application: Application, arrived_ps: int, time_ps: int) -> None:
        key_id = self._draw(application.key_bits, Account.SPENT, time_ps)
        counts, waited_ps = self.counts[application], time_ps - arrived_ps
        counts.served += 1
        counts.waited_ps += waited_ps
        counts.longest_wait_ps = max(counts.longest_wait_ps, waited_ps)
        self.pool.taken_bits += application.key_bits
        self._trace.emit(
            EventName.KEY_TAKEN,
            time_ps=time_ps,
            link=self.link,
            application=application.name,
            key=key_id,
            bits=application.key_bits,
            waited_ps=waited_ps,
        )
        self._follow(time_ps)

    def _waste(self, time_ps: int) -> None:
        """The oldest bits go where there is no room for the newest."""
        maximum_bits = self._thresholds.maximum_bits
        if maximum_bits is None or self._level_bits <= maximum_bits:
            return
        excess_bits = self._level_bits - maximum_bits
        self._draw(excess_bits, Account.WASTED, time_ps)
        self.pool.wasted_bits += excess_bits
        self._follow(time_ps)

    def _draw(self, size_bits: int, into: Account, time_ps: int) -> str:
        """Out of both pools: the emptier one has nothing that the other lacks."""
        emptier, other = sorted(self._pools, key=lambda pool: pool.level_bits)
        key = emptier.take(size_bits, time_ps=time_ps, into=into)
        other.get(key.id, time_ps=time_ps, into=into)
        return key.id

    def _follow(self, time_ps: int) -> None:
        """Take in the present level: for the time it was low, and thresholds that it crosses."""
        if self._level_bits < self._thresholds.threshold_bits:
            self.pool.low_ps += time_ps - self._time_ps
        self._time_ps, self._level_bits = time_ps, self.level_bits
        if self.pool.offered_bits:
            lowest_bits = self.pool.lowest_bits
            is_lower = lowest_bits is None or self._level_bits < lowest_bits
            self.pool.lowest_bits = self._level_bits if is_lower else lowest_bits
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


def _is_late(application: Application, arrived_ps: int, time_ps: int) -> bool:
    """A deadline at t means that t is late."""
    deadline_ps = application.deadline_ps
    return deadline_ps is not None and time_ps - arrived_ps >= deadline_ps
