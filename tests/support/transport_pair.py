"""Two transports on a fake wire: time is a number, and the wire does what it is told."""

import heapq
import itertools
from collections.abc import Callable

from protocols.wire.datagrams import HEADER_BYTES, Kind, decode_datagram
from protocols.wire.transport import Transport

MS_PS = 1_000_000_000
S_PS = 1000 * MS_PS
PIECE_BYTES = 100
LATENCY_PS = 2 * MS_PS
Fault = Callable[[int, bytes], list[tuple[int, bytes]]]
"""What becomes of a datagram on its way to an end: (delay in ps, bytes), any number of them."""


def transport(epoch: int, *, max_datagram_bytes: int = HEADER_BYTES + 100) -> Transport:
    """A transport with pieces of 100 bytes and 20 ms of first time-out."""
    return Transport(
        epoch=epoch, max_datagram_bytes=max_datagram_bytes, initial_timeout_ps=20 * MS_PS
    )


class TransportPair:
    """Both ends, what they have received, and the wire.

    Attributes
    ----------
    received : list of list of bytes
        Messages that have come out, per end.
    resets : list of int
        How often each end was told that the other has started anew.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.now_ps = 0
        self.ends = [transport(11), transport(22)]
        self.received: list[list[bytes]] = [[], []]
        self.resets = [0, 0]
        self.sent_datagrams: list[list[bytes]] = [[], []]
        self.fault: Fault = fault or (lambda _to, data: [(0, data)])
        self._queue: list[tuple[int, int, int, bytes]] = []
        self._order = itertools.count()

    def inject(self, to: int, data: bytes, delay_ps: int = 0) -> None:
        """Put ``data`` on the wire, as an attacker would."""
        at_ps = self.now_ps + LATENCY_PS + delay_ps
        heapq.heappush(self._queue, (at_ps, next(self._order), to, data))

    def restart(self, end: int, epoch: int) -> None:
        """An end loses all it had and begins a new life."""
        self.ends[end] = transport(epoch)

    def flush(self) -> None:
        """Let both ends send what they may."""
        for end, own in enumerate(self.ends):
            for data in own.datagrams_to_send(self.now_ps):
                self.sent_datagrams[end].append(data)
                for delay_ps, copy in self.fault(1 - end, data):
                    self.inject(1 - end, copy, delay_ps)

    def step(self) -> bool:
        """Go to the next arrival or deadline; False if there is none."""
        self.flush()
        due = [end.next_deadline_ps for end in self.ends]
        times = [time_ps for time_ps in due if time_ps is not None]
        times += [self._queue[0][0]] if self._queue else []
        if not times:
            return False
        self.now_ps = max(self.now_ps, min(times))
        while self._queue and self._queue[0][0] <= self.now_ps:
            _, _, to, data = heapq.heappop(self._queue)
            self._take(to, data)
        for end in self.ends:
            end.handle_deadline(self.now_ps)
        return True

    def _take(self, to: int, data: bytes) -> None:
        end = self.ends[to]
        due_ps = end.next_deadline_ps
        if not end.receive_datagram(data, self.now_ps):
            assert not end.datagrams_to_send(self.now_ps)
            assert not end.messages
            assert not end.was_reset
            assert end.next_deadline_ps == due_ps
        self.resets[to] += end.take_reset()
        self.received[to] += end.messages
        end.messages.clear()

    def run(self, *, until_s: float = 60.0) -> None:
        """Go on until both ends are idle and the wire is empty, or time is over."""
        limit_ps = self.now_ps + round(until_s * 1e12)
        while self.now_ps < limit_ps and self.step():
            if all(end.is_idle for end in self.ends) and not self._queue:
                break
        self.flush()


def connected() -> TransportPair:
    """A pair that has exchanged a message each way."""
    pair = TransportPair()
    for end in pair.ends:
        end.send(b"hello")
    pair.run()
    assert pair.received == [[b"hello"], [b"hello"]]
    for sent in pair.sent_datagrams:
        sent.clear()
    for received in pair.received:
        received.clear()
    return pair


def large_pieces() -> TransportPair:
    """Connected ends with datagrams of 9000 bytes."""
    pair = TransportPair()
    pair.ends = [transport(epoch, max_datagram_bytes=9000) for epoch in (11, 22)]
    for end in pair.ends:
        end.send(b"hello")
    pair.run()
    for received in pair.received:
        received.clear()
    return pair


def kinds(datagrams: list[bytes]) -> list[Kind]:
    """Of each datagram."""
    return [decode_datagram(data).kind for data in datagrams]
