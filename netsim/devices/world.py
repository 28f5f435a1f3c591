"""Builds the photon level of a network: provider, fibres, receivers and clocks, all connected."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from simpy.events import AllOf

from netsim.devices.analysers import Analysers
from netsim.devices.fibre import FibreLink, FibreLoss
from netsim.devices.history import NetworkHistory
from netsim.devices.observer import ObserverStation, Presence
from netsim.devices.qnsp import Qnsp
from netsim.devices.receiver import UserReceiver, receiver_settings
from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import SimEvent, Simulator
from netsim.observers.kinds import OBSERVERS
from netsim.observers.notebook import Notebook
from netsim.observers.observer import Observer, ObserverContext
from netsim.physics.clock import Clock
from netsim.physics.encodings.interface import Encoding, PairSource
from netsim.physics.encodings.settings import Turns
from netsim.physics.receiver import Off, Receiver, ReceiverSettings, never_off
from netsim.topology.changes import Change
from netsim.topology.observers import ObserverSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Epoch, Timeline
from netsim.units import MAX_TIME_PS, ps_from_s
from protocols.tags import TagFrame

OnTags = Callable[[str, TagFrame], None]
OnClicks = Callable[[str, ClickFrame], None]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Where a photon level is built, and where what it finds goes.

    Attributes
    ----------
    sim : Simulator
        At time 0.
    timeline : Timeline
        States of the network, up to ``duration_ps``.
    rng_tree : RngTree
        Streams: ``qnsp/...``, and of each user ``<user>/receiver``, ``<user>/detectors``,
        ``<user>/clock``, of phases that wander ``<user>/drift/...``, of Bell tests
        ``<user>/bell``; of the k-th observer on a fibre, from 1,
        ``<user>/observer/<k>``, of the piece behind him ``<user>/fibre/<k>``.
    duration_ps : int
        The light stops here, >= 1; the last frame may be shorter than the others.
    frame_ps : int
        Length of a frame.
    on_tags : callable
        Takes a user's name and its `TagFrame`, when its receiver has the frame: at the end of the
        frame and the delay of the slowest channel.
    on_clicks : callable
        Takes the truth about the same frame, at the same time, first.
    turns : mapping
        User to frames in which its analysers are turned (`build_turns`).
    """

    sim: Simulator
    timeline: Timeline
    rng_tree: RngTree
    duration_ps: int
    frame_ps: int
    on_tags: OnTags
    on_clicks: OnClicks
    turns: Mapping[str, Turns] = field(default_factory=dict)

    @property
    def topology(self) -> TopologySpec:
        """As in the file."""
        return self.timeline.topology

    @property
    def users(self) -> tuple[str, ...]:
        """Names of all users, in the order of the file."""
        return tuple(user.name for user in self.topology.users)

    def build_clocks(self) -> dict[str, Clock]:
        """Clock of every user, from the stream ``<user>/clock``."""
        return {user: build_clock(self.topology, self.rng_tree, user) for user in self.users}

    def hand_out(self, user: str, tags: TagFrame, clicks: ClickFrame) -> None:
        """Tell of a frame of ``user``, the truth first."""
        self.on_clicks(user, clicks)
        self.on_tags(user, tags)


class PhotonLevel(Protocol):
    """What a run needs of its photon level, be it simulated (`World`) or replayed."""

    @property
    def clocks(self) -> dict[str, Clock]:
        """User to clock."""
        ...

    @property
    def clicks(self) -> dict[str, NDArray[np.int64]]:
        """Clicks of each user so far, (4,) by detector."""
        ...

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        ...

    @property
    def notebooks(self) -> Mapping[str, Sequence[Notebook]]:
        """What those on the fibres have written down, by user; empty of replayed light."""
        ...

    def start(self) -> SimEvent:
        """Register the processes, once, at time 0; what happens when every user has all frames."""
        ...

    def change(self, change: Change) -> None:
        """Change the optical network from now on."""
        ...

    def stop_light(self, frames: int) -> None:
        """Hand out these first frames, which have been emitted, and none after them."""
        ...


