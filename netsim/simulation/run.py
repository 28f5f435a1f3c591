"""Builds a network, runs it, and collects what it found.

`simulate` is the one way to run a simulation; the command line and the Python API both call it.
"""

import json
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from netsim.devices.history import follow_events
from netsim.devices.world import PhotonLevel, WorldBuilder, build_world
from netsim.frames import ClickFrame
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import SimEvent, Simulator
from netsim.kernel.trace import EventName, FileSink, Trace, TraceSink
from netsim.pools.counts import failures
from netsim.pools.ledger import Ledger, MovementSink
from netsim.pools.ledgerfile import LedgerFile
from netsim.pools.pool import Pool, compare_pools
from netsim.pools.store import IN_MEMORY, UserStore
from netsim.results.directory import (
    EVENTS,
    LEDGER,
    TAGS_DIRECTORY,
    USERS_DIRECTORY,
    save_run,
    save_topology,
)
from netsim.results.parts import LaneResult, LinkResult, PaperFigures, TwinResult, UserResult
from netsim.results.provenance import collect_provenance
from netsim.results.run import Performance, Run
from netsim.results.tagfile import TagFile
from netsim.simulation.control import Controller, RoundReports, build_controller
from netsim.simulation.parties import Absence, Link, Parties
from netsim.simulation.scoring import LaneCounts, LaneScorer
from netsim.taps.kinds import plans_of
from netsim.taps.tap import TapPlan
from netsim.topology.changes import Change
from netsim.topology.network import Lane, Network
from netsim.topology.specs import CrashSpec, TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.link import ANNOUNCEMENT_S, link_config
from netsim.twin.prediction import LanePrediction, predict_epochs
from netsim.units import ps_from_s, s_from_ps
from protocols.events import Event as LinkEvent
from protocols.tags import TagFrame
from protocols.variants import SECURITIES

DRAIN_S = 600
"""Simulated time after the light in which rounds may end and links close."""


def simulate(
    topology: TopologySpec,
    *,
    duration_s: float | str,
    seed: int,
    out: Path | None = None,
    save_tags: bool = False,
    progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    sink: TraceSink | None = None,
    movements: MovementSink | None = None,
    taps: Sequence[TapPlan] = (),
    controller: Controller | None = None,
    build: WorldBuilder = build_world,
) -> Run:
    """Simulate ``topology``.

    Parameters
    ----------
    topology : TopologySpec
        From `netsim.load_topology`.
    duration_s : float or str
        Seconds of light, > 0; a decimal string is exact.
    seed : int
        >= 0. The same seed gives the same results, bit for bit.
    out : Path, optional
        A directory to write into; events and ledger grow while the run goes on.
    save_tags : bool
        Write every user's tags to ``out/tags/USER.npy`` (int64, ``time_ticks << 2 | detector``).
    progress : callable, optional
        Called with the simulated picoseconds done, once a frame.
    should_stop : callable, optional
        Asked once a frame; True ends the run there and marks it partial.
    sink : TraceSink, optional
        Where events go if there is no ``out``.
    movements : MovementSink, optional
        Where the rows of the ledger go if there is no ``out``; a list will do.
    taps : sequence of TapPlan
        Attackers on the classical channels, beside those of the topology.
    controller : Controller, optional
        Takes the reports of all links, beside or instead of the topology's.
    build : callable
        Builds the photon level; another one than `build_world` may replay recorded frames.

    Returns
    -------
    Run
        Lanes as scored by the simulator, links as booked by the parties.
    """
    started_s = time.perf_counter()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        save_topology(topology, out)
    with ExitStack() as stack:
        simulation = Simulation(
            topology,
            duration_ps=ps_from_s(duration_s),
            seed=seed,
            out=out,
            sink=sink,
            movements=movements,
            taps=taps,
            controller=controller,
            build=build,
            stack=stack,
        )
        if save_tags and out is not None:
            simulation.save_tags(out / TAGS_DIRECTORY, stack)
        simulation.run(progress=progress, should_stop=should_stop)
        run = simulation.result(wall_s=time.perf_counter() - started_s)
    if out is not None:
        save_run(run, out)
    return run


