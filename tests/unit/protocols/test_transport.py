"""Transport: what goes out when, what is refused, what is bounded, and how it heals."""

import math
import random
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from protocols.datagrams import (
    HEADER_BYTES,
    SACK_BITS,
    Datagram,
    Kind,
    decode_datagram,
    encode_datagram,
)
from protocols.errors import LocalProtocolError
from protocols.messages import MAX_MESSAGE_BYTES
from protocols.transport import (
    ACKNOWLEDGE_EVERY,
    MAX_QUEUED_BYTES,
    MAX_TIMEOUT_PS,
    MIN_TIMEOUT_PS,
    SEQUENCE_LIMIT,
    WINDOW,
    Transport,
)
from tests.transport_pair import LATENCY_PS, MS_PS, TransportPair, transport

S_PS = 1000 * MS_PS
PIECE_BYTES = 100


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


def kinds(datagrams: list[bytes]) -> list[Kind]:
    return [decode_datagram(data).kind for data in datagrams]


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
    for data in pair.ends[0].datagrams_to_send(0):
        pair.ends[1].receive_datagram(data, 0)
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


# Bounded memory -----------------------------------------------------------------------------------


def size_of(end: Transport) -> int:
    """Everything an end keeps that an outsider could make grow."""
    receiving = end._receiving
    early = sum(len(piece) for piece, _ in receiving.early.values())
    lists = (end._controls, end._resend, end._messages, end._in_flight, receiving.early)
    return early + len(receiving.message) + sum(len(found) for found in lists)


def test_junk_costs_no_memory() -> None:
    """1e5 datagrams of noise, foreign epochs and wild numbers leave an end as small as before."""
    rng, pair = random.Random(1), connected()
    end = pair.ends[0]
    for _ in range(100_000):
        forged = Datagram(
            rng.choice(list(Kind)),
            rng.random() < 0.5,
            rng.randrange(1, SEQUENCE_LIMIT),
            rng.choice([0, 11, rng.randrange(SEQUENCE_LIMIT)]),
            rng.randrange(SEQUENCE_LIMIT),
            rng.randrange(SEQUENCE_LIMIT),
            rng.getrandbits(SACK_BITS),
            b"junk",
        )
        end.receive_datagram(rng.choice([b"QN", encode_datagram(forged)]), pair.now_ps)
    assert size_of(end) <= 8
    assert len(end.datagrams_to_send(pair.now_ps)) <= 8
    for sender, message in enumerate((b"from 0", b"from 1")):
        pair.ends[sender].send(message)
    pair.run()
    assert pair.received == [[b"from 1"], [b"from 0"]]


def test_data_without_end_is_bounded() -> None:
    """Pieces of a message that never ends are given up at the size limit; the next one arrives."""
    pair = large_pieces()
    end, sequence = pair.ends[1], pair.ends[1]._receiving.next_sequence
    piece = bytes(9000 - HEADER_BYTES)
    pieces = 2 * MAX_MESSAGE_BYTES // len(piece)
    largest = 0
    for k in range(pieces):
        forged = Datagram(Kind.DATA, False, 11, 22, sequence + k, 1, 0, piece)
        end.receive_datagram(encode_datagram(forged), pair.now_ps)
        largest = max(largest, len(end._receiving.message))
    assert MAX_MESSAGE_BYTES - len(piece) < largest <= MAX_MESSAGE_BYTES
    last = Datagram(Kind.DATA, True, 11, 22, sequence + pieces, 1, 0, b"")
    end.receive_datagram(encode_datagram(last), pair.now_ps)
    assert end.next_message() is None
    good = Datagram(Kind.DATA, True, 11, 22, sequence + pieces + 1, 1, 0, b"good")
    end.receive_datagram(encode_datagram(good), pair.now_ps)
    assert end.next_message() == b"good"


@pytest.mark.parametrize("size", [0, 1])
def test_many_small_pieces_cost_their_bytes_only(size: int) -> None:
    """1e4 pieces of no byte, or of one, take a byte each at most, not an object each."""
    pair, pieces = connected(), 10_000
    end, sequence = pair.ends[1], pair.ends[1]._receiving.next_sequence
    data = [
        encode_datagram(Datagram(Kind.DATA, False, 11, 22, sequence + k, 1, 0, bytes(size)))
        for k in range(pieces)
    ]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for datagram in data:
        end.receive_datagram(datagram, pair.now_ps)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert end._receiving.next_sequence == sequence + pieces
    assert grown < 2 * pieces * size + 50_000


