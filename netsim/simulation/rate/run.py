"""A run at the rate level: all rounds of all links in order of time."""

import heapq
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from netsim.devices.analysers import Analysers
from netsim.devices.history import NetworkHistory
from netsim.kernel.rng import RngTree
from netsim.kernel.trace import EventName, FileSink, Trace
from netsim.pools.ledger import Ledger
from netsim.pools.ledgerfile import LedgerFile
from netsim.results.directory import EVENTS, LEDGER
from netsim.results.fidelity import Fidelity
from netsim.results.provenance import collect_provenance
from netsim.results.run import Performance, Run
from netsim.simulation.collect import ScoredLane, booked_link, lane_results
from netsim.simulation.demand import Demand
from netsim.simulation.rate.ends import LinkEnds
from netsim.simulation.rate.leak import LeakTable
from netsim.simulation.rate.rounds import DrawnRound, RoundSource
from netsim.simulation.request import RunRequest
from netsim.simulation.scoring import LaneCounts
from netsim.simulation.singles import drawn_singles
from netsim.simulation.stretches import Stretches
from netsim.simulation.wander import Wander
from netsim.topology.changes import Change
from netsim.topology.events import event_times
from netsim.topology.network import Lane
from netsim.topology.timeline import Timeline
from netsim.twin.agreement import LinkAgreement, agree
from netsim.twin.link import link_config
from netsim.twin.prediction import predict_epochs
from netsim.units import ps_from_s


