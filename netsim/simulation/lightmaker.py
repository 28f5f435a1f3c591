"""The process that makes the light of a run and counts its clicks, for the one with the parties.

It is some frames ahead of them. Clicks are counted when all users have been handed their frame over
there, and a fault in making a frame is told in its place: so both are as in one process, also when
a run is stopped.
"""

import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import assert_never

import numpy as np

from netsim.devices.history import follow_events
from netsim.frames import DETECTORS, ClickFrame
from netsim.kernel.simulator import Simulator
from netsim.physics.detector import count_detectors
from netsim.simulation.lightwords import Ask, Failed, FrameMade, Handed, Tally, Told
from netsim.simulation.memory import keep_freed_memory, search_cycles_rarely
from netsim.simulation.plan import RunPlan
from netsim.simulation.request import RunRequest
from netsim.simulation.tagring import TagRing
from protocols.tags import TagFrame

MOST_AHEAD = 64
"""Frames: what is counted later has to be kept until then."""


def make_light(request: RunRequest, ring: TagRing, pipe: "Connection[Told, Ask]") -> None:
    """Make the light of a run until it is over, or nobody is there any more; of a process.

    Parameters
    ----------
    request : RunRequest
    ring : TagRing
        Takes the tags.
    pipe : Connection
        To who takes them out.
    """
    keep_freed_memory()
    search_cycles_rarely()
    try:
        _LightMaker(request, ring, pipe).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001  # it is raised over there
        with suppress(OSError):
            pipe.send(_failed(error))


def _failed(error: Exception) -> Failed:
    """What is raised over there, with where it comes from."""
    error.add_note(traceback.format_exc())
    return Failed(error)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a user is handed, and when."""

    user: str
    time_ps: int
    tags: TagFrame
    clicks: ClickFrame


class _LightMaker:
    def __init__(self, request: RunRequest, ring: TagRing, pipe: "Connection[Told, Ask]") -> None:
        self._ring = ring
        self._pipe = pipe
        self._sim = sim = Simulator()
        plan = RunPlan(request)
        self._counting = plan.counting()
        self._latest: dict[str, ClickFrame] = {}
        self._drawn: dict[int, list[_Drawn]] = {}
        """Frames that not all users have been handed yet."""
        self._ahead: deque[FrameMade] = deque()
        """Frames that have not been taken yet."""
        self._uncounted: deque[dict[str, ClickFrame]] = deque()
        """Clicks of each user in frames that not all of them have been handed yet."""
        stage = plan.stage(sim, self._take_tags, self._latest.__setitem__)
        self._users = len(stage.users)
        self._clicks = {user: np.zeros(DETECTORS, dtype=np.int64) for user in stage.users}
        self._frames = -(-stage.duration_ps // stage.frame_ps)
        world = plan.depth.build(stage)
        world.start()
        sim.process(
            follow_events(sim, plan.timeline, stop_ps=stage.duration_ps, change=world.change)
        )

    def run(self) -> None:
        """Make all frames, no more ahead than there is room for; then do what is asked."""
        for index in range(self._frames):
            try:
                drawn = self._draw(index)
            except Exception as error:  # noqa: BLE001  # raised when this frame is to be taken
                self._pipe.send(_failed(error))
                break
            while (made := self._put(index, drawn)) is None:
                if not self._obey(self._pipe.recv()):
                    return
            self._ahead.append(replace(made, tags=()))
            self._uncounted.append({each.user: each.clicks for each in drawn})
            self._pipe.send(made)
            while self._pipe.poll():
                if not self._obey(self._pipe.recv()):
                    return
        while self._obey(self._pipe.recv()):
            pass

    def _take_tags(self, user: str, tags: TagFrame) -> None:
        drawn = _Drawn(user, self._sim.now_ps, tags, self._latest[user])
        self._drawn.setdefault(tags.index, []).append(drawn)

    def _draw(self, index: int) -> list[_Drawn]:
        """Let simulated time go on until all users have been handed a frame."""
        while len(self._drawn.get(index, ())) < self._users:
            self._sim.step()
        return self._drawn.pop(index)

    def _put(self, index: int, drawn: Sequence[_Drawn]) -> FrameMade | None:
        """Put a frame into the ring; None if there is no room."""
        if len(self._ahead) >= MOST_AHEAD:
            return None
        tags = tuple(each.tags.tags for each in drawn)
        handed = tuple(
            Handed(each.user, each.time_ps, each.tags.stop_ticks, each.tags.tags.size)
            for each in drawn
        )
        if not self._ring.may_hold(tags):
            return FrameMade(index, handed, None, tags)
        begin = self._ring.put(tags)
        return None if begin is None else FrameMade(index, handed, begin)

    def _obey(self, ask: Ask) -> bool:
        """Do what is asked; whether more may be asked."""
        match ask:
            case Ask.TAKEN:
                if self._ahead.popleft().begin is not None:
                    self._ring.free()
            case Ask.HANDED:
                self._count(self._uncounted.popleft())
            case Ask.COUNT:
                self._tell()
            case Ask.FINISH:
                self._counting.finish()
                self._tell()
                return False
            case _:
                assert_never(ask)
        return True

    def _count(self, clicks: Mapping[str, ClickFrame]) -> None:
        """Those of one frame."""
        for user, frame in clicks.items():
            count_detectors(frame.clicks, self._clicks[user])
            self._counting.add(user, frame)

    def _tell(self) -> None:
        self._pipe.send(Tally(self._counting.counted(), self._clicks))
