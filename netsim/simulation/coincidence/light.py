"""The light of a run at the coincidence level, in the place of source, fibres and receivers.

Frames are long, and each has a random stream of its own: what it holds depends on the seed and its
number, not on the frames before.
"""

import sys
from collections.abc import Generator, Hashable

import numpy as np
from numpy.typing import NDArray
from simpy.events import Process

from netsim.devices.analysers import Analysers
from netsim.devices.history import NetworkHistory
from netsim.devices.receiver import detector_settings
from netsim.devices.world import Stage
from netsim.frames import DETECTOR_MASK, DETECTORS, ClickFrame
from netsim.kernel.simulator import SimEvent
from netsim.observers.notebook import Notebook
from netsim.physics.clock import Clock
from netsim.physics.detector import count_detectors
from netsim.simulation.coincidence.draw import CoincidenceSource
from netsim.simulation.coincidence.sorting import sort_even
from netsim.simulation.coincidence.table import CoincidenceTable
from netsim.simulation.stretches import announced_together
from netsim.simulation.wander import Wander
from netsim.topology.changes import Change, Unlock
from netsim.topology.network import Network
from netsim.topology.timeline import Epoch, Timeline
from netsim.units import PS_PER_S
from protocols.tags import DETECTOR_BITS, TagFrame

REACH_PS = 10_000_000
"""More than delays of detectors and peaks move a click, either way."""
STEADY_PS = 8 * PS_PER_S
"""Settings of drifting receivers are taken to stand still for so long."""

Clicks = NDArray[np.int64]


class CoincidenceLight:
    """Hands out frames of coincidences; a `netsim.devices.world.PhotonLevel`.

    Parameters
    ----------
    stage : Stage
        Streams: ``coincidences/<frame>``, of each user ``<user>/clock``, and those of phases that
        wander (`netsim.devices.analysers`).
    """

    def __init__(self, stage: Stage) -> None:
        self.clocks = stage.build_clocks()
        self.clicks = {user: np.zeros(DETECTORS, dtype=np.int64) for user in stage.users}
        """Clicks of each user that are drawn, by detector."""
        self.notebooks: dict[str, list[Notebook]] = {}
        self._stage = stage
        self._history = NetworkHistory(stage.timeline, stop_ps=stage.duration_ps)
        wander = Wander(
            Analysers(stage.topology, self._history, stage.rng_tree, longest_ps=stage.frame_ps)
        )
        self._sources = _Sources(stage.timeline, wander)
        self._desks = {user: _Desk(stage.timeline, user, self.clocks[user]) for user in stage.users}
        self._stop_frame = sys.maxsize

    def start(self) -> Process:
        """Register the one process, which hands the frames out."""
        return self._stage.sim.process(self._run())

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        return self._history.epochs(self._stage.sim.now_ps)

    def change(self, change: Change) -> None:
        """Change the optical network from now on; ValueError if its phases are not followed."""
        self._sources.check(change)
        self._history.change(change, self._stage.sim.now_ps)

    def stop_light(self, frames: int) -> None:
        """Hand out these first frames, and none after them."""
        self._stop_frame = frames

    def _run(self) -> Generator[SimEvent, None, None]:
        stage, sim = self._stage, self._stage.sim
        for index, start_ps in enumerate(range(0, stage.duration_ps, stage.frame_ps)):
            stop_ps = min(start_ps + stage.frame_ps, stage.duration_ps)
            # The last one may stop before the one ahead of it has come.
            yield sim.wait_until(max(sim.now_ps, stop_ps))
            if index >= self._stop_frame:
                return
            self._draw(index, start_ps, stop_ps)
            is_last = stop_ps == stage.duration_ps
            frames = {
                user: desk.frame(index, stop_ps, is_last=is_last)
                for user, desk in self._desks.items()
            }
            # No user has a frame before its last click has come.
            yield sim.wait_until(max(sim.now_ps, *(each.stop_ps for _, each in frames.values())))
            for user, (tags, clicks) in frames.items():
                count_detectors(clicks.clicks, self.clicks[user])
                stage.hand_out(user, tags, clicks)

    def _draw(self, index: int, start_ps: int, stop_ps: int) -> None:
        rng = self._stage.rng_tree.stream(f"coincidences/{index}")
        states = self._history.between(start_ps, stop_ps)
        untils_ps = [*(since_ps for since_ps, _ in states[1:]), stop_ps]
        parts = [
            (since_ps, until_ps, network)
            for (since_ps, network), until_ps in zip(states, untils_ps, strict=True)
        ]
        longest_ps = self._sources.steady_ps
        for together in announced_together(parts):
            pieces = [
                (from_ps, min(from_ps + longest_ps, until_ps), network)
                for since_ps, until_ps, network in together
                for from_ps in range(since_ps, until_ps, longest_ps)
            ]
            sources = [self._sources.between(network, *span) for *span, network in pieces]
            is_seen = np.any([source.table.is_seen for source in sources], axis=0)
            for source, (from_ps, until_ps, _) in zip(sources, pieces, strict=True):
                self._draw_steady(rng, source, from_ps, until_ps, is_seen)

    def _draw_steady(
        self,
        rng: np.random.Generator,
        source: CoincidenceSource,
        since_ps: int,
        until_ps: int,
        is_seen: NDArray[np.bool_],
    ) -> None:
        drawn = source.draw(rng, since_ps, until_ps)
        for lane, side, user in self._sources.sides:
            self._desks[user].take(drawn.of(lane, side), is_seen=bool(is_seen[lane]))


