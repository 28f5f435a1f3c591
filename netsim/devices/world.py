"""Builds the photon level of a network: provider, fibres, receivers and clocks, all connected."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from simpy.events import AllOf

from netsim.devices.fibre import FibreLink, FibreLoss
from netsim.devices.history import NetworkHistory
from netsim.devices.observer import ObserverStation
from netsim.devices.qnsp import Qnsp
from netsim.devices.receiver import UserReceiver, receiver_settings
from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import SimEvent, Simulator
from netsim.observers.kinds import OBSERVERS
from netsim.observers.observer import Observer, ObserverContext
from netsim.physics.clock import Clock
from netsim.physics.receiver import Receiver, ReceiverSettings
from netsim.topology.changes import Change
from netsim.topology.observers import ObserverSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Epoch, Timeline
from netsim.topology.ways import Stretch
from netsim.units import MAX_TIME_PS
from protocols.tags import TagFrame

OnTags = Callable[[str, TagFrame], None]
OnClicks = Callable[[str, ClickFrame], None]


class PhotonLevel(Protocol):
    """What a run needs of its photon level, be it simulated (`World`) or replayed."""

    @property
    def clocks(self) -> dict[str, Clock]:
        """User to clock."""
        ...

    @property
    def finished(self) -> SimEvent:
        """Happens when every user has its last frame."""
        ...

    @property
    def singles(self) -> dict[str, int]:
        """Clicks of each user so far, all detectors together."""
        ...

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        ...

    def change(self, change: Change) -> None:
        """Change the optical network from now on."""
        ...

    def stop_light(self, frames: int) -> None:
        """Hand out these first frames, which have been emitted, and none after them."""
        ...


class WorldBuilder(Protocol):
    """Registers the processes of a photon level: `build_world`, or what records or replays one."""

    def __call__(  # noqa: D102 - as `build_world`
        self,
        sim: Simulator,
        timeline: Timeline,
        rng_tree: RngTree,
        *,
        duration_ps: int,
        on_tags: OnTags,
        on_clicks: OnClicks,
    ) -> PhotonLevel: ...


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The photon level of one run.

    Attributes
    ----------
    sim : Simulator
    states : NetworkHistory
        Of the optical network.
    clocks : dict
        User to clock.
    receivers : dict
        User to receiver process.
    fibres : dict
        User to fibre process, up to the first observer where there is one.
    qnsp : Qnsp
        The provider.
    finished : Event
        Happens when every receiver has released its last frame.
    """

    sim: Simulator
    states: NetworkHistory
    clocks: dict[str, Clock]
    receivers: dict[str, UserReceiver]
    fibres: dict[str, FibreLink]
    qnsp: Qnsp
    finished: SimEvent

    @property
    def singles(self) -> dict[str, int]:
        """Clicks of each user so far, all detectors together."""
        return {user: receiver.singles for user, receiver in self.receivers.items()}

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        return self.states.epochs(self.sim.now_ps)

    def change(self, change: Change) -> None:
        """Change the optical network from now on."""
        self.states.change(change, self.sim.now_ps)

    def stop_light(self, frames: int) -> None:
        """Emit no more than these first frames; the receivers wait for others in vain."""
        self.qnsp.stop(frames)