@dataclass(slots=True, eq=False)
class _LinkUnderWay:
    """One link: where its rounds come from, and where they go."""

    users: tuple[str, str]
    lanes: tuple[Lane, ...]
    agreement: LinkAgreement
    round_ps: int
    source: RoundSource
    ends: LinkEnds
    scored: list[LaneCounts]
    number: int = 0
    start_ps: int = 0
    drawn: DrawnRound | None = None
    """The round under way."""
    has_begun: bool = False
    """Whether it is one for the two ends."""

    def score(self, drawn: DrawnRound) -> None:
        """Add what the simulator knows of a round."""
        pairs = zip(self.scored, drawn.scored, strict=True)
        self.scored = [known + new for known, new in pairs]


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
            self._stack = stack
            self._open()
            self._set_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self) -> None:
        out, rows, sink = self._request.out, self._request.movements, self._request.sink
        if out is not None:
            rows = self._stack.enter_context(LedgerFile(out / LEDGER))
            sink = FileSink(out / EVENTS)
        self._ledger = Ledger(rows)
        self._trace = self._stack.enter_context(Trace(sink))

    def _set_up(self) -> None:
        topology = self._topology
        timeline = Timeline(topology, stop_ps=self._duration_ps)
        self._epochs = tuple(timeline.epochs())
        self._rng_tree = RngTree(self._request.seed)
        self._stretches = Stretches(self._epochs, self._wander(timeline))
        leaks = LeakTable(topology.protocol.reconciliation)
        network = timeline.network_at(0)
        expected = predict_epochs(self._epochs).lanes
        self._links = []
        for users in network.links:
            agreement = agree(network, users, [lane for lane in expected if lane.users == users])
            config = link_config(network, users, agreement)
            rng = self._rng_tree.stream(f"{config.link}/rounds")
            lanes = network.lanes_of(users)
            link = _LinkUnderWay(
                users=users,
                lanes=lanes,
                agreement=agreement,
                round_ps=config.frames_per_round * config.frame_ps,
                source=RoundSource(config, lanes, self._stretches, leaks, rng),
                ends=LinkEnds(config, ledger=self._ledger, trace=self._trace),
                scored=[LaneCounts()] * len(lanes),
            )
            self._links.append(link)
        pools = {
            (books.pool.link, books.pool.end): books.pool
            for link in self._links
            for books in link.ends.books
        }
        self._absent = {user.name for user in topology.users if not user.is_present}
        self._demand = Demand(
            topology,
            network.links,
            pools,
            self._rng_tree,
            self._trace,
            is_up=lambda user: user not in self._absent,
        )

    def _wander(self, timeline: Timeline) -> Wander:
        """Phases that wander, followed as far back as any link has its round."""
        topology = self._topology
        history = NetworkHistory(timeline, stop_ps=self._duration_ps)
        for time_ps, event in event_times(topology.events, stop_ps=self._duration_ps):
            history.change(event, time_ps)
        rounds_s = (topology.protocol.round_s, *(link.round_s for link in topology.links))
        longest_ps = min(ps_from_s(max(rounds_s)), self._duration_ps)
        return Wander(Analysers(topology, history, self._rng_tree, longest_ps=2 * longest_ps))

    def run(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Draw all rounds, then close the links."""
        name = self._topology.name
        self._trace.emit(EventName.RUN_STARTED, time_ps=0, seed=self._request.seed, topology=name)
        for link in self._links:
            self._begin_round(link, 0)
        for time_ps, due in self._agenda():
            if time_ps > self._done_ps and should_stop is not None and should_stop():
                self._is_partial = True
                break
            due(time_ps)
            self._done_ps = time_ps
            if progress is not None:
                progress(time_ps)
        self._finish()

    def _agenda(self) -> Iterator[tuple[int, Callable[[int], None]]]:
        """All that happens, in order of time; of one time, changes come first."""
        changes = event_times(self._topology.events, stop_ps=self._duration_ps)
        happening = ((time_ps, 0, self._changer(change)) for time_ps, change in changes)
        rounds = (self._rounds(link, order) for order, link in enumerate(self._links, start=1))
        requests = (
            (time_ps, 1 + len(self._links), happen)
            for time_ps, happen in self._demand.happenings(self._duration_ps)
        )
        agenda = heapq.merge(happening, *rounds, requests, key=lambda item: item[:2])
        for time_ps, _, due in agenda:
            yield time_ps, due

    def _rounds(
        self, link: _LinkUnderWay, order: int
    ) -> Iterator[tuple[int, int, Callable[[int], None]]]:
        """The ends of a link's rounds; the last one may be shorter."""
        for start_ps in range(0, self._duration_ps, link.round_ps):
            stop_ps = min(start_ps + link.round_ps, self._duration_ps)
            yield stop_ps, order, lambda time_ps: self._end_round(link, time_ps)

    def _changer(self, change: Change) -> Callable[[int], None]:
        def happen(time_ps: int) -> None:
            self._absent = self._absent.union(change.leaving).difference(change.joining)
            self._trace.emit(
                EventName.NETWORK_CHANGED,
                time_ps=time_ps,
                change=change.kind,
                to=json.dumps(change.values, separators=(",", ":")),
            )

        return happen

    def _begin_round(self, link: _LinkUnderWay, time_ps: int) -> None:
        """What the light will bring is drawn now: without any bits there is no round."""
        stop_ps = min(time_ps + link.round_ps, self._duration_ps)
        link.start_ps, link.drawn = time_ps, link.source.draw(time_ps, stop_ps)
        has_bits = link.drawn.books.sifted_bits > 0
        link.has_begun = has_bits and link.ends.begin(link.number, time_ps)

    def _end_round(self, link: _LinkUnderWay, time_ps: int) -> None:
        if link.drawn is not None:
            link.score(link.drawn)
            if link.has_begun:
                link.ends.end(link.number, link.drawn, time_ps)
                link.number += 1
                self._demand.deposited("-".join(link.users), time_ps)
        link.drawn = None
        if time_ps < self._duration_ps:
            self._begin_round(link, time_ps)

    def _finish(self) -> None:
        """Light of rounds that a stop cuts off is scored and makes no key; else the links close."""
        self._demand.finish(self._done_ps)
        if self._is_partial:
            for link in self._links:
                if link.start_ps < self._done_ps:
                    link.score(link.source.draw(link.start_ps, self._done_ps))
            self._trace.emit(EventName.RUN_INTERRUPTED, time_ps=self._done_ps)
            return
        for link in self._links:
            link.ends.close(self._done_ps)
        self._trace.emit(EventName.RUN_ENDED, time_ps=self._done_ps)

    def result(self, *, wall_s: float) -> Run:
        """Everything found so far."""
        topology, done_ps = self._topology, self._done_ps
        scored = (
            ScoredLane(lane, counts, key_share=topology.key_share_of(link.users))
            for link in self._links
            for lane, counts in zip(link.lanes, link.scored, strict=True)
        )
        return Run(
            topology=topology.name,
            seed=self._request.seed,
            duration_ps=done_ps,
            lanes=lane_results(topology, scored, predict_epochs(self._epochs), done_ps),
            links=tuple(
                booked_link(topology, link.users, link.agreement, link.ends.books, done_ps)
                for link in self._links
            ),
            users=tuple(drawn_singles(self._epochs, self._request.seed, done_ps)),
            performance=Performance(wall_s=wall_s, tags=0),
            provenance=collect_provenance(topology.model_dump(mode="json")),
            partial=self._is_partial,
            fidelity=Fidelity.RATE,
            demand=self._demand.result(),
            paper_source=topology.paper.source if topology.paper else None,
            paper_total_skr_bps=topology.paper.total_skr_bps if topology.paper else None,
        )
