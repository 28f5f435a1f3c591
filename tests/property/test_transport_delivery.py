"""Transport: whatever the wire does, messages come out in order, each at most once."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.wire.datagrams import HEADER_BYTES, Kind, decode_datagram
from protocols.wire.reassembly import WINDOW
from tests.support.transport_pair import MS_PS, TransportPair

quick = settings(derandomize=True, deadline=None, max_examples=60)
sizes = st.sampled_from([1, 99, 100, 101, 2_000, 20_000])
traffic = st.lists(st.tuples(st.integers(0, 1), sizes, st.integers(0, 3)), min_size=1, max_size=20)


def bad_wire(
    rng: random.Random, *, loss: float, repeats: float, jitter_ps: int
) -> Callable[[int, bytes], list[tuple[int, bytes]]]:
    """Loses, repeats and reorders at random."""

    def fault(_to: int, data: bytes) -> list[tuple[int, bytes]]:
        copies = [(rng.randrange(jitter_ps + 1), data)] if rng.random() >= loss else []
        if rng.random() < repeats:
            copies.append((rng.randrange(4 * jitter_ps + 1), data))
        return copies

    return fault


@quick
@given(
    traffic=traffic,
    loss=st.sampled_from([0.0, 0.05, 0.4]),
    repeats=st.sampled_from([0.0, 0.3]),
    jitter_ps=st.sampled_from([0, MS_PS // 10, 20 * MS_PS]),
    seed=st.integers(0, 2**32),
)
def test_everything_arrives_once_and_in_order(
    traffic: list[tuple[int, int, int]], loss: float, repeats: float, jitter_ps: int, seed: int
) -> None:
    """On a wire that eventually delivers, both ends receive what the other one sent, exactly."""
    rng = random.Random(seed)
    pair = TransportPair(bad_wire(rng, loss=loss, repeats=repeats, jitter_ps=jitter_ps))
    sent: list[list[bytes]] = [[], []]
    for sender, size, steps in traffic:
        sent[sender].append(rng.randbytes(size))
        pair.ends[sender].send(sent[sender][-1])
        for _ in range(steps):
            pair.step()
    pair.run(until_s=1000)
    assert pair.received == [sent[1], sent[0]]
    assert pair.resets == [0, 0]


@quick
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.5]))
def test_flips_and_repeats_never_lead_to_other_order(seed: int, loss: float) -> None:
    """Damaged payloads come out damaged, damaged headers not at all; order and number hold."""
    rng = random.Random(seed)
    plain = bad_wire(rng, loss=loss, repeats=0.3, jitter_ps=MS_PS)

    def fault(to: int, data: bytes) -> list[tuple[int, bytes]]:
        copies = plain(to, data)
        return [(delay_ps, _flipped(rng, copy)) for delay_ps, copy in copies]

    pair = TransportPair(fault)
    for k in range(40):
        pair.ends[0].send(k.to_bytes(2, "big") * 40)
        pair.step()
    pair.run(until_s=1000)
    numbers = [_majority(message) for message in pair.received[1]]
    assert numbers == list(range(40))


def _flipped(rng: random.Random, data: bytes) -> bytes:
    if rng.random() > 0.2:
        return data
    damaged = bytearray(data)
    damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _majority(message: bytes) -> int:
    """The number that a message consists of, one flipped bit in it or not."""
    pairs = [message[k : k + 2] for k in range(0, len(message), 2)]
    return int.from_bytes(max(set(pairs), key=pairs.count), "big")


@settings(quick, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_no_more_than_a_window_is_under_way(seed: int) -> None:
    """Data that goes out never reaches further than the window beyond what was acknowledged."""
    rng = random.Random(seed)
    acknowledged = [0, 0]
    wire = bad_wire(rng, loss=0.1, repeats=0.1, jitter_ps=5 * MS_PS)

    def fault(to: int, data: bytes) -> list[tuple[int, bytes]]:
        datagram = decode_datagram(data)
        acknowledged[1 - to] = max(acknowledged[1 - to], datagram.acknowledged)
        if datagram.kind is Kind.DATA:
            assert datagram.sequence < acknowledged[to] + WINDOW
        return wire(to, data)

    pair = TransportPair(fault)
    for end in pair.ends:
        end.send(rng.randbytes(30_000))
    pair.run(until_s=1000)
    assert [len(received) for received in pair.received] == [1, 1]


@pytest.mark.parametrize(("loss", "most"), [(0.0, 1.01), (0.05, 1.3), (0.2, 1.7)])
def test_loss_costs_what_it_must(loss: float, most: float) -> None:
    """Bytes on the wire stay near those of the message over (1 - loss): no storm of repeats."""
    pair = TransportPair(bad_wire(random.Random(1), loss=loss, repeats=0.0, jitter_ps=0))
    message = bytes(200_000)
    pair.ends[0].send(message)
    pair.run(until_s=1000)
    assert pair.received[1] == [message]
    pieces = len(message) // 100
    data_bytes = (100 + HEADER_BYTES) * pieces / (1 - loss)
    assert data_bytes <= 1.01 * pair.ends[0].counts.bytes_sent
    assert sum(end.counts.bytes_sent for end in pair.ends) <= most * data_bytes
