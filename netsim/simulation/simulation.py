"""One run of a network: opens, builds, connects and starts it, lets it go on, and closes it.

What it found is collected in `netsim.simulation.collect`.
"""

# ruff: noqa: PLC0415  # imported where something is kept, or made in another process

import json
import multiprocessing
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from netsim.devices.history import follow_events
from netsim.devices.messenger import Messenger
from netsim.devices.world import PhotonLevel
from netsim.frames import ClickFrame
from netsim.kernel.simulator import SimEvent, Simulator
from netsim.kernel.trace import EventName, Trace
from netsim.pools.database import IN_MEMORY
from netsim.pools.ledger import Ledger
from netsim.pools.pool import Pool
from netsim.pools.store import UserStore
from netsim.results.parts import LinkResult
from netsim.results.provenance import collect_provenance
from netsim.results.run import Performance, Run
from netsim.simulation.bell import BellMonitor
from netsim.simulation.collect import lane_results, link_result
from netsim.simulation.control import RoundReports, build_controller
from netsim.simulation.counting import Counting, ScoredLane
from netsim.simulation.demand import Demand
from netsim.simulation.errands import Errands
from netsim.simulation.listeners import Listeners
from netsim.simulation.parties import Link, Parties
from netsim.simulation.plan import RunPlan
from netsim.simulation.request import RunRequest
from netsim.simulation.user import User
from netsim.taps.plans import plans_of
from netsim.topology.changes import Change
from netsim.topology.specs import CrashSpec
from netsim.twin.link import link_config
from netsim.twin.prediction import predict_epochs
from netsim.units import ps_from_s, s_from_ps
from protocols.events import Event as LinkEvent
from protocols.tags import TagFrame

if TYPE_CHECKING:
    from netsim.results.tagfile import TagFile
    from netsim.simulation.outputs import Outputs
    from netsim.simulation.remote import LightProcess

DRAIN_S = 600
"""Simulated time after the light in which rounds may end and links close."""