def test_datagrams_longer_than_agreed_are_refused() -> None:
    """Early pieces of 1 MB are not kept where 100 bytes were agreed."""
    pair = connected()
    end, first = pair.ends[1], pair.ends[1]._receiving.next_sequence
    for ahead in range(1, WINDOW):
        forged = Datagram(Kind.DATA, False, 11, 22, first + ahead, 1, 0, bytes(1_000_000))
        end.receive_datagram(encode_datagram(forged), pair.now_ps)
    assert not end._receiving.early
    assert end.counts.datagrams_refused == WINDOW - 1


def test_early_pieces_are_bounded() -> None:
    """Nothing further ahead than the window is kept."""
    pair = connected()
    end, first = pair.ends[1], pair.ends[1]._receiving.next_sequence
    for ahead in range(1, 10 * WINDOW):
        forged = Datagram(Kind.DATA, True, 11, 22, first + ahead, 1, 0, b"x" * 100)
        end.receive_datagram(encode_datagram(forged), pair.now_ps)
    assert len(end._receiving.early) == WINDOW - 1
    (answer,) = end.datagrams_to_send(pair.now_ps)
    assert decode_datagram(answer).received == 2 ** (WINDOW - 1) - 1


# Restarts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("is_busy", [False, True])
def test_restart_is_noticed_and_survived(end: int, is_busy: bool) -> None:
    """A new life of one end is reported to the other once; then messages flow both ways again.

    What the other has sent until then is lost: a part may have reached the former life.
    """
    pair = connected()
    if is_busy:
        for own in pair.ends:
            own.send(bytes(50 * PIECE_BYTES))
        pair.flush()
        pair.step()
    pair.restart(end, 33)
    pair.ends[end].send(b"here again")
    pair.ends[1 - end].send(b"for the former life")
    pair.run()
    for sender, own in enumerate(pair.ends):
        own.send(b"after %d" % sender)
    pair.run()
    assert pair.received[end][-1] == b"after %d" % (1 - end)
    assert pair.received[1 - end][-2:] == [b"here again", b"after %d" % end]
    assert b"for the former life" not in pair.received[end]
    assert pair.resets[1 - end] == 1
    assert pair.resets[end] == 0


def test_many_restarts_of_both_ends() -> None:
    """Twenty restarts of either end under loss: what is sent after the last is known arrives."""
    rng, pair = random.Random(2), TransportPair()
    pair.fault = lambda _to, data: [] if rng.random() < 0.2 else [(rng.randrange(MS_PS), data)]
    for life in range(20):
        for own in pair.ends:
            own.send(b"life %d" % life)
        pair.run(until_s=rng.choice([0.001, 0.01, 5.0]))
        pair.restart(rng.randrange(2), 100 + life)
    pair.run()
    for own in pair.ends:
        own.send(b"last")
    pair.run()
    assert pair.received[0][-1] == pair.received[1][-1] == b"last"


def test_datagrams_of_a_former_life_change_nothing() -> None:
    """All that was ever sent, replayed after a restart of both, delivers nothing twice."""
    pair = TransportPair()
    for k in range(10):
        for own in pair.ends:
            own.send(b"old %d" % k)
    pair.run()
    recorded = [list(sent) for sent in pair.sent_datagrams]
    pair.restart(0, 77)
    pair.restart(1, 88)
    pair.received = [[], []]
    for own in pair.ends:
        own.send(b"new")
    for sender, datagrams in enumerate(recorded):
        for k, data in enumerate(datagrams):
            pair.inject(1 - sender, data, k * MS_PS)
            pair.inject(sender, data, k * MS_PS)
    pair.run()
    assert pair.received == [[b"new"], [b"new"]]


# Attackers ----------------------------------------------------------------------------------------

Forge = Callable[[random.Random, Datagram], Datagram]


