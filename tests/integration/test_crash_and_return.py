"""A process may stop at any message: what was durable is settled alike, nothing is used twice."""

import random

import pytest

from protocols.events import BlockHeld, BlockPrepared, BlockUsable
from protocols.messages import Role, decode
from tests.tapped import TappedEnds
from tests.two_ends import TwoEnds


def _check(tapped: TappedEnds) -> None:
    """Both ends are closed and hold the same bits under the same ids; no pad signed twice.

    What the pads have signed is read off the wire: votes, decisions, closing, of all lives.
    """
    ends = tapped.ends
    assert tapped.faults() == []
    assert ends.is_done
    announcer, responder = ends.usable
    assert announcer == responder
    assert [store.state("alice-bob").in_doubt for store in ends.stores] == [(), ()]
    signed: dict[tuple[Role, int], bytes] = {}
    for role, event in ends.events:
        if isinstance(event, BlockPrepared | BlockHeld):
            message = event.vote if isinstance(event, BlockPrepared) else event.decision
            assert signed.setdefault((role, event.round), message) == message
    assert all(decode(message).round == number for (_, number), message in signed.items())


def _deliveries() -> int:
    tapped = TappedEnds(TwoEnds(), [])
    tapped.ends.run()
    _check(tapped)
    assert len(tapped.ends.usable[0]) == 3
    return tapped.ends.delivered


def _crash_at(role: Role, boundary: int) -> TwoEnds:
    tapped = TappedEnds(TwoEnds(), [])
    ends = tapped.ends
    usable_before: list[dict[int, tuple[bytes, int]]] = []

    def crash(count: int) -> None:
        if count == boundary:
            usable_before.extend(dict(blocks) for blocks in ends.usable)
            ends.crash(role)

    ends.on_delivery = crash
    ends.run()
    _check(tapped)
    for before, after in zip(usable_before, ends.usable, strict=True):
        assert before.items() <= after.items(), "a usable block was lost"
    return ends


def test_round_without_crash_gives_three_blocks() -> None:
    """The reference: three rounds, three equal blocks."""
    _deliveries()


@pytest.mark.parametrize("role", list(Role))
def test_crash_at_sampled_message_boundaries(role: Role) -> None:
    """A crash after every ninth datagram leaves both ends equal and closed."""
    total = _deliveries()
    for boundary in range(1, total, 9):
        _crash_at(role, boundary)


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_crash_at_every_message_boundary(role: Role) -> None:
    """The same after each single datagram."""
    for boundary in range(1, _deliveries() + 1):
        _crash_at(role, boundary)


def _crash_on_a_bad_wire(seed: int) -> None:
    """One to four crashes of either end at random while datagrams are lost, late and repeated."""
    rng = random.Random(seed)
    tapped = TappedEnds(TwoEnds(seed % 7 + 1), [])
    ends, see = tapped.ends, tapped.ends.fault
    crashes = {rng.randrange(1, 320): rng.choice(list(Role)) for _ in range(rng.randrange(1, 5))}

    def crash(count: int) -> None:
        if count in crashes:
            ends.crash(crashes[count])

    def fault(to: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        see(to, datagram)
        if rng.random() < 0.05:
            return []
        copies = [(rng.randrange(20_000_000_000), datagram)]
        if rng.random() < 0.02:
            copies.append((rng.randrange(500_000_000_000), datagram))
        return copies

    ends.on_delivery, ends.fault = crash, fault
    ends.run()
    _check(tapped)


@pytest.mark.parametrize("seed", [28, 134, 135, *range(12)])
def test_crashes_on_a_bad_wire(seed: int) -> None:
    """Loss 5 %, repeats 2 %, 20 ms of jitter and crashes: equal and closed all the same."""
    _crash_on_a_bad_wire(seed)


@pytest.mark.slow
def test_many_crashes_on_a_bad_wire() -> None:
    """The same for 400 seeds."""
    for seed in range(400):
        _crash_on_a_bad_wire(seed)


def test_block_in_doubt_is_settled_after_the_return() -> None:
    """A responder that crashes right after its vote makes the block usable later, unchanged."""
    tapped = TappedEnds(TwoEnds(), [])
    ends = tapped.ends
    voted: list[BlockPrepared] = []

    def crash(_count: int) -> None:
        prepared = [e for r, e in ends.events if isinstance(e, BlockPrepared) and r == 1]
        if prepared and not voted:
            voted.append(prepared[0])
            ends.crash(Role.RESPONDER)

    ends.on_delivery = crash
    ends.run()
    _check(tapped)
    settled = [e for r, e in ends.events if isinstance(e, BlockUsable) and r == 1]
    assert voted[0].round in {event.round for event in settled}
