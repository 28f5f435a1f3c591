"""Transport: what is refused, what is bounded, and how it heals: junk, new lives, attackers."""

import random
import tracemalloc
from collections.abc import Callable, Sized

import pytest

from protocols.messages import MAX_MESSAGE_BYTES
from protocols.wire.datagrams import (
    HEADER_BYTES,
    SACK_BITS,
    Datagram,
    Kind,
    decode_datagram,
    encode_datagram,
)
from protocols.wire.reassembly import SEQUENCE_LIMIT, WINDOW
from protocols.wire.strangers import MAX_CHALLENGES
from protocols.wire.transport import Transport
from tests.support import transport_pair
from tests.support.transport_pair import (
    LATENCY_PS,
    MS_PS,
    PIECE_BYTES,
    S_PS,
    TransportPair,
    connected,
    large_pieces,
)

# Bounded memory -----------------------------------------------------------------------------------


def size_of(end: Transport) -> int:
    """Everything an end keeps that an outsider could make grow."""
    receiving = end._receiving
    early = sum(len(piece) for piece, _ in receiving.early.values())
    lists: list[Sized] = [
        end._controls,
        end._resend,
        end.messages,
        end._in_flight,
        end._strangers,
        receiving.early,
    ]
    return early + receiving.message_bytes + sum(len(found) for found in lists)


@pytest.mark.slow
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
    assert size_of(end) <= MAX_CHALLENGES + 8
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
        largest = max(largest, end._receiving.message_bytes)
    assert MAX_MESSAGE_BYTES - len(piece) < largest <= MAX_MESSAGE_BYTES
    last = Datagram(Kind.DATA, True, 11, 22, sequence + pieces, 1, 0, b"")
    end.receive_datagram(encode_datagram(last), pair.now_ps)
    assert not end.messages
    good = Datagram(Kind.DATA, True, 11, 22, sequence + pieces + 1, 1, 0, b"good")
    end.receive_datagram(encode_datagram(good), pair.now_ps)
    assert end.messages.popleft() == b"good"


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


