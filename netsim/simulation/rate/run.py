"""A run at the rate level: all rounds of all links in order of time."""

import heapq
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Self

import numpy as np

from netsim.devices.analysers import Analysers
from netsim.devices.history import NetworkHistory
from netsim.kernel.rng import RngTree
from netsim.kernel.trace import EventName
from netsim.pools.ledger import NO_BLOCK, Account, Movement
from netsim.results.fidelity import Fidelity
from netsim.results.parts import LinkResult
from netsim.results.provenance import collect_provenance
from netsim.results.run import Performance, Run
from netsim.simulation.collect import BookedLink, booked_link, lane_results
from netsim.simulation.counting import ScoredLane
from netsim.simulation.demand import Demand
from netsim.simulation.rate.books import RateBooks
from netsim.simulation.rate.ends import ROUND_PADS_BITS
from netsim.simulation.rate.group import (
    EndedRounds,
    Group,
    RateLink,
    Surroundings,
    groups_of,
)
from netsim.simulation.rate.leak import LeakTable
from netsim.simulation.rate.shelves import ShelfPools
from netsim.simulation.request import RunRequest
from netsim.simulation.singles import drawn_singles
from netsim.simulation.stretches import Stretches
from netsim.simulation.wander import Wander
from netsim.topology.changes import Change
from netsim.topology.events import event_times
from netsim.topology.timeline import Timeline
from netsim.twin.cadence import round_cadence
from netsim.twin.link import link_config
from netsim.twin.outlook import Outlook
from netsim.units import ps_from_s


