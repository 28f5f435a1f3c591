"""The photon level recorded once and replayed: many protocols over the same photons.

Random streams are named, so that photons depend on no protocol: a replay gives each party the very
frames, at the very times, that a new simulation of the same light would give it. Only clocks are
built anew, from the same stream: they are functions of the seed and the time alone.
"""

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from netsim.devices.history import NetworkHistory
from netsim.devices.world import PhotonLevel, Stage, World, build_world
from netsim.frames import DETECTORS, ClickFrame
from netsim.kernel.simulator import SimEvent
from netsim.observers.notebook import Notebook
from netsim.physics.detector import count_detectors
from netsim.topology.changes import Change
from netsim.topology.timeline import Epoch
from protocols.tags import TagFrame

FRAME_BYTES = 1000
"""What a frame costs beside its tags, generously."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordedFrame:
    """What one user was handed at one time."""

    time_ps: int
    user: str
    tags: TagFrame
    clicks: ClickFrame

    @property
    def size_bytes(self) -> int:
        """Memory, roughly."""
        return self.tags.tags.nbytes + self.clicks.clicks.nbytes + FRAME_BYTES


class FrameRecorder:
    """Builds the photon level of a run and keeps what it hands out, up to a bound.

    Parameters
    ----------
    max_bytes : int
        Beyond this everything is forgotten: half a recording is of no use.

    Attributes
    ----------
    size_bytes : int
        Memory of what is kept.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._frames: list[RecordedFrame] = []
        self._is_full = False
        self._world: World | None = None

    def __call__(self, stage: Stage) -> PhotonLevel:
        """Build the photon level as `build_world` does, listening in."""
        latest: dict[str, ClickFrame] = {}

        def take_clicks(user: str, clicks: ClickFrame) -> None:
            latest[user] = clicks
            stage.on_clicks(user, clicks)

        def take_tags(user: str, tags: TagFrame) -> None:
            self._keep(RecordedFrame(stage.sim.now_ps, user, tags, latest[user]))
            stage.on_tags(user, tags)

        self._world = build_world(replace(stage, on_tags=take_tags, on_clicks=take_clicks))
        return self._world

    def _keep(self, frame: RecordedFrame) -> None:
        if self._is_full:
            return
        self._frames.append(frame)
        self.size_bytes += frame.size_bytes
        if self.size_bytes > self._max_bytes:
            self._is_full, self.size_bytes = True, 0
            self._frames.clear()

    def replay(self) -> "Replay | None":
        """What builds the same photon level again; None if it was too large to keep."""
        if self._is_full or not self._frames or self._world is None:
            return None
        return Replay(tuple(self._frames), tuple(self._world.states.changes))


class _ReplayedLevel:
    def __init__(
        self,
        stage: Stage,
        frames: Sequence[RecordedFrame],
        changes: Sequence[tuple[int, Change]],
    ) -> None:
        self.clocks = stage.build_clocks()
        self.clicks = {user: np.zeros(DETECTORS, dtype=np.int64) for user in stage.users}
        self.notebooks: dict[str, list[Notebook]] = {}
        self._stage = stage
        self._frames = frames
        self._changes = changes
        self._states = NetworkHistory(stage.timeline, stop_ps=stage.duration_ps)
        """Of the optical network, as the present protocol with its window sees them."""
        self._stop_frame = sys.maxsize

    def start(self) -> SimEvent:
        """Register the one process, which hands the frames out."""
        return self._stage.sim.process(self._hand_out())

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        return self._states.epochs(self._stage.sim.now_ps)

    def stop_light(self, frames: int) -> None:
        """Hand out these first frames and no others."""
        self._stop_frame = frames

    def change(self, change: Change) -> None:
        """Go on to the next change that was recorded; ValueError for any other."""
        number, now_ps = len(self._states.changes), self._stage.sim.now_ps
        if (now_ps, change) not in self._changes[number : number + 1]:
            raise ValueError(f"{change.kind}: this light was recorded")
        self._states.change(change, now_ps)

    def _hand_out(self) -> Generator[SimEvent, None, None]:
        sim = self._stage.sim
        for frame in self._frames:
            if frame.tags.index >= self._stop_frame:
                continue
            if frame.time_ps > sim.now_ps:
                yield sim.wait_until(frame.time_ps)
            count_detectors(frame.tags.tags, self.clicks[frame.user])
            self._stage.hand_out(frame.user, frame.tags, frame.clicks)


class Replay:
    """Builds a photon level from recorded frames; as often as wanted, of one duration and seed.

    Parameters
    ----------
    frames : tuple of RecordedFrame
        In the order in which they were handed out.
    changes : tuple of (int, Change)
        Of the optical network during the recording, with their times in ps.
    """

    def __init__(
        self, frames: tuple[RecordedFrame, ...], changes: tuple[tuple[int, Change], ...]
    ) -> None:
        self._frames = frames
        self._changes = changes

    def __call__(self, stage: Stage) -> PhotonLevel:
        """Build what hands the frames out."""
        return _ReplayedLevel(stage, self._frames, self._changes)