class Simulation:
    """One simulation in progress: the world, the parties, the books.

    Parameters
    ----------
    topology, duration_ps, seed, out, sink, movements, taps, controller, build
        See `simulate`.
    stack : ExitStack
        Closes the files of the run.
    """

    def __init__(
        self,
        topology: TopologySpec,
        *,
        duration_ps: int,
        seed: int,
        out: Path | None = None,
        sink: TraceSink | None = None,
        movements: MovementSink | None = None,
        taps: Sequence[TapPlan] = (),
        controller: Controller | None = None,
        build: WorldBuilder = build_world,
        stack: ExitStack,
    ) -> None:
        self.timeline = Timeline(topology, stop_ps=duration_ps)
        self.network: Network = self.timeline.network_at(0)
        self.duration_ps = duration_ps
        self._seed = seed
        self._done_ps = 0
        self._is_partial = False
        self._frame_ps = ps_from_s(topology.frame_s)
        self._tag_files: dict[str, TagFile] = {}
        self._frames_of = {user.name: 0 for user in topology.users}
        self._controller = controller
        self._reports = RoundReports(ANNOUNCEMENT_S)
        if controller is None and topology.controller is not None:
            self._controller = build_controller(topology.controller, topology, self.network.links)
        rows = movements if out is None else stack.enter_context(LedgerFile(out / LEDGER))
        self.ledger = Ledger(rows)
        self.trace = stack.enter_context(Trace(sink if out is None else FileSink(out / EVENTS)))
        self._sim = Simulator()
        rng_tree = RngTree(seed)
        self._scorers = {users: LaneScorer(self.network, users) for users in self.network.links}
        self._scorers_of = {
            user.name: [scorer for users, scorer in self._scorers.items() if user.name in users]
            for user in topology.users
        }
        self.world: PhotonLevel = build(
            self._sim,
            self.timeline,
            rng_tree,
            duration_ps=duration_ps,
            on_tags=self._on_tags,
            on_clicks=self._on_clicks,
        )
        self.parties = Parties(
            self._sim,
            self.network,
            rng_tree,
            self.world.clocks,
            prediction=predict_epochs(tuple(self.timeline.epochs())),
            ledger=self.ledger,
            trace=self.trace,
            stores=self._open_stores(out, stack),
            taps=(*plans_of(topology.taps, self.network.links), *taps),
            on_announcer_event=self._tell_controller if self._controller is not None else None,
        )
        self.trace.emit(EventName.RUN_STARTED, time_ps=0, seed=seed, topology=topology.name)
        self._plan_absences(topology)

    def _open_stores(self, out: Path | None, stack: ExitStack) -> dict[str, UserStore]:
        """One store a user: files of the run directory, or memory without one."""
        if out is not None:
            (out / USERS_DIRECTORY).mkdir(exist_ok=True)
        paths = {
            user.name: IN_MEMORY if out is None else out / USERS_DIRECTORY / f"{user.name}.sqlite"
            for user in self.network.topology.users
        }
        return {name: stack.enter_context(UserStore(path)) for name, path in paths.items()}

    def _plan_absences(self, topology: TopologySpec) -> None:
        """Processes that crash and return, and users who come and go."""
        for user in topology.users:
            if not user.is_present:
                self.parties.stop(user.name, Absence.AWAY)
        for crash in topology.crashes:
            self._sim.process(self._crash(crash))
        self._sim.process(
            follow_events(
                self._sim, self.timeline, stop_ps=self.duration_ps, change=self._change_network
            )
        )

    def _crash(self, crash: CrashSpec) -> Generator[SimEvent, None, None]:
        yield self._sim.wait_until(ps_from_s(crash.stop_s))
        self.parties.stop(crash.user, Absence.CRASHED)
        yield self._sim.wait_until(ps_from_s(crash.start_s))
        self.parties.start(crash.user, Absence.CRASHED)

    def _tell_controller(self, users: tuple[str, str], event: LinkEvent) -> None:
        """Hand a finished round to the controller, and do what it decides."""
        round_s = self.network.topology.round_s_of(users)
        report = self._reports.take(users, round_s, event, s_from_ps(self._sim.now_ps))
        if report is None or self._controller is None or self._sim.now_ps >= self.duration_ps:
            return
        for change in self._controller.report(report, s_from_ps(self._sim.now_ps)):
            self._change_network(change)

    def _change_network(self, change: Change) -> None:
        """Change the light, put it on record, stop and start whom it concerns."""
        self.world.change(change)
        self.trace.emit(
            EventName.NETWORK_CHANGED,
            time_ps=self._sim.now_ps,
            change=change.kind,
            to=json.dumps(change.values, separators=(",", ":")),
        )
        for user in change.leaving:
            self.parties.stop(user, Absence.AWAY)
        for user in change.joining:
            self.parties.start(user, Absence.AWAY)

    @property
    def pools(self) -> dict[tuple[str, str], Pool]:
        """Key pools by (link, end), as long as the stores are open."""
        return {
            (book.pool.link, book.pool.end): book.pool
            for link in self.parties.links
            for book in link.books
        }

    def save_tags(self, directory: Path, stack: ExitStack) -> None:
        """Write every user's tags into ``directory`` as they come, and what each link is."""
        directory.mkdir(exist_ok=True)
        for user in self.network.topology.users:
            path = directory / f"{user.name}.npy"
            self._tag_files[user.name] = stack.enter_context(TagFile(path))
        for link in self.parties.links:
            config = link_config(self.network, link.users, link.agreement)
            text = json.dumps(config.flat(), indent=2) + "\n"
            (directory / f"{config.link}.json").write_text(text, encoding="utf-8")

    def run(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Simulate all the light frame by frame, then let the links close."""
        while self._done_ps < self.duration_ps:
            if should_stop is not None and should_stop():
                self._interrupt()
                return
            self._done_ps = min(self._done_ps + self._frame_ps, self.duration_ps)
            self._sim.run(until=self._done_ps + 1)
            if progress is not None:
                progress(self._done_ps)
        self._drain()
        self.trace.emit(EventName.RUN_ENDED, time_ps=self._sim.now_ps)

    def _interrupt(self) -> None:
        """Let the light that has been emitted arrive: what is reported is of whole frames."""
        frames = -(-self._done_ps // self._frame_ps)
        self.world.stop_light(frames)
        while min(self._frames_of.values()) < frames:
            self._sim.step()
        for scorer in self._scorers.values():
            scorer.finish()
        self._is_partial = True
        self.trace.emit(EventName.RUN_INTERRUPTED, time_ps=self._sim.now_ps)

    def _drain(self) -> None:
        """Last frames reach the users; then the last rounds end and the links close."""
        self._sim.run(until=self.world.finished)
        for scorer in self._scorers.values():
            scorer.finish()
        self.parties.end_light()
        limit_ps = self._sim.now_ps + ps_from_s(DRAIN_S)
        while not self.parties.are_done and self._sim.peek() < limit_ps:
            self._sim.step()

    def _on_tags(self, user: str, frame: TagFrame) -> None:
        if (file := self._tag_files.get(user)) is not None:
            file.append(frame.tags)
        self.parties.add_tags(user, frame)
        self._frames_of[user] += 1

    def _on_clicks(self, user: str, clicks: ClickFrame) -> None:
        for scorer in self._scorers_of[user]:
            scorer.add(user, clicks)

    # Results ------------------------------------------------------------------------------------

    def result(self, *, wall_s: float) -> Run:
        """Everything found so far."""
        topology = self.network.topology
        singles = self.world.singles
        predictions = {
            (lane.users, lane.channels): lane for lane in predict_epochs(self.world.history).lanes
        }
        return Run(
            topology=topology.name,
            seed=self._seed,
            duration_ps=self._done_ps,
            lanes=tuple(
                self._lane_result(lane, counts, predictions[lane.users, lane.channels])
                for scorer in self._scorers.values()
                for lane, counts in zip(scorer.lanes, scorer.counts, strict=True)
            ),
            links=tuple(self._link_result(link) for link in self.parties.links),
            users=tuple(
                UserResult(user.name, self._done_ps, singles[user.name]) for user in topology.users
            ),
            performance=Performance(wall_s=wall_s, tags=sum(singles.values())),
            provenance=collect_provenance(topology.model_dump(mode="json")),
            partial=self._is_partial,
            paper_source=topology.paper.source if topology.paper else None,
            paper_total_skr_bps=topology.paper.total_skr_bps if topology.paper else None,
        )

    def _lane_result(
        self, lane: Lane, counts: LaneCounts, prediction: LanePrediction
    ) -> LaneResult:
        return LaneResult(
            users=lane.users,
            channels=lane.channels,
            duration_ps=self._done_ps,
            coincidences=counts.coincidences,
            sifted_bits=counts.sifted_bits,
            errors=counts.errors,
            twin=TwinResult(prediction.sifted_hz, prediction.qber, prediction.skr_bps),
            paper=self._paper_figures(lane),
        )

    def _paper_figures(self, lane: Lane) -> PaperFigures | None:
        paper = self.network.topology.paper
        outlets = set(zip(lane.channels, lane.users, strict=True))
        for printed in paper.lanes if paper else ():
            if set(zip(printed.channels, printed.users, strict=True)) == outlets:
                return PaperFigures(
                    printed.sifted_hz,
                    printed.visibility,
                    printed.qber,
                    printed.skr_bps,
                    printed.note,
                )
        return None

    def _link_result(self, link: Link) -> LinkResult:
        announcer, responder = link.books
        security = self.network.topology.protocol.security
        reasons = failures(announcer.reasons, responder.reasons)
        return LinkResult(
            users=link.users,
            duration_ps=self._done_ps,
            counts=replace(
                announcer.counts,
                alarms=announcer.counts.alarms + responder.counts.alarms,
                failure_probability=min(1.0, announcer.counts.failure_probability),
            ),
            wire=link.drivers[0].wire + link.drivers[1].wire,
            pools=compare_pools(announcer.pool, responder.pool),
            settle_ps=self._settle_ps(link),
            security=security,
            assumptions=SECURITIES.get(security).assumptions,
            notes="; ".join((*link.agreement.notes, *reasons)),
        )

    def _settle_ps(self, link: Link) -> int:
        closed_ps = [books.closed_ps for books in link.books]
        return max(closed_ps) - self._done_ps if all(closed_ps) else 0