class RateSimulation:
    """One run in progress. As a context its files are open.

    Parameters
    ----------
    request : RunRequest
    """

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._topology = request.topology
        self._duration_ps = request.duration_ps
        self._stack = ExitStack()
        self._done_ps = 0
        self._is_partial = False

    def __enter__(self) -> Self:
        """Open the books and set up the links."""
        with ExitStack() as stack:
            self._books = stack.enter_context(RateBooks(self._request))
            self._set_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set_up(self) -> None:
        topology = self._topology
        timeline = Timeline(topology, stop_ps=self._duration_ps)
        self._epochs = tuple(timeline.epochs())
        rng_tree = RngTree(self._request.seed)
        self._stretches = Stretches(self._epochs, self._wander(timeline, rng_tree))
        outlook = self._stretches.outlook()
        network, self._expected = outlook.network, outlook.mean
        self._links = list(_links(outlook))
        common = Surroundings(
            users={user.name: number for number, user in enumerate(topology.users)},
            stretches=self._stretches,
            leaks=LeakTable(topology.protocol.reconciliation),
            rng_tree=rng_tree,
            duration_ps=self._duration_ps,
        )
        self._groups = [Group(links, common) for links in groups_of(self._links)]
        self._fresh: list[str] = []
        """Links whose new key applications have not been told of."""
        self._absent = {user.name for user in topology.users if not user.is_present}
        self._pools = ShelfPools(self._books.rows)
        self._demand = Demand(
            topology,
            network.links,
            self._pools,
            rng_tree,
            self._books.trace,
            is_up=lambda user: user not in self._absent,
        )

    def _wander(self, timeline: Timeline, rng_tree: RngTree) -> Wander:
        """Phases that wander, followed as far back as any link has its round."""
        topology = self._topology
        history = NetworkHistory(timeline, stop_ps=self._duration_ps)
        for time_ps, event in event_times(topology.events, stop_ps=self._duration_ps):
            history.change(event, time_ps)
        rounds_s = (topology.protocol.round_s, *(link.round_s for link in topology.links))
        longest_ps = min(ps_from_s(max(rounds_s)), self._duration_ps)
        return Wander(Analysers(topology, history, rng_tree, longest_ps=2 * longest_ps))

    def run(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Draw all rounds, then close the links."""
        self._books.trace.emit(
            EventName.RUN_STARTED,
            time_ps=0,
            seed=self._request.seed,
            topology=self._topology.name,
        )
        for link in self._links:
            bits = ROUND_PADS_BITS * link.config.initial_pads
            self._move_reserve(link, 0, Account.PRESHARED, Account.RESERVE, bits)
        for time_ps, due in self._agenda():
            if time_ps > self._done_ps and should_stop is not None and should_stop():
                self._is_partial = True
                break
            due(time_ps)
            self._done_ps = time_ps
            if progress is not None:
                progress(time_ps)
        self._finish()
        self._books.tell()

    def _agenda(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """All that happens, in order of time; of one time, changes come first."""
        changes = event_times(self._topology.events, stop_ps=self._duration_ps)
        happening = ((time_ps, 0, self._changer(change)) for time_ps, change in changes)
        rounds = (self._rounds(group, order) for order, group in enumerate(self._groups, start=1))
        requests = (
            (time_ps, 2 + len(self._groups), happen)
            for time_ps, happen in self._demand.happenings(self._duration_ps)
        )
        agenda = heapq.merge(happening, *rounds, requests, key=lambda item: item[:2])
        for time_ps, _, due in agenda:
            yield time_ps, due

    def _rounds(self, group: Group, order: int) -> Iterator[tuple[int, int, Callable[[int], None]]]:
        """The ends of rounds of all links of a group; when all groups are done, who waits for key.

        So key of one time is there before any of it is taken.
        """
        for time_ps, end in group.rounds():
            yield time_ps, order, partial(self._end_rounds, group, end)
            yield time_ps, 1 + len(self._groups), self._serve

    def _end_rounds(self, group: Group, end: Callable[[], EndedRounds], time_ps: int) -> None:
        links, rounds = end()
        for index in np.flatnonzero(rounds["reason"] == 0).tolist() if self._pools else ():
            name = group.links[links[index]].config.link
            bits = int(rounds["key_bits"][index] - rounds["reserve_bits"][index])
            if name in self._pools.links:
                block = int(rounds["block"][index])
                level_bits = self._pools.deposit(name, block, bits, time_ps)
                rounds["pool_bits"][index] = level_bits
                self._fresh.append(name)
        self._books.append(rounds)
        for link in group.ends.stop().tolist():
            number = int(group.ends.numbers[link])
            for end_name in group.links[link].users:
                self._books.trace.emit(
                    EventName.RESERVE_EMPTY,
                    time_ps=time_ps,
                    link=group.links[link].config.link,
                    end=end_name,
                    block=number,
                )

    def _serve(self, time_ps: int) -> None:
        """Links that have new key."""
        self._demand.deposited(self._fresh, time_ps)
        self._fresh.clear()

    def _changer(self, change: Change) -> Callable[[int], None]:
        def happen(time_ps: int) -> None:
            self._absent = self._absent.union(change.leaving).difference(change.joining)
            self._books.trace.emit(
                EventName.NETWORK_CHANGED,
                time_ps=time_ps,
                change=change.kind,
                to=json.dumps(change.values, separators=(",", ":")),
            )

        return happen

    def _finish(self) -> None:
        """Light of rounds that a stop cuts off is scored and makes no key; else the links close."""
        self._demand.finish(self._done_ps)
        if self._is_partial:
            for group in self._groups:
                group.score_until(self._done_ps)
            self._books.trace.emit(EventName.RUN_INTERRUPTED, time_ps=self._done_ps)
            return
        for group in self._groups:
            self._close(group)
        self._books.trace.emit(EventName.RUN_ENDED, time_ps=self._done_ps)

    def _close(self, group: Group) -> None:
        """Links close with pads of their own."""
        spent_bits = group.ends.close()
        closed = np.flatnonzero(spent_bits >= 0)
        group.sums.spend(closed, spent_bits[closed])
        for index in closed.tolist():
            link = group.links[index]
            bits = int(spent_bits[index])
            self._move_reserve(link, self._done_ps, Account.RESERVE, Account.SPENT, bits)
            for end in link.users:
                self._books.trace.emit(
                    EventName.LINK_CLOSED, time_ps=self._done_ps, link=link.config.link, end=end
                )

    def _move_reserve(
        self, link: RateLink, time_ps: int, debit: Account, credit: Account, bits: int
    ) -> None:
        """At both ends."""
        for end in link.users if bits else ():
            self._books.rows.append(
                Movement(time_ps, link.config.link, end, NO_BLOCK, debit, credit, bits)
            )

    def result(self, *, wall_s: float) -> Run:
        """Everything found so far."""
        topology, done_ps = self._topology, self._done_ps
        # After a stop the mean is that of the whole run: as of all results, of what was asked for.
        scored = {
            link.users: list(group.scored(index))
            for group in self._groups
            for index, link in enumerate(group.links)
        }
        lanes = (
            ScoredLane(lane, counts, key_share=topology.key_share_of(link.users))
            for link in self._links
            for lane, counts in zip(link.lanes, scored[link.users], strict=True)
        )
        booked = {
            link.users: self._booked(group, index)
            for group in self._groups
            for index, link in enumerate(group.links)
        }
        return Run(
            topology=topology.name,
            seed=self._request.seed,
            duration_ps=done_ps,
            lanes=lane_results(topology, lanes, self._expected, done_ps),
            links=tuple(booked[link.users] for link in self._links),
            users=tuple(drawn_singles(self._epochs, self._request.seed, done_ps)),
            performance=Performance(wall_s=wall_s, tags=0),
            provenance=collect_provenance(topology.model_dump(mode="json")),
            partial=self._is_partial,
            fidelity=Fidelity.RATE,
            demand=self._demand.result(),
            paper_source=topology.paper.source if topology.paper else None,
            paper_total_skr_bps=topology.paper.total_skr_bps if topology.paper else None,
        )

    def _booked(self, group: Group, index: int) -> LinkResult:
        link, sums = group.links[index], group.sums
        is_closed = not self._is_partial and group.ends.close()[index] >= 0
        booked = BookedLink(
            sums.counts_of(index), sums.reasons_of(index), self._done_ps if is_closed else None
        )
        return booked_link(self._topology, link.users, link.agreement, booked, self._done_ps)


def _links(outlook: Outlook) -> Iterator[RateLink]:
    """All links, with what they agree on."""
    network = outlook.network
    cadence = round_cadence(network.topology, network.links)
    for users in network.links:
        agreement = outlook.agreement(users)
        config = link_config(network, users, cadence, agreement)
        yield RateLink(users, network.lanes_of(users), agreement, config)