def far(rng: random.Random) -> int:
    return rng.choice([1, 7, 500, 2**30, 2**31, rng.randrange(SEQUENCE_LIMIT)])


FORGERIES: dict[str, Forge] = {
    "acknowledgement": lambda rng, seen: replace(
        seen,
        kind=Kind.ACKNOWLEDGE,
        acknowledged=(seen.acknowledged + far(rng)) % SEQUENCE_LIMIT,
        received=rng.getrandbits(SACK_BITS),
        payload=b"",
    ),
    "base": lambda rng, seen: replace(
        seen, kind=Kind.BASE, acknowledged=(seen.sequence + far(rng)) % SEQUENCE_LIMIT, payload=b""
    ),
    "data": lambda rng, seen: replace(
        seen, sequence=(seen.sequence + far(rng)) % SEQUENCE_LIMIT, payload=b"forged"
    ),
    "epoch": lambda rng, seen: replace(seen, epoch=rng.randrange(1, SEQUENCE_LIMIT)),
    "challenge": lambda rng, seen: replace(seen, kind=Kind.CHALLENGE, sequence=rng.randrange(99)),
    "response": lambda rng, seen: replace(
        seen,
        kind=Kind.RESPONSE,
        epoch=rng.choice([seen.epoch, rng.randrange(1, SEQUENCE_LIMIT)]),
        sequence=rng.randrange(1, 9),
        acknowledged=(seen.sequence + far(rng)) % SEQUENCE_LIMIT,
    ),
}


def talk(pair: TransportPair, seconds: int, forge: Forge | None, rng: random.Random) -> list[bytes]:
    """Both ends send a message every half second; an attacker answers each with ten forgeries."""
    messages: list[bytes] = []
    for _ in range(2 * seconds):
        messages.append(b"%d:" % pair.now_ps + rng.randbytes(rng.choice([5, 500])))
        for own in pair.ends:
            own.send(messages[-1])
        pair.flush()
        for sender, sent in enumerate(pair.sent_datagrams):
            seen = [decode_datagram(data) for data in sent[-20:]]
            data = [found for found in seen if found.kind is Kind.DATA]
            for found in data[-1:] * (10 if forge else 0):
                if forge is not None:
                    forged = encode_datagram(forge(rng, found))
                    pair.inject(1 - sender, forged, rng.randrange(20 * MS_PS))
        until_ps = pair.now_ps + S_PS // 2
        pair.inject(0, b"a clock", S_PS // 2 - LATENCY_PS)
        while pair.now_ps < until_ps:
            pair.step()
    return messages


@pytest.mark.parametrize("is_new", [True, False])
def test_doubled_datagrams_and_strangers_raise_no_storm(is_new: bool) -> None:
    """Each datagram doubled, with a stranger's beside it: the ends do not drown in answers.

    Answers of answers would go on growing for ever; a few in each millisecond are enough.
    """
    rng, pair = random.Random(4), TransportPair()

    def doubled(_to: int, data: bytes) -> list[tuple[int, bytes]]:
        strange = replace(decode_datagram(data), epoch=rng.randrange(1, SEQUENCE_LIMIT))
        return [(0, data), (MS_PS // 2, data), (MS_PS // 3, encode_datagram(strange))]

    if not is_new:
        pair = connected()
        pair.restart(0, 33)
    pair.fault = doubled
    for own in pair.ends:
        own.send(b"hello")
    pair.run(until_s=0.1)
    assert all(len(sent) < 0.1 * 6000 for sent in pair.sent_datagrams)
    pair.fault = lambda _to, data: [(0, data)]
    pair.run()
    for own in pair.ends:
        own.send(b"last")
    pair.run(until_s=1.0)
    assert all(received[-1] == b"last" for received in pair.received)
    assert all(end.is_idle for end in pair.ends)


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_heal(name: str) -> None:
    """10 s of forged headers; 20 s after the last one everything sent arrives again, in order."""
    for seed in range(4):
        rng, pair = random.Random(seed), connected()
        talk(pair, 10, FORGERIES[name], rng)
        talk(pair, 20, None, rng)
        last = talk(pair, 5, None, rng)
        pair.run(until_s=10)
        for received in pair.received:
            honest = [message for message in received if message in last]
            assert honest == last
