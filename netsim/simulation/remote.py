"""The light of a run as the parties' process sees it, when it is made in a process of its own.

Photons depend on no party (`netsim.devices.replay`), so they can be drawn ahead, and everything
comes out byte for byte as in one process. What is on its way are tags, and the times at which each
user is handed them.
"""

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal, Self, assert_never

import numpy as np
from numpy.typing import NDArray
from simpy.events import AllOf

from netsim.children import ctrl_c_withheld
from netsim.devices.history import NetworkHistory
from netsim.devices.world import Stage
from netsim.errors import WorkerError
from netsim.kernel.simulator import SimEvent
from netsim.observers.notebook import Notebook
from netsim.simulation.counting import Counted
from netsim.simulation.lightmaker import make_light
from netsim.simulation.lightwords import Ask, Failed, FrameMade, Handed, Tally, Told
from netsim.simulation.request import RunRequest
from netsim.simulation.tagring import TagRing
from netsim.topology.changes import Change
from netsim.topology.timeline import Epoch
from protocols.tags import TagFrame

RING_TAGS = 1 << 22
"""Of frames that are ahead of the parties: 32 MB."""


class LightProcess:
    """A process that makes the light of a run, and what it tells; as a context, it runs.

    Parameters
    ----------
    request : RunRequest
        What is asked of the run.
    """

    def __init__(self, request: RunRequest) -> None:
        context = multiprocessing.get_context("spawn")
        self._ring = TagRing(context, RING_TAGS)
        self._pipe, self._theirs = context.Pipe()
        light = replace(
            request, out=None, sink=None, movements=None, taps=(), save_tags=False, workers=1
        )
        self._process = context.Process(
            target=make_light, args=(light, self._ring, self._theirs), daemon=True
        )
        self._frames: deque[FrameMade | Failed] = deque()
        """What came while something else was waited for."""

    def __enter__(self) -> Self:
        """Start it; to be stopped is for this process alone."""
        with ctrl_c_withheld(signal.SIGTERM):
            self._process.start()
        self._theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, wherever it is: nothing that it has is kept."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ring.close()

    def take_frame(self) -> list[tuple[Handed, TagFrame]]:
        """Wait for the next frame, and take it: what each user is handed."""
        made = self._frames.popleft() if self._frames else self._told()
        match made:
            case FrameMade():
                pass
            case Failed():
                raise made.error
            case Tally():
                raise TypeError("nobody has asked for a tally")
            case _:
                assert_never(made)
        tags: Sequence[NDArray[np.int64]] = made.tags
        if made.begin is not None:
            tags = self._ring.take(made.begin, [handed.tag_count for handed in made.handed])
        self._ask(Ask.TAKEN)
        return [
            (handed, TagFrame(made.index, handed.stop_ticks, its))
            for handed, its in zip(made.handed, tags, strict=True)
        ]

    def note_handed(self) -> None:
        """All users have been handed the frame that comes next of those that were taken."""
        self._ask(Ask.HANDED)

    def tally(self, ask: Literal[Ask.COUNT, Ask.FINISH]) -> Tally:
        """Ask for what has been counted of the frames that users have been handed."""
        self._ask(ask)
        while not isinstance(told := self._told(), Tally):
            self._frames.append(told)
        return told

    def _ask(self, ask: Ask) -> None:
        with self._its_end_said():
            self._pipe.send(ask)

    def _told(self) -> Told:
        with self._its_end_said():
            told: Told = self._pipe.recv()
        return told

    @contextmanager
    def _its_end_said(self) -> Iterator[None]:
        """WorkerError if it is no longer there."""
        try:
            yield
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            for told in self._frames:
                if isinstance(told, Failed):
                    raise told.error from error
            self._process.join()
            raise WorkerError("makes the light", self._process.exitcode) from error


class RemoteLight:
    """Hands out what a process that makes the light tells.

    It is a `netsim.devices.world.PhotonLevel` and a `netsim.simulation.counting.Counting`.

    Parameters
    ----------
    stage : Stage
        Its clicks are counted over there; streams of clocks are the users' here.
    maker : LightProcess
        Of the same run.
    """

    def __init__(self, stage: Stage, maker: LightProcess) -> None:
        self.clocks = stage.build_clocks()
        self.notebooks: Mapping[str, list[Notebook]] = {}
        self._stage = stage
        self._maker = maker
        self._history = NetworkHistory(stage.timeline, stop_ps=stage.duration_ps)
        self._stop_frame = sys.maxsize
        self._finished = {user: stage.sim.event() for user in stage.users}
        self._handed = dict.fromkeys(stage.users, 0)
        """Frames of each user."""
        self._complete = 0
        """Frames of all users."""
        self._tally: Tally | None = None
        """Once no more frames will be handed out."""

    def start(self) -> SimEvent:
        """Register the one process of simulated time; what happens with the last frame."""
        self._stage.sim.process(self._run())
        return AllOf(self._stage.sim, list(self._finished.values()))

    @property
    def clicks(self) -> dict[str, NDArray[np.int64]]:
        """Clicks of each user in all frames so far, by detector."""
        return dict(self._counts().clicks)

    @property
    def history(self) -> tuple[Epoch, ...]:
        """States of the optical network so far."""
        return self._history.epochs(self._stage.sim.now_ps)

    def change(self, change: Change) -> None:
        """Note what an event changes: over there it happens by itself."""
        self._history.change(change, self._stage.sim.now_ps)

    def stop_light(self, frames: int) -> None:
        """Hand out these first frames, and none after them."""
        self._stop_frame = frames

    def counted(self) -> Counted:
        """Have the frames counted that all users have been handed; what there is then."""
        return self._counts().counted

    def finish(self) -> None:
        """No more frames will be handed out."""
        self._tally = self._maker.tally(Ask.FINISH)

    def _run(self) -> Generator[SimEvent, None, None]:
        stage, sim = self._stage, self._stage.sim
        for index, start_ps in enumerate(range(0, stage.duration_ps, stage.frame_ps)):
            stop_ps = min(start_ps + stage.frame_ps, stage.duration_ps)
            yield sim.wait_until(stop_ps)
            if index >= self._stop_frame:
                return
            for clock in self.clocks.values():
                clock.forget(start_ps)
            is_last = stop_ps == stage.duration_ps
            for handed, frame in self._maker.take_frame():
                call = partial(self._hand_out, handed.user, frame, is_last=is_last)
                sim.call_at(handed.time_ps, call)

    def _hand_out(self, user: str, frame: TagFrame, *, is_last: bool) -> None:
        self._stage.on_tags(user, frame)
        self._handed[user] += 1
        if min(self._handed.values()) > self._complete:
            self._complete += 1
            self._maker.note_handed()
        if is_last:
            self._finished[user].succeed()

    def _counts(self) -> Tally:
        return self._maker.tally(Ask.COUNT) if self._tally is None else self._tally
