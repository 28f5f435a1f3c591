"""Applications of a topology at the pools of a run, whatever fills these."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile

from netsim.demand.desk import Desk
from netsim.demand.kinds import ARRIVALS
from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application, ApplicationCounts, Thresholds
from netsim.errors import ConfigError, Fault
from netsim.kernel.rng import RngTree
from netsim.kernel.trace import Trace
from netsim.pools.pool import Pool
from netsim.results.demand import ApplicationResult, DemandResult, PoolResult
from netsim.topology.applications import ApplicationSpec, PoolSpec
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s
from protocols.errors import ProtocolError

Users = tuple[str, str]
Happening = tuple[int, Callable[[int], None]]
"""A time in ps, and what is to be called with it then."""


class Demand:
    """All applications of one run.

    Parameters
    ----------
    topology : TopologySpec
    links : sequence of (str, str)
        Users of each link of the network, in any state.
    pools : mapping
        (link, end) to pool.
    rng_tree : RngTree
        Streams ``applications/<name>``.
    trace : Trace

    Raises
    ------
    ConfigError
        An application or a threshold is of users without a link, or its arrivals cannot be made.
    """

    def __init__(
        self,
        topology: TopologySpec,
        links: Sequence[Users],
        pools: Mapping[tuple[str, str], Pool],
        rng_tree: RngTree,
        trace: Trace,
    ) -> None:
        if faults := tuple(_unlinked(topology, links)):
            raise ConfigError(faults)
        self._topology = topology
        asked = _asked(topology)
        self._shelves = {
            users: _shelf(topology, users, pools, trace)
            for users in links
            if any(set(users) == set(spec.users) for spec in asked.values())
        }
        self._desks = {
            users: Desk(shelf, _applications(topology, users))
            for users, shelf in self._shelves.items()
        }
        self._by_link = {shelf.link: users for users, shelf in self._shelves.items()}
        self._requests = [
            self._requests_of(index, spec, rng_tree)
            for index, spec in enumerate(topology.applications)
        ]

    def happenings(self, stop_ps: int) -> Iterator[Happening]:
        """All requests before ``stop_ps`` by time; of two at one time the earlier in the file.

        In between, and ahead of those of their time, come the deadlines of requests that wait: each
        is to be done before the next is asked for.
        """
        requests = heapq.merge(*self._requests, key=lambda item: item[0])
        for request in takewhile(lambda item: item[0] < stop_ps, requests):
            yield from self._deadlines(request[0])
            yield request
        yield from self._deadlines(stop_ps - 1)

    def _deadlines(self, last_ps: int) -> Iterator[Happening]:
        while coming := [
            (deadline_ps, desk.expire)
            for desk in self._desks.values()
            if (deadline_ps := desk.next_deadline_ps) is not None and deadline_ps <= last_ps
        ]:
            yield min(coming, key=lambda item: item[0])

    def deposited(self, link: str, time_ps: int) -> None:
        """An end of ``link`` has new key."""
        if (users := self._by_link.get(link)) is None:
            return
        shelf = self._shelves[users]
        if shelf.deposited(time_ps):
            self._desks[users].serve(time_ps)
            shelf.waste(time_ps)

    def finish(self, time_ps: int) -> None:
        """The run is over."""
        for shelf in self._shelves.values():
            shelf.finish(time_ps)
        for desk in self._desks.values():
            desk.finish(time_ps)

    def result(self) -> DemandResult | None:
        """What has come of it; None where nobody asked."""
        if not self._desks:
            return None
        return DemandResult(
            tuple(
                ApplicationResult(spec.name, spec.users, spec.key_bits, self._counts(spec))
                for spec in self._topology.applications
            ),
            tuple(PoolResult(users, shelf.counts) for users, shelf in self._shelves.items()),
        )

    def _counts(self, spec: ApplicationSpec) -> ApplicationCounts:
        return self._desk_of(spec).counts[_application(spec)]

    def _desk_of(self, spec: ApplicationSpec) -> Desk:
        return next(desk for users, desk in self._desks.items() if set(users) == set(spec.users))

    def _requests_of(
        self, index: int, spec: ApplicationSpec, rng_tree: RngTree
    ) -> Iterator[Happening]:
        rng = rng_tree.stream(f"applications/{spec.name}")
        try:
            times_ps = ARRIVALS.get(spec.arrivals).times_ps(spec.options, rng)
        except (ValueError, ProtocolError) as error:
            raise ConfigError.of(f"applications.{index}.options", str(error)) from error
        arrive = partial(self._desk_of(spec).arrive, _application(spec))
        return ((time_ps, arrive) for time_ps in times_ps)


def _shelf(
    topology: TopologySpec, users: Users, pools: Mapping[tuple[str, str], Pool], trace: Trace
) -> Shelf:
    link, (one, other) = "-".join(users), users
    held = [spec.thresholds for spec in topology.pools if set(spec.users) == set(users)]
    thresholds = held[0] if held else Thresholds()
    return Shelf((pools[link, one], pools[link, other]), thresholds, trace)


def _applications(topology: TopologySpec, users: Users) -> Iterator[Application]:
    asked = (spec for spec in topology.applications if set(spec.users) == set(users))
    return map(_application, asked)


def _application(spec: ApplicationSpec) -> Application:
    deadline_ps = None if spec.deadline_s is None else ps_from_s(spec.deadline_s)
    return Application(spec.name, spec.key_bits, spec.on_empty, deadline_ps, spec.priority)


def _unlinked(topology: TopologySpec, links: Sequence[Users]) -> Iterator[Fault]:
    known = {frozenset(users) for users in links}
    for path, spec in _asked(topology).items():
        if frozenset(spec.users) not in known:
            yield Fault(f"{path}.users", f"{' and '.join(spec.users)} share no link")


def _asked(topology: TopologySpec) -> dict[str, ApplicationSpec | PoolSpec]:
    """All that names a link's users, by its place in the topology."""
    asked: dict[str, ApplicationSpec | PoolSpec] = {}
    asked |= {f"applications.{index}": spec for index, spec in enumerate(topology.applications)}
    asked |= {f"pools.{index}": spec for index, spec in enumerate(topology.pools)}
    return asked
