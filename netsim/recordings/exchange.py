"""Two endpoints of one link without a simulator: time is a number, the wire a fixed latency.

For tags that are there already: nothing happens between two frames but messages and deadlines.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netsim.watch import UNWATCHED, Watch
from protocols.endpoint import Endpoint
from protocols.events import Event as LinkEvent
from protocols.messages import Role
from protocols.tags import DETECTOR_BITS, TagFrame
from protocols.wire.counts import WireCounts

OnEvents = Callable[[Role, Sequence[LinkEvent], int], None]

LATENCY_PS = 1_000_000_000
"""One way: some 200 km of fibre."""
DRAIN_PS = 600 * 10**12
"""After the light, for the last rounds and the closing exchange."""
_STEP_PS = 1_000_000
"""A deadline that stays due never stops the time."""


def cut_frames(
    tags: NDArray[np.int64],
    *,
    tick_ps: int,
    start_ps: int,
    stop_ps: int,
    frame_ps: int,
    margin_ps: int = 0,
) -> Iterator[TagFrame]:
    """Frames of recorded tags on a grid of ``frame_ps`` from ``start_ps`` on.

    Parameters
    ----------
    tags : (N,) int64, ascending
        ``ticks << 2 | detector``; those outside all frames are left out.
    tick_ps : int
    start_ps, stop_ps : int
        Times of the recorder's clock; the last frame is the one that holds ``stop_ps``.
    frame_ps : int
    margin_ps : int
        The first frame begins and the last one ends by so much more.
    """
    frames = (stop_ps - start_ps) // frame_ps + 1
    edges_ps = start_ps + frame_ps * np.arange(frames + 1, dtype=np.int64)
    edges_ps[0] -= margin_ps
    edges_ps[-1] += margin_ps
    edges_ticks = edges_ps // tick_ps
    cuts = np.searchsorted(tags, edges_ticks << DETECTOR_BITS)
    for k in range(frames):
        yield TagFrame(k, int(edges_ticks[k + 1]), tags[cuts[k] : cuts[k + 1]])


class Exchange:
    """Moves tags and datagrams between two endpoints until their link is closed.

    Parameters
    ----------
    ends : (Endpoint, Endpoint)
        Announcer and responder.
    latency_ps : int
        What every datagram takes.
    on_events : callable
        Takes role, the events of a step (at least one) and time, before the messages that follow
        from them are sent.

    Attributes
    ----------
    ends : list of Endpoint
        By role.
    now_ps : int
        Time since the first frame began; both ends are told the same.
    """

    def __init__(
        self,
        ends: tuple[Endpoint, Endpoint],
        *,
        latency_ps: int = LATENCY_PS,
        on_events: OnEvents,
    ) -> None:
        self.ends = list(ends)
        self.now_ps = 0
        self._latency_ps = latency_ps
        self._on_events = on_events
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def wire(self) -> WireCounts:
        """What both ends have sent."""
        announcer, responder = self.ends
        return announcer.wire + responder.wire

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed (or stopped) and everything sent has arrived."""
        return all((end.is_closed or end.is_stopped) and end.is_idle for end in self.ends)

    def play(
        self,
        frames: Iterable[tuple[TagFrame, TagFrame]],
        *,
        frame_ps: int,
        watch: Watch = UNWATCHED,
    ) -> bool:
        """Feed all frames (announcer's and responder's), each when its time is over, then close.

        Returns
        -------
        bool
            False if ``watch`` stopped it.
        """
        for both in frames:
            if watch.should_stop():
                return False
            self.go_on_until(self.now_ps + frame_ps)
            self.feed(both)
            self.flush()
            watch.progress(self.now_ps)
        self.end_light()
        self.flush()
        self.go_on_until(self.now_ps + DRAIN_PS, stop_when_done=True)
        return True

    def feed(self, frames: tuple[TagFrame, TagFrame]) -> None:
        """Each end's next frame is over."""
        for end, frame in zip(self.ends, frames, strict=True):
            end.book.append(frame)
            end.take_light(self.now_ps)

    def end_light(self) -> None:
        """No frames will follow."""
        for end in self.ends:
            end.end_light(self.now_ps)

    def at(self, time_ps: int, act: Callable[[], None]) -> None:
        """Do something at a time; what both ends make of it is sent afterwards."""
        heapq.heappush(self._agenda, (time_ps, next(self._order), act))

    def go_on_until(self, time_ps: int, *, stop_when_done: bool = False) -> None:
        """Deliver datagrams and handle deadlines up to ``time_ps``, which becomes the time."""
        while not (stop_when_done and self.is_done):
            due_ps = self._next_ps()
            if due_ps is None or due_ps > time_ps:
                self.now_ps = time_ps
                return
            self.now_ps = due_ps
            while self._agenda and self._agenda[0][0] <= due_ps:
                heapq.heappop(self._agenda)[2]()
                self.flush()
            for end in self.ends:
                deadline_ps = end.next_deadline_ps()
                if deadline_ps is not None and deadline_ps <= due_ps:
                    end.handle_deadline(due_ps)
            self.flush()

    def flush(self) -> None:
        """Events first: what an endpoint has said must be on record before the peer hears of it."""
        for role, end in zip(Role, self.ends, strict=True):
            if step := end.take_events():
                self._on_events(role, step, self.now_ps)
            for datagram in end.messages_to_send(self.now_ps):
                self._send(role, datagram)

    def _send(self, sender: Role, datagram: bytes) -> None:
        self.at(self.now_ps + self._latency_ps, partial(self._deliver, sender.peer, datagram))

    def _deliver(self, receiver: Role, datagram: bytes) -> None:
        self.ends[receiver].receive_message(datagram, self.now_ps)

    def _next_ps(self) -> int | None:
        deadlines = (end.next_deadline_ps() for end in self.ends)
        due = [max(at_ps, self.now_ps + _STEP_PS) for at_ps in deadlines if at_ps is not None]
        due += [max(self._agenda[0][0], self.now_ps)] if self._agenda else []
        return min(due, default=None)