class Simulation:
    """One simulation in progress: the world, the users, the books.

    As a context it is open: files are there, everything is connected and has started. `run` and
    `result` belong inside.

    Parameters
    ----------
    request : RunRequest

    Attributes
    ----------
    world : PhotonLevel
    parties : Parties
    trace, ledger : Trace, Ledger
    """

    world: PhotonLevel
    parties: Parties
    trace: Trace
    ledger: Ledger
    _counting: Counting
    _demand: Demand
    _last_frames: SimEvent
    _listeners: Listeners
    _monitor: BellMonitor
    _plan: RunPlan

    def __init__(self, request: RunRequest) -> None:
        self.topology = request.topology
        self.duration_ps = request.duration_ps
        self._request = request
        self._controller = request.controller
        self._stack = ExitStack()
        self._sim = Simulator()
        self._done_ps = 0
        self._is_partial = False
        self._outputs: Outputs | None = None
        self._tag_files: dict[str, TagFile] = {}

    def __enter__(self) -> Self:
        """Open, build, connect and start everything; nothing is left open if that fails."""
        with ExitStack() as stack:
            self._stack = stack
            maker = self._start_light()
            self._work_out()
            self._open()
            self._build_parties(maker)
            if self._request.save_tags and self._outputs is not None:
                self.save_tags(self._outputs.tags)
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start_light(self) -> "LightProcess | None":
        """Start what makes the light if that is a process of its own, before all else here."""
        if not self._request.has_light_elsewhere or multiprocessing.current_process().daemon:
            return None  # a daemonic process may not start any
        from netsim.simulation.remote import LightProcess

        return self._stack.enter_context(LightProcess(self._request))

    def _work_out(self) -> None:
        """Work out all states of the network, and who decides."""
        self._plan = RunPlan(self._request)
        self._reports = RoundReports(self._plan.depth.announced_s)
        asked = self.topology.controller
        if self._controller is None and asked is not None:
            self._controller = build_controller(asked, self.topology, self._plan.network.links)

    def _open(self) -> None:
        """Open trace and ledger: files of the run directory, or what is given without one."""
        request = self._request
        rows, sink = request.movements, request.sink
        if request.out is not None:
            from netsim.simulation.outputs import Outputs

            self._outputs = Outputs(request.out, self._stack)
            rows, sink = self._outputs.rows, self._outputs.sink
        self.ledger = Ledger(rows)
        self.trace = self._stack.enter_context(Trace(sink))

    def _open_store(self, user: str) -> UserStore:
        """A file of the run directory, or memory without one."""
        path = IN_MEMORY if self._outputs is None else self._outputs.store_of(user)
        return self._stack.enter_context(UserStore(path))

    def _build_parties(self, maker: "LightProcess | None") -> None:
        """Build the world, the users in it and the links between them."""
        self.world, self._counting = self._built_light(maker)
        users, rng_tree = self._built_users(), self._plan.rng_tree
        self._listeners = Listeners(
            self._plan.timeline, self._plan.network, users, self.world.notebooks, rng_tree
        )
        self.parties = Parties(
            self._sim,
            self._plan.network,
            rng_tree,
            users,
            outlook=self._plan.outlook,
            depth=self._plan.depth,
            ledger=self.ledger,
            trace=self.trace,
            taps=(*plans_of(self.topology.taps, self._plan.network.links), *self._request.taps),
            on_announcer_event=self._tell_controller if self._controller is not None else None,
            on_deposit=self._offer,
            listeners=self._listeners,
        )
        self.parties.connect()
        self._demand = Demand(
            self.topology,
            self._plan.network.links,
            self.pools,
            rng_tree,
            self.trace,
            is_up=self._is_up,
            courier=Errands(self._sim, self._messenger()),
        )

    def _is_up(self, user: str) -> bool:
        return self.parties.users[user].is_up

    def _messenger(self) -> Messenger:
        """What users say to each other beside what their links say."""
        paths = {users: self.parties.path_of(users) for users in self._plan.network.links}
        return Messenger(self._sim, paths, self._plan.rng_tree, self._is_up)

    def _built_light(self, maker: "LightProcess | None") -> tuple[PhotonLevel, Counting]:
        """Source, fibres and receivers, and who counts clicks: here or in another process."""
        plan = self._plan
        if maker is not None:
            from netsim.simulation.remote import RemoteLight

            light = RemoteLight(plan.stage(self._sim, self._on_tags, _counted_there), maker)
            return light, light
        counting = plan.counting()
        return self._plan.depth.build(plan.stage(self._sim, self._on_tags, counting.add)), counting

    def _built_users(self) -> dict[str, User]:
        """All users by name, each with the clock of its receiver."""
        return {
            user.name: User(
                self._sim,
                self._plan.depth.hardware,
                user.name,
                clock=self.world.clocks[user.name],
                store=self._open_store(user.name),
                rng_tree=self._plan.rng_tree,
                trace=self.trace,
                turns=self._plan.turns.get(user.name),
            )
            for user in self.topology.users
        }

    def _start(self) -> None:
        """Start the light and the users, then what happens to them."""
        self._monitor = BellMonitor(self._counting, self.trace)
        self._last_frames = self.world.start()
        self.parties.start()
        name = self.topology.name
        self.trace.emit(EventName.RUN_STARTED, time_ps=0, seed=self._request.seed, topology=name)
        for user in self.topology.users:
            if not user.is_present:
                self.parties.users[user.name].leave()
        for crash in self.topology.crashes:
            self._sim.process(self._crash(crash))
        events = follow_events(
            self._sim, self._plan.timeline, stop_ps=self.duration_ps, change=self._change_network
        )
        self._sim.process(events)
        self._sim.process(self._ask_for_key())

    def _ask_for_key(self) -> Generator[SimEvent, None, None]:
        for time_ps, happen in self._demand.happenings(self.duration_ps):
            yield self._sim.wait_until(time_ps)
            happen(time_ps)

    def _offer(self, link: str, time_ps: int) -> None:
        """New key for whoever waits for it."""
        self._demand.deposited((link,), time_ps)

    def _crash(self, crash: CrashSpec) -> Generator[SimEvent, None, None]:
        user = self.parties.users[crash.user]
        yield self._sim.wait_until(ps_from_s(crash.stop_s))
        user.crash()
        yield self._sim.wait_until(ps_from_s(crash.start_s))
        user.restart()

    def _tell_controller(self, users: tuple[str, str], event: LinkEvent) -> None:
        """Hand a finished round to the controller, and do what it decides."""
        round_s = self._plan.network.topology.round_s_of(users)
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
            self.parties.users[user].leave()
        for user in change.joining:
            self.parties.users[user].join()

    @property
    def now_ps(self) -> int:
        """Simulated time."""
        return self._sim.now_ps

    @property
    def pools(self) -> dict[tuple[str, str], Pool]:
        """Key pools by (link, end), as long as the stores are open."""
        return {
            (end.books.pool.link, end.books.pool.end): end.books.pool
            for link in self.parties.links
            for end in link.ends
        }

    def save_tags(self, directory: Path) -> None:
        """Write every user's tags into ``directory`` as they come, and what each link is."""
        from netsim.simulation.outputs import open_tags

        configs = [
            link_config(self._plan.network, link.users, self._plan.depth.cadence, link.agreement)
            for link in self.parties.links
        ]
        names = [user.name for user in self.topology.users]
        self._tag_files = open_tags(directory, names, configs, self._stack)

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
            self._done_ps = min(self._done_ps + self._plan.depth.frame_ps, self.duration_ps)
            self._sim.run(until=self._done_ps + 1)
            self._monitor.look(self._done_ps)
            if progress is not None:
                progress(self._done_ps)
        self._drain()
        self._demand.finish(self._sim.now_ps)
        self.trace.emit(EventName.RUN_ENDED, time_ps=self._sim.now_ps)

    def _interrupt(self) -> None:
        """Let the light that has been emitted arrive: what is reported is of whole frames."""
        frames = -(-self._done_ps // self._plan.depth.frame_ps)
        self.world.stop_light(frames)
        while min(user.frames for user in self.parties.users.values()) < frames:
            self._sim.step()
        self._counting.finish()
        self._is_partial = True
        self._demand.finish(self._sim.now_ps)
        self.trace.emit(EventName.RUN_INTERRUPTED, time_ps=self._sim.now_ps)

    def _drain(self) -> None:
        """Last frames reach the users; then the last rounds end and the links close."""
        self._sim.run(until=self._last_frames)
        self._counting.finish()
        self.parties.end_light()
        limit_ps = self._sim.now_ps + ps_from_s(DRAIN_S)
        self._sim.call_at(limit_ps, lambda: None)  # which ends what goes on for ever
        while not self.parties.are_done and self._sim.now_ps < limit_ps:
            self._sim.step()

    def _on_tags(self, user: str, frame: TagFrame) -> None:
        if (file := self._tag_files.get(user)) is not None:
            file.append(frame.tags)
        self.parties.users[user].take(frame)

    def result(self, *, wall_s: float) -> Run:
        """Everything found so far."""
        topology, done_ps, counted = self.topology, self._done_ps, self._counting.counted()
        users = tuple(self._plan.depth.users(self.world, self._request.seed, done_ps))
        tags = sum(int(clicks.sum()) for clicks in self.world.clicks.values())
        return Run(
            topology=topology.name,
            seed=self._request.seed,
            duration_ps=done_ps,
            lanes=lane_results(
                topology,
                self._tested(counted.lanes),
                predict_epochs(self.world.history, self._plan.known),
                done_ps,
            ),
            links=tuple(self._link_result(link) for link in self.parties.links),
            users=users,
            performance=Performance(wall_s=wall_s, tags=tags),
            provenance=collect_provenance(topology.model_dump(mode="json")),
            partial=self._is_partial,
            demand=self._demand.result(),
            fidelity=self._plan.depth.FIDELITY,
            histograms=counted.histograms,
            paper_source=topology.paper.source if topology.paper else None,
            paper_total_skr_bps=topology.paper.total_skr_bps if topology.paper else None,
        )

    def _link_result(self, link: Link) -> LinkResult:
        found = link_result(self.topology, link, self._done_ps)
        return replace(found, eve=self._listeners.knowledge(link.users, found.counts))

    def _tested(self, lanes: Iterable[ScoredLane]) -> Iterator[ScoredLane]:
        """With the Bell tests that a link's parties have made themselves, where they do."""
        measured = {link.users: iter(link.ends[0].books.tests) for link in self.parties.links}
        for scored in lanes:
            yield replace(scored, chsh=next(measured[scored.lane.users], scored.chsh))


def _counted_there(user: str, clicks: ClickFrame) -> None:
    """Clicks that are counted where they are made."""
