"""A process may stop at any message: what was durable is settled alike, nothing is used twice."""

import random

import pytest

from protocols.codec import decode
from protocols.events import BlockHeld, BlockPrepared, BlockUsable, LinkClosed
from protocols.messages import Decision, Role, Vote
from protocols.wire.datagrams import encode_datagram
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends


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
    tapped = TappedEnds(clean_ends(), [])
    tapped.ends.run()
    _check(tapped)
    assert len(tapped.ends.usable[0]) == 3
    return tapped.ends.delivered


def _crash_at(role: Role, boundary: int) -> TwoEnds:
    tapped = TappedEnds(clean_ends(), [])
    ends = tapped.ends
    usable_before: list[dict[int, tuple[bytes, int]]] = []

    def crash(count: int) -> None:
        if count == boundary:
            usable_before.extend(dict(blocks) for blocks in ends.usable)
            ends.crash(role)

    ends.on_delivery = crash
    ends.run()
    _check(tapped)
    assert ends.alarms() == []
    for before, after in zip(usable_before, ends.usable, strict=True):
        assert before.items() <= after.items(), "a usable block was lost"
    return ends


def test_round_without_crash_gives_three_blocks() -> None:
    """The reference: three rounds, three equal blocks."""
    _deliveries()


@pytest.mark.parametrize(
    "role", [Role.ANNOUNCER, pytest.param(Role.RESPONDER, marks=pytest.mark.slow)]
)
def test_crash_at_sampled_message_boundaries(role: Role) -> None:
    """A crash after every fifteenth datagram leaves both ends equal and closed."""
    total = _deliveries()
    for boundary in range(1, total, 15):
        _crash_at(role, boundary)


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_crash_at_every_message_boundary(role: Role) -> None:
    """The same after each single datagram."""
    for boundary in range(1, _deliveries() + 1):
        _crash_at(role, boundary)


def _crash_on_a_bad_wire(seed: int) -> None:
    """One to four crashes of either end at random while datagrams are lost, late and repeated.

    In every other seed an end may give up the connection instead, and both may do so at once.
    """
    rng = random.Random(seed)
    tapped = TappedEnds(clean_ends(seed % 7 + 1), [])
    ends, see = tapped.ends, tapped.ends.fault
    crashes = {rng.randrange(1, 320): rng.choice(list(Role)) for _ in range(rng.randrange(1, 5))}
    given_up = {k + rng.randrange(4): rng.choice(list(Role)) for k in crashes if seed % 2}

    def crash(count: int) -> None:
        if count in given_up:
            ends.give_up(given_up[count])
        if count in crashes:
            (ends.give_up if rng.random() < 0.5 and seed % 2 else ends.crash)(crashes[count])

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
    assert ends.alarms() == []


@pytest.mark.parametrize("seed", [28, 134, 135, *range(12)])
def test_crashes_on_a_bad_wire(seed: int) -> None:
    """Loss 5 %, repeats 2 %, 20 ms of jitter and crashes: equal and closed, and no alarm."""
    _crash_on_a_bad_wire(seed)


@pytest.mark.slow
def test_many_crashes_on_a_bad_wire() -> None:
    """The same for 400 seeds."""
    for seed in range(400):
        _crash_on_a_bad_wire(seed)


def test_block_in_doubt_is_settled_after_the_return() -> None:
    """A responder that crashes right after its vote makes the block usable later, unchanged."""
    tapped = TappedEnds(clean_ends(), [])
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


@pytest.mark.parametrize("order", [(Role.RESPONDER, Role.ANNOUNCER), tuple(Role)], ids=str)
def test_both_crash_around_the_closing(order: tuple[Role, Role]) -> None:
    """The announcer has closed, and its answer is lost in crashes of both: they close all the same.

    The responder's closing vote is not durable, and the announcer's new life owes it an answer.
    """
    tapped = TappedEnds(clean_ends(), [])
    ends = tapped.ends
    crashed: list[Role] = []

    def lose(to: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = tapped._see(to, datagram)
        return [] if to is Role.RESPONDER and has_closed() and not crashed else passing

    def has_closed() -> bool:
        return any(isinstance(event, LinkClosed) for _, event in ends.events)

    ends.fault = lose
    ends.run(until_s=3.5)
    assert has_closed()
    assert not ends.ends[Role.RESPONDER].is_closed
    for role in order:
        ends.crash(role)
        crashed.append(role)
    ends.run()
    _check(tapped)
    assert all(end.is_closed for end in ends.ends)


def test_replayed_closing_vote_is_no_sign_that_the_responder_has_closed() -> None:
    """A responder that lost its vote in a crash believes the closing decision that answers it.

    Somebody shows the announcer the old vote again, so that it stops asking.
    """
    tapped = TappedEnds(clean_ends(), [])
    ends = tapped.ends
    votes: list[bytes] = []
    crashed: list[Role] = []

    def lose(to: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = tapped._see(to, datagram)
        sighting = tapped.chains[to.peer].wire.view.latest
        envelope = None if sighting is None else sighting.envelope
        if envelope is not None and isinstance(envelope.body, Vote) and envelope.body.closing:
            votes.append(sighting.datagram.payload if sighting else b"")
        is_answer = to is Role.RESPONDER and votes and not crashed
        return [] if is_answer else passing

    ends.fault = lose
    ends.run(until_s=3.5)
    ends.crash(Role.RESPONDER)
    announcer = ends.ends[Role.ANNOUNCER]._session
    announcer.receive(votes[0], ends.now_ps)
    crashed.append(Role.RESPONDER)
    ends.run()
    _check(tapped)
    assert all(end.is_closed for end in ends.ends)


def test_responder_that_comes_back_after_the_closing_is_heard() -> None:
    """The closing decision arrives as noise, and the responder crashes: its new life asks to close.

    The announcer has closed, and has an acknowledgement for everything: it would say no more.
    """
    tapped = TappedEnds(clean_ends(), [])
    ends = tapped.ends
    damaged: list[bytes] = []

    def damage(to: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = tapped._see(to, datagram)
        sighting = tapped.chains[to.peer].wire.view.latest
        envelope = None if sighting is None else sighting.envelope
        if damaged or envelope is None or not isinstance(envelope.body, Decision):
            return passing
        if envelope.round != 3 or sighting is None:
            return passing
        damaged.append(datagram)
        return [(0, encode_datagram(sighting.datagram._replace(payload=b"\xc0")))]

    ends.fault = damage
    ends.run(until_s=3.3)
    assert damaged
    assert not ends.ends[Role.RESPONDER].is_closed
    ends.crash(Role.RESPONDER)
    ends.run()
    _check(tapped)
    assert all(end.is_closed for end in ends.ends)