def build_world(
    sim: Simulator,
    timeline: Timeline,
    rng_tree: RngTree,
    *,
    duration_ps: int,
    on_tags: OnTags,
    on_clicks: OnClicks,
) -> World:
    """Register the processes of the photon level.

    Parameters
    ----------
    sim : Simulator
        At time 0.
    timeline : Timeline
        States of the network, up to ``duration_ps``.
    rng_tree : RngTree
        Streams: ``qnsp/...``, and of each user ``<user>/fibre``, ``<user>/receiver``,
        ``<user>/detectors``, ``<user>/clock``; of the k-th observer on a fibre, from 1,
        ``<user>/observer/<k>``, of the piece behind him ``<user>/fibre/<k>``.
    duration_ps : int
        The light stops here, >= 1; the last frame may be shorter than the others.
    on_tags : callable
        Takes a user's name and its `TagFrame`, when its receiver has the frame: at the end of the
        frame and the delay of the slowest channel.
    on_clicks : callable
        Takes the truth about the same frame, at the same time, first.

    Raises
    ------
    ValueError
        If ``duration_ps`` is below 1 or beyond what packed times can hold.
    """
    if not 1 <= duration_ps <= MAX_TIME_PS:
        raise ValueError(f"the light lasts 1 ps to {MAX_TIME_PS} ps, not {duration_ps} ps")
    topology = timeline.topology
    users = [user.name for user in topology.users]
    history = NetworkHistory(timeline, stop_ps=duration_ps)
    builder = _Builder(sim, timeline, history, topology, rng_tree, duration_ps)
    clocks = {user: build_clock(topology, rng_tree, user) for user in users}
    receivers = {
        user: builder.receiver(user, clocks[user], partial(_hand_out, user, on_tags, on_clicks))
        for user in users
    }
    fibres = {user: builder.fibre(user, receivers[user]) for user in users}
    qnsp = Qnsp(sim, timeline, history, rng_tree, fibres, duration_ps=duration_ps)
    finished = AllOf(sim, [receiver.process for receiver in receivers.values()])
    return World(sim, history, clocks, receivers, fibres, qnsp, finished)


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


def _hand_out(
    user: str, on_tags: OnTags, on_clicks: OnClicks, tags: TagFrame, clicks: ClickFrame
) -> None:
    on_clicks(user, clicks)
    on_tags(user, tags)


@dataclass(frozen=True, slots=True, eq=False)
class _Builder:
    sim: Simulator
    timeline: Timeline
    history: NetworkHistory
    topology: TopologySpec
    rng_tree: RngTree
    duration_ps: int

    def receiver(
        self, user: str, clock: Clock, on_frame: Callable[[TagFrame, ClickFrame], None]
    ) -> UserReceiver:
        receiver = Receiver(
            self._settings(user),
            clock,
            photon_rng=self.rng_tree.stream(f"{user}/receiver"),
            detector_rng=self.rng_tree.stream(f"{user}/detectors"),
        )
        return UserReceiver(self.sim, receiver, on_frame, duration_ps=self.duration_ps)

    def _settings(self, user: str) -> ReceiverSettings:
        ways = self.timeline.ways_of(user).values()
        return receiver_settings(self.topology, user, ways, self.timeline.processes)

    def fibre(self, user: str, receiver: UserReceiver) -> FibreLink:
        """All pieces of a fibre, with the observers between them; the first piece."""
        deliver: Callable[[PhotonBundle], None] = receiver.deliver
        observers = self.topology.observers_of(user)
        for passed, spec in reversed(tuple(enumerate(observers, start=1))):
            rng = self.rng_tree.stream(f"{user}/fibre/{passed}")
            loss = FibreLoss(rng, self.history, user, passed)
            behind = FibreLink(self.sim, self._stretches(user, passed), rng, deliver, loss)
            deliver = ObserverStation(self._observer(spec, passed), behind.send).take
        rng = self.rng_tree.stream(f"{user}/fibre")
        return FibreLink(self.sim, self._stretches(user, 0), rng, deliver)

    def _stretches(self, user: str, passed: int) -> dict[str, Stretch]:
        ways = self.timeline.ways_of(user)
        return {channel: way.stretches[passed] for channel, way in ways.items()}

    def _observer(self, spec: ObserverSpec, number: int) -> Observer:
        rng = self.rng_tree.stream(f"{spec.user}/observer/{number}")
        context = ObserverContext(spec.user, self._settings(spec.user), rng)
        return OBSERVERS.get(spec.kind).build(spec.options, context)
