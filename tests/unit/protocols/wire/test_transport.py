"""Transport: what goes out when, and how it gets through bad wires."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import pytest

from protocols.errors import LocalProtocolError
from protocols.messages import MAX_MESSAGE_BYTES
from protocols.wire.datagrams import (
    HEADER_BYTES,
    Datagram,
    Kind,
    decode_datagram,
    encode_datagram,
)
from protocols.wire.reassembly import ACKNOWLEDGE_EVERY, SEQUENCE_LIMIT, WINDOW
from protocols.wire.roundtrip import MAX_TIMEOUT_PS, MIN_TIMEOUT_PS
from protocols.wire.transport import MAX_QUEUED_BYTES
from tests.support.transport_pair import (
    LATENCY_PS,
    MS_PS,
    PIECE_BYTES,
    S_PS,
    TransportPair,
    connected,
    kinds,
    large_pieces,
    transport,
)

# Sending ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, MAX_MESSAGE_BYTES + 1])
def test_impossible_messages_are_our_callers_fault(size: int) -> None:
    """Empty and oversized messages are refused where they are sent."""
    with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
        transport(1).send(bytes(size))


def test_queue_is_bounded() -> None:
    """More than the queue holds is refused, and nothing of it is queued."""
    end, message = transport(1, max_datagram_bytes=2**22), bytes(MAX_MESSAGE_BYTES)
    for _ in range(MAX_QUEUED_BYTES // MAX_MESSAGE_BYTES):
        end.send(message)
    assert end.queued_bytes == MAX_QUEUED_BYTES
    with pytest.raises(LocalProtocolError, match="full"):
        end.send(b"x")
    assert end.queued_bytes == MAX_QUEUED_BYTES


@pytest.mark.parametrize(("epoch", "size"), [(0, 140), (2**32, 140), (-1, 140), (1, HEADER_BYTES)])
def test_impossible_settings(epoch: int, size: int) -> None:
    """Epoch 0 means unknown; a datagram holds more than its header."""
    with pytest.raises(LocalProtocolError):
        transport(epoch, max_datagram_bytes=size)


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200, 12_345])
def test_messages_are_cut_and_joined(size: int) -> None:
    """Any size arrives whole; pieces hold at most what a datagram has room for."""
    pair, message = connected(), random.Random(size).randbytes(size)
    pair.ends[0].send(message)
    pair.run()
    assert pair.received[1] == [message]
    pieces = [d for d in pair.sent_datagrams[0] if decode_datagram(d).kind is Kind.DATA]
    assert len(pieces) == -(-size // PIECE_BYTES)
    assert max(len(data) for data in pieces) <= HEADER_BYTES + PIECE_BYTES


def test_one_datagram_until_the_peer_is_known() -> None:
    """A stranger gets one datagram, not a window of them; the first contact takes 1.5 more."""
    pair = TransportPair()
    pair.ends[0].send(bytes(100 * PIECE_BYTES))
    pair.flush()
    assert kinds(pair.sent_datagrams[0]) == [Kind.DATA]
    pair.run()
    assert len(pair.received[1]) == 1
    assert pair.now_ps < 12 * LATENCY_PS


def test_window_is_never_exceeded() -> None:
    """Without acknowledgements no more than the window goes out."""
    pair = connected()
    pair.ends[0].send(bytes(10 * WINDOW * PIECE_BYTES))
    out = pair.ends[0].datagrams_to_send(pair.now_ps)
    assert kinds(out) == [Kind.DATA] * WINDOW
    assert pair.ends[0].datagrams_to_send(pair.now_ps) == []
    assert not pair.ends[0].is_idle


def test_acknowledgement_rides_on_data() -> None:
    """A whole message is answered at once; an answer that is sent anyway carries it."""
    pair = connected()
    pair.ends[0].send(b"question")
    (question,) = pair.ends[0].datagrams_to_send(0)
    pair.ends[1].receive_datagram(question, 0)
    pair.ends[1].send(b"answer")
    (answer,) = pair.ends[1].datagrams_to_send(0)
    assert decode_datagram(answer).kind is Kind.DATA
    pair.ends[0].receive_datagram(answer, 0)
    assert pair.ends[0].is_idle


def test_long_message_is_acknowledged_now_and_then() -> None:
    """One acknowledgement for sixteen pieces, not one each."""
    pair = connected()
    pair.ends[0].send(bytes(64 * PIECE_BYTES))
    answers: list[bytes] = []
    for number, data in enumerate(pair.ends[0].datagrams_to_send(0), start=1):
        is_asked = pair.ends[1].receive_datagram(data, 0)
        assert is_asked == (number % ACKNOWLEDGE_EVERY == 0)
        answers += pair.ends[1].datagrams_to_send(0)
    assert len(answers) == 64 // ACKNOWLEDGE_EVERY
    assert decode_datagram(answers[-1]).acknowledged == pair.ends[0]._next_sequence


# Loss ---------------------------------------------------------------------------------------------


def test_one_lost_datagram_is_repeated_alone() -> None:
    """A missing piece is repeated once, alone; the message is there after five round trips."""
    pair, fate = connected(), iter([False] * 5 + [True])
    pair.ends[0].send(b"measures the round trip")
    pair.run()
    pair.fault = lambda to, data: [] if to == 1 and next(fate, False) else [(0, data)]
    before, began_ps = pair.ends[0].counts.retransmissions, pair.now_ps
    pair.ends[0].send(bytes(100 * PIECE_BYTES))
    pair.run()
    assert len(pair.received[1]) == 2
    assert pair.ends[0].counts.retransmissions == before + 1
    assert pair.now_ps - began_ps <= 10 * LATENCY_PS


def test_silence_is_answered_with_patience() -> None:
    """Into a dead wire an end repeats with intervals that double, up to 2 s, and never gives up."""
    pair = connected()
    pair.fault = lambda _to, _data: []
    pair.ends[0].send(b"anyone?")
    pair.flush()
    times: list[int] = []
    for _ in range(20):
        due_ps = pair.ends[0].next_deadline_ps
        assert due_ps is not None
        pair.now_ps = due_ps
        pair.ends[0].handle_deadline(due_ps)
        assert kinds(pair.ends[0].datagrams_to_send(due_ps)) == [Kind.DATA]
        times.append(due_ps)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] >= MIN_TIMEOUT_PS
    assert all(second == min(2 * first, MAX_TIMEOUT_PS) for first, second in pairwise(gaps))
    assert gaps[-1] == MAX_TIMEOUT_PS
    pair.fault = lambda _to, data: [(0, data)]
    pair.run()
    assert pair.received[1] == [b"anyone?"]


def test_deadline_before_its_time_does_nothing() -> None:
    """An early call repeats nothing; without data in flight there is no deadline."""
    end = connected().ends[0]
    before = end.next_deadline_ps
    end.send(b"x")
    end.datagrams_to_send(S_PS)
    due_ps = end.next_deadline_ps
    assert before is None
    assert due_ps is not None
    end.handle_deadline(due_ps - 1)
    assert end.datagrams_to_send(due_ps - 1) == []
    end.handle_deadline(due_ps)
    assert kinds(end.datagrams_to_send(due_ps)) == [Kind.DATA]


def test_sequence_numbers_wrap() -> None:
    """A stream goes on over 2^32, with loss and reordering, as if nothing had happened."""
    rng = random.Random(5)
    pair = connected()
    start = SEQUENCE_LIMIT - 40
    pair.ends[0]._next_sequence = pair.ends[1]._receiving.next_sequence = start
    pair.fault = lambda _to, data: [] if rng.random() < 0.1 else [(rng.randrange(5 * MS_PS), data)]
    messages = [bytes([k]) * (50 * k + 1) for k in range(30)]
    for message in messages:
        pair.ends[0].send(message)
    pair.run()
    assert pair.received[1] == messages
    assert pair.ends[0]._next_sequence < 1000


# Bad wires ----------------------------------------------------------------------------------------

CHUNK_BYTES = 500_000


class Wire:
    """A wire of finite bandwidth, that may lose, delay or break off.

    Parameters
    ----------
    pair : TransportPair
        Its two ends; latency comes on top.
    loss : float
        Share of datagrams lost.
    jitter_ps : int
        Each is later by up to this.
    bits_per_s : list of (from s, bits/s)
        Datagrams wait for each other.
    out_s : (float, float)
        Nothing passes in between.
    """

    def __init__(
        self,
        pair: TransportPair,
        *,
        loss: float = 0.0,
        jitter_ps: int = 0,
        bits_per_s: Sequence[tuple[float, float]] = ((0.0, math.inf),),
        out_s: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self._pair, self._loss, self._jitter_ps = pair, loss, jitter_ps
        self._bits_per_s, self._out_s = bits_per_s, out_s
        self._busy_ps = [0, 0]
        self._rng = random.Random(1)
        pair.fault = self.carry

    def carry(self, to: int, data: bytes) -> list[tuple[int, bytes]]:
        """Put a datagram behind those before it, if it is not lost."""
        start_ps = max(self._pair.now_ps, self._busy_ps[to])
        speed = [bits for from_s, bits in self._bits_per_s if from_s * S_PS <= start_ps][-1]
        self._busy_ps[to] = start_ps + round(8 * len(data) / speed * S_PS)
        is_out = self._out_s[0] * S_PS <= start_ps < self._out_s[1] * S_PS
        if is_out or self._rng.random() < self._loss:
            return []
        late_ps = self._rng.randrange(self._jitter_ps + 1)
        return [(self._busy_ps[to] - self._pair.now_ps + late_ps, data)]


def stream(pair: TransportPair, messages: int, every_s: float, size_bytes: int) -> None:
    """Send messages one after the other, and wait until all have arrived."""
    for _ in range(messages):
        pair.ends[0].send(bytes(size_bytes))
        until_ps = pair.now_ps + round(every_s * S_PS)
        if every_s:
            pair.inject(0, b"a clock", until_ps - pair.now_ps - LATENCY_PS)
        while pair.now_ps < until_ps:
            pair.step()
    pair.run(until_s=1000)
    assert len(pair.received[1]) == messages


def test_heavy_loss_is_recovered_at_the_pace_of_the_round_trip() -> None:
    """600 kB in 6000 pieces through 40 % loss at 4 ms: 10 s and 2.7 sendings a piece at most."""
    pair = connected()
    began_ps = pair.now_ps
    Wire(pair, loss=0.4)
    stream(pair, 1, 0.0, 6000 * PIECE_BYTES)
    assert pair.now_ps - began_ps < 10 * S_PS
    assert pair.ends[0].counts.datagrams_sent < 2.7 * 6000


def test_outage_costs_next_to_nothing_on_the_wire() -> None:
    """6 s without a wire, 1 MB/s waiting: all is there soon after, repeats are a tenth at most."""
    pair = large_pieces()
    Wire(pair, bits_per_s=[(0, 1e9)], out_s=(2.0, 8.0))
    stream(pair, 20, 0.5, CHUNK_BYTES)
    assert pair.now_ps < 13 * S_PS
    assert pair.ends[0].counts.retransmissions * 9000 < 0.2 * 20 * CHUNK_BYTES


def test_wire_that_becomes_slow_is_not_filled_with_repeats() -> None:
    """From 1 Gbit/s to 2 Mbit/s and back: what waits on the wire is not sent again and again."""
    pair = large_pieces()
    Wire(pair, bits_per_s=[(0, 1e9), (1.0, 2e6), (8.0, 1e9)])
    stream(pair, 12, 0.25, CHUNK_BYTES)
    assert pair.ends[0].counts.retransmissions * 9000 < 0.1 * 12 * CHUNK_BYTES
    assert pair.now_ps < 20 * S_PS


def test_late_datagrams_are_not_taken_for_a_peer_that_has_come_back() -> None:
    """6000 pieces with 30 ms of jitter: no word about the base, one repeat in a hundred at most."""
    pair = connected()
    Wire(pair, jitter_ps=30 * MS_PS)
    stream(pair, 1, 0.0, 6000 * PIECE_BYTES)
    assert Kind.BASE not in kinds(pair.sent_datagrams[0])
    assert pair.ends[0].counts.retransmissions < 60


def test_base_is_told_once_a_round_trip() -> None:
    """A peer that waits for what is gone is told so once a round trip, not once a datagram."""
    pair = connected()
    end = pair.ends[0]
    end.send(bytes(400 * PIECE_BYTES))
    stale = Datagram(Kind.ACKNOWLEDGE, False, 22, 11, 0, SEQUENCE_LIMIT - 5, 0, b"")
    told = 0
    for k in range(400):
        now_ps = pair.now_ps + k * MS_PS // 4
        end.receive_datagram(encode_datagram(stale), now_ps)
        told += kinds(end.datagrams_to_send(now_ps)).count(Kind.BASE)
    assert 5 <= told <= 25


def test_buffers_that_are_used_again_change_nothing() -> None:
    """Of what is sent and of what has arrived only the bytes at that moment count."""
    ends = [transport(epoch, max_datagram_bytes=9000) for epoch in (1, 2)]
    message, now_ps = random.Random(6).randbytes(50_000), 0
    sent, buffer, arrived = bytearray(message), bytearray(9000), []
    ends[0].send(bytes(1))
    for turn in range(80):
        now_ps += 2 * LATENCY_PS
        if turn == 40:
            ends[0].send(cast("bytes", sent))
            sent[:] = bytes(len(sent))
        for end, other in (ends, ends[::-1]):
            for datagram in end.datagrams_to_send(now_ps):
                buffer[:] = datagram + bytes(9000 - len(datagram))
                is_whole = len(datagram) == len(buffer)
                other.receive_datagram(cast("bytes", buffer) if is_whole else datagram, now_ps)
            end.handle_deadline(now_ps)
        arrived += [ends[1].messages.popleft() for _ in range(len(ends[1].messages))]
    assert arrived == [bytes(1), message]