class _Sources:
    """Tables of all states of the network that have come up so far."""

    def __init__(self, timeline: Timeline, wander: Wander) -> None:
        self._topology = timeline.topology
        self._wander = wander
        self.sides = tuple(
            (number, side, user)
            for number, lane in enumerate(timeline.lanes)
            for side, user in enumerate(lane.users)
        )
        """Number of a lane, which of its two users, and that user."""
        ways = {user: timeline.ways_of(user) for _, _, user in self.sides}
        delays_ps = [
            round(ways[lane.users[0]][lane.parts[0].channels[0]].delay_ps)
            for lane in timeline.lanes
        ]
        self._delays_ps = np.array(delays_ps, dtype=np.int64)
        receivers = timeline.topology.receivers.values()
        self._encodings = [spec.encoding for spec in receivers]
        self._known: dict[Hashable, CoincidenceSource] = {}

    @property
    def steady_ps(self) -> int:
        """How long settings are taken to stand still; any time where they are averaged over it."""
        return sys.maxsize if self._wander.users else STEADY_PS

    def check(self, change: Change) -> None:
        """Refuse to free phases that nobody expected to wander."""
        if not isinstance(change, Unlock) or change.user in self._wander.users:
            return
        if self._topology.receiver_of(self._topology.user(change.user)).drifts:
            raise ValueError(
                f"phases of {change.user} are not followed: only an event or is_locked = false "
                "says beforehand that they will be"
            )

    def between(self, network: Network, start_ps: int, stop_ps: int) -> CoincidenceSource:
        """What draws from ``network`` in this time; the timeline keeps the network."""
        if self._wander.users:
            return self._turned(network, start_ps, stop_ps)
        return self._at(network, (start_ps + stop_ps) // 2)

    def _turned(self, network: Network, start_ps: int, stop_ps: int) -> CoincidenceSource:
        """With phases as they wander, in the mean of that time."""
        found = self._wander.coincidences(network, start_ps, stop_ps)
        return CoincidenceSource(CoincidenceTable.found(network, found), self._delays_ps)

    def _at(self, network: Network, time_ps: int) -> CoincidenceSource:
        """What draws with the settings of ``time_ps``."""
        settings = tuple(encoding.settings_at(time_ps) for encoding in self._encodings)
        key: Hashable = (id(network), settings)
        if key not in self._known:
            table = CoincidenceTable.of(network, time_ps)
            self._known[key] = CoincidenceSource(table, self._delays_ps)
        return self._known[key]


class _Desk:
    """Clicks of one user that wait for their frame."""

    def __init__(self, timeline: Timeline, user: str, clock: Clock) -> None:
        spec = timeline.topology.receiver_of(timeline.topology.user(user))
        self._tick_ps = spec.tick_ps
        self._delays_ps = detector_settings(spec).delay_ps
        delays_ps = [round(way.delay_ps) for way in timeline.ways_of(user).values()]
        self._min_delay_ps = min(delays_ps, default=0)
        self._max_delay_ps = max(delays_ps, default=0)
        self._clock = clock
        self._seen = _Queue()
        self._unseen = _Queue()
        self._late = _Queue()
        self._stop_ps = 0

    def take(self, clicks: Clicks, *, is_seen: bool) -> None:
        """Of one lane, in any order."""
        (self._seen if is_seen else self._unseen).add(clicks)

    def frame(self, index: int, stop_ps: int, *, is_last: bool) -> tuple[TagFrame, ClickFrame]:
        """Tags, and the truth, of the next frame, whose light stops at ``stop_ps``."""
        self._clock.forget(self._stop_ps)
        reach_ps = self._max_delay_ps + REACH_PS if is_last else self._min_delay_ps - REACH_PS
        stop_ticks = self._clock.local_ps(stop_ps + reach_ps) // self._tick_ps
        self._stop_ps = self._clock.first_true_ps(stop_ticks * self._tick_ps)
        until_ps = self._stop_ps - int(self._delays_ps.min())
        seen, unseen = self._seen.before(until_ps), self._unseen.before(until_ps)
        tags = self._clock.digitise(self._tagged(seen), tick_ps=self._tick_ps)
        truth = np.concatenate((seen, unseen)) if unseen.size else seen
        if unseen.size:
            truth.sort(kind="stable")  # which joins the two
        return TagFrame(index, stop_ticks, tags), ClickFrame(index, until_ps, truth)

    def _tagged(self, clicks: Clicks) -> Clicks:
        """At the times at which the detectors tell of them."""
        if not self._delays_ps.any():
            return clicks
        self._late.add(clicks + (self._delays_ps[clicks & DETECTOR_MASK] << DETECTOR_BITS))
        return self._late.before(self._stop_ps)


class _Queue:
    """Clicks in any order; taken out in order of time."""

    def __init__(self) -> None:
        self._waiting: list[Clicks] = []

    def add(self, clicks: Clicks) -> None:
        """Put in some more."""
        self._waiting.append(clicks)

    def before(self, stop_ps: int) -> Clicks:
        """Take out all before ``stop_ps``, (N,) int64, ascending."""
        clicks = np.concatenate([np.empty(0, dtype=np.int64), *self._waiting])
        sort_even(clicks)
        cut = int(np.searchsorted(clicks, stop_ps << DETECTOR_BITS))
        self._waiting = [clicks[cut:].copy()]
        return clicks[:cut]
