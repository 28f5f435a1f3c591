"""Where applications ask for key, and wait for it: in which order, and how long.

Where the key comes from is for its `KeySource`. Time comes in with each call; between two calls
nothing happens but that a request becomes of no use, for which somebody is to `expire` in time.
"""

import heapq
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Protocol

from netsim.demand.terms import Application, ApplicationCounts, OnEmpty

OnGiven = Callable[[int], None]
"""Called with the time when a key is there."""


class KeySource(Protocol):
    """Where the key of a desk comes from: the pools of a link, or anything alike."""

    @property
    def is_low(self) -> bool:
        """Whether those who would then ask less often should."""
        ...

    def give(
        self, application: Application, arrived_ps: int, time_ps: int, on_given: OnGiven
    ) -> bool:
        """Set a key aside for an application whose request came at ``arrived_ps``.

        False if there is too little key. Else ``on_given`` is called when the application has it,
        now or later; or never, if it goes astray.
        """
        ...

    def lack(self, time_ps: int) -> None:
        """A request has found too little key."""
        ...


class Desk:
    """Applications that ask for key of one source.

    Parameters
    ----------
    source : KeySource
    applications : iterable of Application

    Attributes
    ----------
    counts : dict
        By application.
    """

    def __init__(self, source: KeySource, applications: Iterable[Application]) -> None:
        self.counts = {application: ApplicationCounts() for application in applications}
        self._source = source
        self._queue: list[tuple[int, int, int, Application]] = []
        """Priority turned round, order of arrival, time of arrival, who."""
        self._order = count()
        self._deadlines: list[int] = []
        """To come, of requests that had to wait; some of them have been served by now."""
        self._turns = dict.fromkeys(self.counts, 0)
        """Requests that found the pool low: of those who then ask less often."""

    @property
    def first(self) -> tuple[int, int] | None:
        """Priority turned round and time of arrival of who goes first; None if nobody waits."""
        return (self._queue[0][0], self._queue[0][2]) if self._queue else None

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
            self.serve(time_ps)
            found_none = bool(self._queue)
        else:
            found_none = not (
                self._is_next(application) and self._give(application, time_ps, time_ps)
            )
            counts.rejected += found_none
        if found_none:
            self._source.lack(time_ps)

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
        self.serve(time_ps)

    def serve(self, time_ps: int) -> None:
        """As long as there is key for who goes first: who needs little does not overtake."""
        while self._queue:
            *_, arrived_ps, application = self._queue[0]
            if application.is_late(arrived_ps, time_ps):
                self.counts[application].expired += 1
            elif not self._give(application, arrived_ps, time_ps):
                return
            heapq.heappop(self._queue)

    def finish(self, time_ps: int) -> None:
        """The run is over."""
        for *_, arrived_ps, application in self._queue:
            counts = self.counts[application]
            is_late = application.is_late(arrived_ps, time_ps)
            counts.expired += is_late
            counts.waiting += not is_late
        self._queue.clear()

    def _gives_up(self, application: Application) -> bool:
        """Every second request at a low pool, of those who ask less often then."""
        if application.on_empty is not OnEmpty.LESS_OFTEN or not self._source.is_low:
            return False
        self._turns[application] += 1
        return self._turns[application] % 2 == 0

    def _is_next(self, application: Application) -> bool:
        """Whether nobody waits who goes before, or at the same priority."""
        return not self._queue or -self._queue[0][0] < application.priority

    def _give(self, application: Application, arrived_ps: int, time_ps: int) -> bool:
        """Whether there is a key for the request, which need not wait here any more."""
        on_given = partial(self._count, application, arrived_ps)
        return self._source.give(application, arrived_ps, time_ps, on_given)

    def _count(self, application: Application, arrived_ps: int, time_ps: int) -> None:
        counts, waited_ps = self.counts[application], time_ps - arrived_ps
        counts.served += 1
        counts.waited_ps += waited_ps
        counts.longest_wait_ps = max(counts.longest_wait_ps, waited_ps)