@pytest.mark.parametrize("latency_ps", [5_000_000, 400_000_000, LATENCY_PS])
def test_silent_new_life_is_heard_of(latency_ps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the link, and whatever is sent to the former life: all but that arrives."""
    monkeypatch.setattr(transport_pair, "LATENCY_PS", latency_ps)
    pair = connected()
    pair.restart(1, 33)
    for k in range(5):
        pair.ends[0].send(b"%d" % k + bytes(200 * PIECE_BYTES))
        pair.run(until_s=20)
    assert [message[:1] for message in pair.received[1]] == [b"1", b"2", b"3", b"4"]
    assert pair.resets == [1, 0]


@pytest.mark.parametrize("gap_ps", [None, 0, MS_PS, 2 * MS_PS, 5 * MS_PS, 50 * MS_PS])
def test_ends_that_start_over_find_each_other(gap_ps: int | None) -> None:
    """One end, or both within a round trip: what is sent afterwards arrives, whole and in order."""
    pair = connected()
    for own in pair.ends:
        own.send(b"M" * 50 * PIECE_BYTES)
    pair.flush()
    pair.step()
    pair.ends[0].start_over()
    if gap_ps is not None:
        pair.inject(0, b"a clock", gap_ps)
        until_ps = pair.now_ps + gap_ps
        while pair.now_ps < until_ps and pair.step():
            pass
        pair.ends[1].start_over()
    for _ in range(40):
        pair.step()
    for k in range(3):
        for own in pair.ends:
            own.send(b"%d" % k + bytes(3 * PIECE_BYTES))
    pair.run(until_s=20)
    for received in pair.received:
        assert [message[:1] for message in received if message[:1] != b"M"] == [b"0", b"1", b"2"]
        assert {len(message) for message in received if message[:1] == b"M"} <= {50 * PIECE_BYTES}
    assert all(end.is_idle for end in pair.ends)


def test_new_life_that_was_answered_before_it_was_known() -> None:
    """The late answer of the former life is believed first: the new one waits for what is gone.

    It is told where the stream begins for it, and what it had early is not lost.
    """
    ours, former, latter = (transport_pair.transport(epoch) for epoch in (11, 22, 33))

    def tell(sender: Transport, receiver: Transport, now_ps: int) -> list[bytes]:
        """What ``sender`` has to say, told; what ``receiver`` answers, not yet."""
        for data in sender.datagrams_to_send(now_ps):
            receiver.receive_datagram(data, now_ps)
        return receiver.datagrams_to_send(now_ps)

    def hear(receiver: Transport, answers: list[bytes], now_ps: int) -> None:
        for data in answers:
            receiver.receive_datagram(data, now_ps)

    ours.send(bytes(3 * PIECE_BYTES))
    hear(ours, tell(ours, former, 0), 0)  # its challenge
    hear(ours, tell(ours, former, 0), 0)  # accepted; its acknowledgement
    late = tell(ours, former, 0)  # its answer to our challenge, held up
    now_ps = 30 * MS_PS
    ours.handle_deadline(now_ps)
    hear(ours, tell(ours, latter, now_ps), now_ps)
    waiting = tell(ours, latter, now_ps)
    hear(ours, late, now_ps)
    ours.datagrams_to_send(now_ps)  # goes to the life that is gone
    hear(ours, waiting, now_ps)
    for _ in range(100):
        now_ps += MS_PS
        if ours.take_reset():
            ours.send(b"new" * PIECE_BYTES)
        hear(ours, tell(ours, latter, now_ps), now_ps)
        for end in (ours, latter):
            end.handle_deadline(now_ps)
    assert latter.messages.popleft() == b"new" * PIECE_BYTES
    assert ours.is_idle


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
    "acknowledgement": lambda rng, seen: seen._replace(
        kind=Kind.ACKNOWLEDGE,
        acknowledged=(seen.acknowledged + far(rng)) % SEQUENCE_LIMIT,
        received=rng.getrandbits(SACK_BITS),
        payload=b"",
    ),
    "base": lambda rng, seen: seen._replace(
        kind=Kind.BASE, acknowledged=(seen.sequence + far(rng)) % SEQUENCE_LIMIT, payload=b""
    ),
    "data": lambda rng, seen: seen._replace(
        sequence=(seen.sequence + far(rng)) % SEQUENCE_LIMIT, payload=b"forged"
    ),
    "epoch": lambda rng, seen: seen._replace(epoch=rng.randrange(1, SEQUENCE_LIMIT)),
    "challenge": lambda rng, seen: seen._replace(kind=Kind.CHALLENGE, sequence=rng.randrange(99)),
    "response": lambda rng, seen: seen._replace(
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
        strange = decode_datagram(data)._replace(epoch=rng.randrange(1, SEQUENCE_LIMIT))
        return [(0, data), (MS_PS // 2, data), (MS_PS // 3, encode_datagram(strange))]

    if not is_new:
        pair = connected()
        pair.restart(0, 33)
    pair.fault = doubled
    for own in pair.ends:
        own.send(b"hello")
    pair.run(until_s=0.1)
    assert all(len(sent) < 0.1 * 8000 for sent in pair.sent_datagrams)
    pair.fault = lambda _to, data: [(0, data)]
    pair.run()
    for own in pair.ends:
        own.send(b"last")
    pair.run(until_s=1.0)
    assert all(received[-1] == b"last" for received in pair.received)
    assert all(end.is_idle for end in pair.ends)


@pytest.mark.parametrize("is_far", [True, False])
def test_data_of_no_use_beside_each_datagram_raises_no_storm(is_far: bool) -> None:
    """Acknowledgements that earn old data, or some from far ahead, twice: few are answered.

    Each answer has two such beside it, so answering them all would double the traffic each way.
    """
    pair = connected()
    limit, told = 0.05 * 8000, [0, 0]

    def beside(to: int, data: bytes) -> list[tuple[int, bytes]]:
        told[to] += 1
        assert told[to] < limit  # before it is too many for the machine
        seen = decode_datagram(data)
        sequence = (seen.sequence + (WINDOW + 7 if is_far else 0)) % SEQUENCE_LIMIT
        useless = seen._replace(kind=Kind.DATA, sequence=sequence, payload=b"x", ends_message=True)
        return [(0, data), *[(0, encode_datagram(useless))] * 2]

    pair.fault = beside
    for own in pair.ends:
        own.send(b"hello")
    pair.run(until_s=0.05)
    assert min(told) > 2  # none of them is never answered: a repeat asks for what was lost
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