WorldBuilder = Callable[[Stage], PhotonLevel]
"""Builds a photon level: `build_world`, or what records or replays one."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The photon level of one run.

    Attributes
    ----------
    stage : Stage
    states : NetworkHistory
        Of the optical network.
    clocks : dict
        User to clock.
    receivers : dict
        User to receiver.
    fibres : dict
        User to fibre, up to the first observer where there is one.
    qnsp : Qnsp
        The provider.
    notebooks : dict
        User to the notes of those on its fibre.
    """

    stage: Stage
    states: NetworkHistory
    clocks: dict[str, Clock]
    receivers: dict[str, UserReceiver]
    fibres: dict[str, FibreLink]
    qnsp: Qnsp
    notebooks: dict[str, list[Notebook]]

    def start(self) -> SimEvent:
        """Register the provider's process; what happens when every receiver is done."""
        self.qnsp.start()
        return AllOf(self.stage.sim, [each.finished for each in self.receivers.values()])

    @property
    def clicks(self) -> dict[str, NDArray[np.int64]]:
        """Clicks of each user so far, (4,) by detector."""
        return {user: receiver.clicks for user, receiver in self.receivers.items()}

    @property
    def singles(self) -> dict[str, int]:
        """Clicks of each user so far, all detectors together."""
        return {user: int(clicks.sum()) for user, clicks in self.clicks.items()}

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        return self.states.epochs(self.stage.sim.now_ps)

    def change(self, change: Change) -> None:
        """Change the optical network from now on."""
        self.states.change(change, self.stage.sim.now_ps)

    def stop_light(self, frames: int) -> None:
        """Emit no more than these first frames; the receivers wait for others in vain."""
        self.qnsp.stop(frames)


def build_world(stage: Stage) -> World:
    """Build the devices of the photon level and connect them.

    Raises
    ------
    ValueError
        If the light lasts less than 1 ps, or longer than packed times can hold.
    """
    if not 1 <= stage.duration_ps <= MAX_TIME_PS:
        raise ValueError(f"the light lasts 1 ps to {MAX_TIME_PS} ps, not {stage.duration_ps} ps")
    history = NetworkHistory(stage.timeline, stop_ps=stage.duration_ps)
    builder = _Builder(stage, history)
    clocks = stage.build_clocks()
    receivers = {user: builder.receiver(user, clocks[user]) for user in stage.users}
    fibres = {user: builder.fibre(user, receivers[user]) for user in stage.users}
    qnsp = Qnsp(
        stage.sim,
        stage.timeline,
        history,
        stage.rng_tree,
        fibres,
        duration_ps=stage.duration_ps,
        frame_ps=stage.frame_ps,
    )
    return World(stage, history, clocks, receivers, fibres, qnsp, builder.notebooks)


def build_clock(topology: TopologySpec, rng_tree: RngTree, user: str) -> Clock:
    """Clock of ``user``, from the stream ``<user>/clock``."""
    spec = topology.clock_of(topology.user(user))
    return Clock(
        rng_tree.stream(f"{user}/clock"),
        offset_bound_ps=spec.offset_bound_ps,
        rate_bound_ppm=spec.rate_bound_ppm,
        allan_deviation_1s=spec.allan_deviation_1s,
        offset_ps=spec.offset_ps,
        rate_ppm=spec.rate_ppm,
    )


def build_turns(topology: TopologySpec, rng_tree: RngTree) -> dict[str, Turns]:
    """Turned frames of every user with Bell tests, from the streams ``<user>/bell``."""
    receivers = {user.name: topology.receiver_of(user) for user in topology.users}
    return {
        name: Turns(
            rng_tree.stream(f"{name}/bell"), share=spec.bell.share, turn_rad=spec.bell.turn_rad
        )
        for name, spec in receivers.items()
        if spec.bell is not None
    }


