"""Applications of a topology at the pools of a run, whatever fills these."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from netsim.demand.desk import Desk
from netsim.demand.kinds import ARRIVALS
from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application, Thresholds
from netsim.errors import ConfigError, Fault
from netsim.kernel.rng import RngTree
from netsim.kernel.trace import Trace
from netsim.pools.pool import Pool
from netsim.relay.courier import Courier, at_once
from netsim.relay.paths import path_count
from netsim.relay.terms import RelayTerms
from netsim.results.demand import ApplicationResult, DemandResult, PoolResult, RelayResult
from netsim.topology.applications import ApplicationSpec
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from netsim.relay.relay import Relay

Users = tuple[str, str]
Happening = tuple[int, Callable[[int], None]]
"""A time in ps, and what is to be called with it then."""
_Place = tuple[frozenset[str], RelayTerms | None]
"""What applications at one desk have in common: for whom key is, and over whom it may come."""


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
    is_up : callable
        Whether a user can hand on key of others now.
    courier : Courier, optional
        Of relays; at once if absent.

    Raises
    ------
    ConfigError
        An application or a threshold is of users without a link, or with fewer ways over others
        than it asks for, or its arrivals cannot be made.
    """

    def __init__(
        self,
        topology: TopologySpec,
        links: Sequence[Users],
        pools: Mapping[tuple[str, str], Pool],
        rng_tree: RngTree,
        trace: Trace,
        *,
        is_up: Callable[[str], bool],
        courier: Courier = at_once,
    ) -> None:
        if faults := (*_unlinked(topology, links), *wayless(topology, links)):
            raise ConfigError(faults)
        self._topology = topology
        self._asked = {frozenset(spec.users) for spec in topology.applications}
        self._asked |= {frozenset(spec.users) for spec in topology.pools}
        is_relayed = any(spec.relay is not None for spec in topology.applications)
        self._shelves = {
            users: _shelf(topology, users, pools, trace)
            for users in links
            if is_relayed or frozenset(users) in self._asked
        }
        self._by_link = {shelf.link: shelf for shelf in self._shelves.values()}
        self._direct = {
            shelf.link: Desk(shelf, _applications(topology, (frozenset(users), None)))
            for users, shelf in self._shelves.items()
        }
        self._relayed = self._relays(is_up, trace, courier) if is_relayed else {}
        self._requests = [
            self._requests_of(index, spec, rng_tree)
            for index, spec in enumerate(topology.applications)
        ]

    def _relays(
        self, is_up: Callable[[str], bool], trace: Trace, courier: Courier
    ) -> dict[_Place, tuple["Relay", Desk]]:
        """Of applications whose key may come over others."""
        from netsim.relay.relay import Relay, Relays  # noqa: PLC0415  # where there are any

        relays = Relays(self._shelves, self._is_claimed, is_up, count(), trace, courier)
        made: dict[_Place, tuple[Relay, Desk]] = {}
        for spec in self._topology.applications:
            place = _place(spec)
            if spec.relay is not None and place not in made:
                relay = Relay(spec.users, spec.relay.terms, relays)
                made[place] = relay, Desk(relay, _applications(self._topology, place))
        return made

    def _is_claimed(self, shelf: Shelf) -> bool:
        return self._direct[shelf.link].first is not None

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
            (deadline_ps, partial(self._expire, desk))
            for desk in self._desks()
            if (deadline_ps := desk.next_deadline_ps) is not None and deadline_ps <= last_ps
        ]:
            yield min(coming, key=lambda item: item[0])

    def _desks(self) -> Iterator[Desk]:
        yield from self._direct.values()
        yield from (desk for _, desk in self._relayed.values())

    def _expire(self, desk: Desk, time_ps: int) -> None:
        """Who is late makes room at the same desk, and its link perhaps for relays."""
        desk.expire(time_ps)
        self._serve_relays(time_ps)

    def deposited(self, links: Iterable[str], time_ps: int) -> None:
        """Ends of ``links`` have new key: for their own applications, then for relays."""
        known = {link: self._by_link[link] for link in links if link in self._by_link}
        grown = {link: shelf for link, shelf in known.items() if shelf.deposited(time_ps)}
        for link in grown:
            self._direct[link].serve(time_ps)
        if grown:
            self._serve_relays(time_ps)
        for shelf in grown.values():
            shelf.waste(time_ps)

    def _serve_relays(self, time_ps: int) -> None:
        waiting = [(desk.first, desk) for _, desk in self._relayed.values() if desk.first]
        for _, desk in sorted(waiting, key=itemgetter(0)):
            desk.serve(time_ps)

    def finish(self, time_ps: int) -> None:
        """The run is over."""
        for relay, _ in self._relayed.values():
            relay.finish(time_ps)
        for shelf in self._shelves.values():
            shelf.finish(time_ps)
        for desk in self._desks():
            desk.finish(time_ps)

    def result(self) -> DemandResult | None:
        """What has come of it; None where nobody asked."""
        if not self._shelves:
            return None
        pools = (
            PoolResult(users, shelf.counts)
            for users, shelf in self._shelves.items()
            if frozenset(users) in self._asked or shelf.counts.taken_bits
        )
        return DemandResult(tuple(map(self._result, self._topology.applications)), tuple(pools))

    def _result(self, spec: ApplicationSpec) -> ApplicationResult:
        counts = self._desk_of(spec).counts[_application(spec)]
        relayed = None
        if spec.relay is not None:
            relay, _ = self._relayed[_place(spec)]
            relayed = RelayResult(spec.relay.paths, relay.counts_of(spec.name))
        return ApplicationResult(spec.name, spec.users, spec.key_bits, counts, relayed)

    def _desk_of(self, spec: ApplicationSpec) -> Desk:
        if spec.relay is not None:
            return self._relayed[_place(spec)][1]
        users = next(users for users in self._shelves if set(users) == set(spec.users))
        return self._direct[self._shelves[users].link]

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


def _applications(topology: TopologySpec, place: _Place) -> Iterator[Application]:
    return map(_application, (spec for spec in topology.applications if _place(spec) == place))


def _place(spec: ApplicationSpec) -> _Place:
    return frozenset(spec.users), None if spec.relay is None else spec.relay.terms


def _application(spec: ApplicationSpec) -> Application:
    deadline_ps = None if spec.deadline_s is None else ps_from_s(spec.deadline_s)
    return Application(spec.name, spec.key_bits, spec.on_empty, deadline_ps, spec.priority)


def _unlinked(topology: TopologySpec, links: Sequence[Users]) -> Iterator[Fault]:
    known = {frozenset(users) for users in links}
    direct = ((k, spec) for k, spec in enumerate(topology.applications) if spec.relay is None)
    named = {f"applications.{index}": spec.users for index, spec in direct}
    named |= {f"pools.{index}": spec.users for index, spec in enumerate(topology.pools)}
    for path, users in named.items():
        if frozenset(users) not in known:
            yield Fault(f"{path}.users", f"{' and '.join(users)} share no link")


def wayless(topology: TopologySpec, links: Sequence[Users]) -> Iterator[Fault]:
    """Applications that could not get a key over others if all pools were full."""
    for index, spec in enumerate(topology.applications):
        if (relay := spec.relay) is None:
            continue
        allows, ends = relay.terms.allows, set(spec.users)
        open_links = [pair for pair in links if all(map(allows, set(pair) - ends))]
        if (found := path_count(open_links, *spec.users)) < relay.paths:
            names = " and ".join(spec.users)
            text = f"{names} have {found} paths without a user in common, not {relay.paths}"
            yield Fault(f"applications.{index}.relay.paths", text)