class _Builder:
    def __init__(self, stage: Stage, history: NetworkHistory) -> None:
        self.notebooks: dict[str, list[Notebook]] = {}
        self._stage = stage
        self._history = history
        self._analysers = Analysers(stage.topology, history, stage.rng_tree)

    def receiver(self, user: str, clock: Clock) -> UserReceiver:
        stage = self._stage
        ways = stage.timeline.ways_of(user).values()
        delay_ps = min((round(way.delay_ps) for way in ways), default=0)
        encoding = self._analysers.encoding(
            user, stage.turns.get(user), frame_ps=stage.frame_ps, delay_ps=delay_ps
        )
        receiver = Receiver(
            self._settings(user, encoding, partial(self._off, user, delay_ps)),
            clock,
            photon_rng=stage.rng_tree.stream(f"{user}/receiver"),
            detector_rng=stage.rng_tree.stream(f"{user}/detectors"),
        )
        on_frame = partial(stage.hand_out, user)
        return UserReceiver(stage.sim, receiver, on_frame, duration_ps=stage.duration_ps)

    def _off(
        self, user: str, delay_ps: int, start_ps: int, stop_ps: int
    ) -> Sequence[tuple[int, int]]:
        """When the detectors of ``user`` are off: as late as the light of that time comes."""
        states = self._history.between(max(0, start_ps - delay_ps), max(1, stop_ps - delay_ps))
        if all(network.topology.user(user).is_detecting for _, network in states):
            return ()
        starts_ps = [start_ps, *(at_ps + delay_ps for at_ps, _ in states[1:]), stop_ps]
        return [
            span
            for span, (_, network) in zip(pairwise(starts_ps), states, strict=True)
            if not network.topology.user(user).is_detecting
        ]

    def _settings(
        self, user: str, encoding: Encoding | None = None, off: Off = never_off
    ) -> ReceiverSettings:
        timeline = self._stage.timeline
        ways = timeline.ways_of(user).values()
        spec = timeline.topology.qnsp.source
        source = PairSource(
            timeline.processes,
            spec.bandwidth_hz,
            timeline.bunchings,
            spec.hidden_bits,
            spec.pump_pulses,
        )
        return receiver_settings(timeline.topology, user, ways, source, encoding, off=off)

    def fibre(self, user: str, receiver: UserReceiver) -> FibreLink:
        """All pieces of a fibre, with the observers between them; the first piece."""
        deliver: Callable[[PhotonBundle], None] = receiver.deliver
        observers = self._stage.topology.observers_of(user)
        for passed, spec in reversed(tuple(enumerate(observers, start=1))):
            rng = self._stage.rng_tree.stream(f"{user}/fibre/{passed}")
            loss = FibreLoss(rng, self._history, user, passed)
            behind = self._piece(user, passed, deliver, loss)
            observer, presence = self._observer(spec, passed), _presence(spec)
            deliver = ObserverStation(observer, behind.send, presence).take
        return self._piece(user, 0, deliver)

    def _piece(
        self,
        user: str,
        passed: int,
        deliver: Callable[[PhotonBundle], None],
        loss: FibreLoss | None = None,
    ) -> FibreLink:
        ways = self._stage.timeline.ways_of(user)
        stretches = {channel: way.stretches[passed] for channel, way in ways.items()}
        return FibreLink(self._stage.sim, stretches, deliver, loss)

    def _observer(self, spec: ObserverSpec, number: int) -> Observer:
        topology, timeline = self._stage.topology, self._stage.timeline
        ways = timeline.ways_of(spec.user)
        notebook = Notebook({name: way.stretches[number].start_ps for name, way in ways.items()})
        self.notebooks.setdefault(spec.user, []).append(notebook)
        context = ObserverContext(
            spec.user,
            self._settings(spec.user),
            topology.receiver_of(topology.user(spec.user)).encoding,
            notebook,
            self._stage.rng_tree.stream(f"{spec.user}/observer/{number}"),
        )
        return OBSERVERS.get(spec.kind).build(spec.options, context)


def _presence(spec: ObserverSpec) -> Presence | None:
    """None for somebody who is always there."""
    if spec.start_s == 0.0 and spec.stop_s is None:
        return None
    stop_ps = MAX_TIME_PS if spec.stop_s is None else ps_from_s(spec.stop_s)
    return Presence(ps_from_s(spec.start_s), stop_ps)
