"""Votes, decisions and the closing: lost, late, forged, reflected; and what went over the wire."""

import pytest

from protocols.bbm92.macs import Macs
from protocols.codec import encode
from protocols.events import BlockHeld, BlockPrepared, BlockUsable, Event, LinkClosed
from protocols.link import PS_PER_S
from protocols.messages import AbortReason, Close, Decision, Envelope, Role, Settled, Vote
from protocols.wire.datagrams import HEADER_BYTES
from tests.support.faults import block_faults
from tests.support.forging import forge
from tests.support.light import light
from tests.support.links import link_config
from tests.support.two_ends import LATENCY_PS
from tests.support.whole_messages import Tamper, WholeMessages, honest, only, reasons

# Votes and decisions ------------------------------------------------------------------------------


def lose(kind: type, times: int) -> tuple[Tamper, list[bytes]]:
    """A wire that swallows the first datagrams with a message of ``kind``, and what it saw."""
    seen: list[bytes] = []

    def tamper(_sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if not isinstance(envelope.body, kind) or envelope.round != 1:
            return data
        seen.append(data)
        return None if len(seen) <= times else data

    return tamper, seen


@pytest.mark.parametrize("kind", [Vote, Decision], ids=["vote", "decision"])
def test_lost_votes_and_decisions_are_repeated_as_they_are(kind: type) -> None:
    """Twelve losses in a row: the same bytes again and again, then the block is usable alike."""
    tamper, seen = lose(kind, 12)
    ends = WholeMessages(light(), tamper=tamper).run()
    assert len(seen) > 12
    assert len(set(seen)) == 1
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]


def test_vote_is_repeated_until_a_decision_comes() -> None:
    """A decision that is swallowed for good keeps the block in doubt; the vote goes on, unchanged.

    The announcer answers each vote with the same decision; nobody drops anything.
    """

    def swallow(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        # What the transport carries in place of the decision is noise to the session.
        return b"\xc0" if isinstance(envelope.body, Decision) else data

    ends = WholeMessages(light(), tamper=swallow).run(until_s=60)
    assert not ends.usable_bits(Role.RESPONDER)
    votes = {encode(e) for e in ends.messages(Vote) if e.round == 0}
    assert len(votes) == 1
    assert len([e for e in ends.messages(Vote) if e.round == 0]) > 20
    decisions = [encode(e) for e in ends.messages(Decision) if e.round == 0]
    assert len(set(decisions)) == 1
    assert len(decisions) > 20
    assert sorted(ends.bits_in_doubt(Role.RESPONDER)) == [0]
    assert 0 in ends.bits_in_doubt(Role.ANNOUNCER)
    assert 0 not in ends.usable_bits(Role.ANNOUNCER)


def test_decision_that_comes_late_settles_alike() -> None:
    """The decision is kept back for 20 s of votes; what comes then settles the block at both."""
    clock: list[WholeMessages] = []

    def hold(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        is_held = isinstance(envelope.body, Decision) and clock[0].now_ps < 20 * 10**12
        return b"\xc0" if is_held else data

    ends = WholeMessages(light(), tamper=hold)
    clock.append(ends)
    ends.run()
    assert ends.is_closed_alike
    assert block_faults(ends.events) == []
    assert 0 in ends.usable_bits(Role.RESPONDER)


@pytest.mark.parametrize("commit", [True, False])
def test_forged_decisions_are_not_believed(commit: bool) -> None:
    """A decision with a wrong tag, either way, leaves the block in doubt and raises an alarm."""

    def forge(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        return encode(envelope._replace(body=Decision(commit=commit, pad=0, tag=bytes(16))))

    ends = WholeMessages(light(), tamper=only(Decision, 0, forge)).run(until_s=30)
    assert 0 not in ends.usable_bits(Role.RESPONDER)
    assert 0 in ends.bits_in_doubt(Role.RESPONDER)
    assert 0 not in ends.aborted(Role.RESPONDER)
    assert ends.alarms(Role.RESPONDER)
    assert block_faults(ends.events) == []


def test_reflected_tags_do_not_pass() -> None:
    """A decision with the tag of the vote (direction, purpose) is refused."""
    tags: dict[int, bytes] = {}

    def reflect(sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if isinstance(envelope.body, Vote):
            tags[envelope.round] = envelope.body.tag
        if isinstance(envelope.body, Decision) and envelope.round == 0:
            return encode(envelope._replace(body=Decision(commit=True, pad=0, tag=tags[0])))
        return data

    ends = WholeMessages(light(), tamper=reflect).run(until_s=30)
    assert 0 not in ends.usable_bits(Role.RESPONDER)


def test_ends_with_different_settings_never_agree() -> None:
    """The transcripts begin with a hash of the settings: ends that differ there make no key."""
    ends = WholeMessages(light())
    ends.ends[1] = WholeMessages(light(), config=link_config(timeout_ps=19 * 10**12)).ends[1]
    ends.run(until_s=60)
    assert not ends.usable_bits(Role.ANNOUNCER)
    assert not ends.usable_bits(Role.RESPONDER)
    assert AbortReason.AUTHENTICATION_FAILED in reasons(ends, Role.RESPONDER)
    votes = [envelope.body for envelope in ends.messages(Vote)]
    assert all(isinstance(vote, Vote) and vote.closing for vote in votes)  # no pad for nothing


# Acknowledgements ---------------------------------------------------------------------------------


def acknowledged_too_early(*, is_proven: bool) -> WholeMessages:
    """The last decision is lost for 10 s; meanwhile somebody says that the responder has it."""
    ends: list[WholeMessages] = []

    def hold(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        is_last = isinstance(envelope.body, Decision) and envelope.round == 2
        return b"\xc0" if is_last and ends[0].now_ps < 10 * PS_PER_S else data

    def acknowledge(role: Role, event: Event) -> None:
        if role is Role.ANNOUNCER and isinstance(event, BlockHeld) and event.round == 2:
            macs = Macs(ends[0].config, ends[0].secrets.report_key, Role.RESPONDER)
            mac = macs.own(b"settled", 2, b"") if is_proven else bytes(32)
            forge(ends[0], Role.ANNOUNCER, 2, Settled(2, mac))

    ends.append(WholeMessages(light(), tamper=hold))
    ends[0].on_event = acknowledge
    return ends[0].run()


@pytest.mark.parametrize("is_proven", [False, True])
def test_forged_acknowledgement_makes_no_unequal_pools(*, is_proven: bool) -> None:
    """It is told, or, with a MAC that was made up, the announcer has its part early: the same bits.

    The responder gets the decision all the same, for it is kept.
    """
    ends = acknowledged_too_early(is_proven=is_proven)
    assert block_faults(ends.events) == []
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]
    usable_ps = {
        role: time_ps
        for (role, event), time_ps in zip(ends.events, ends.event_times_ps, strict=True)
        if isinstance(event, BlockUsable) and event.round == 2
    }
    assert usable_ps[Role.RESPONDER] > 10 * PS_PER_S
    assert (usable_ps[Role.ANNOUNCER] < 10 * PS_PER_S) is is_proven
    told = "an acknowledgement that the peer has not sent" in ends.alarms(Role.ANNOUNCER)
    assert told is not is_proven


def test_both_pools_have_a_block_a_few_latencies_after_the_vote() -> None:
    """Vote, decision, acknowledgement: two ways to the responder's pool, three to the announcer's.

    Rounds last 500 ways, and the next vote would prove the same.
    """
    times_ps = {
        (type(event), role, event.round): time_ps
        for (role, event), time_ps in zip(honest().events, honest().event_times_ps, strict=True)
        if isinstance(event, BlockPrepared | BlockUsable)
    }
    for number in range(3):
        voted_ps = times_ps[BlockPrepared, Role.RESPONDER, number]
        for role, ways in ((Role.RESPONDER, 2), (Role.ANNOUNCER, 3)):
            waited_ps = times_ps[BlockUsable, role, number] - voted_ps
            assert ways * LATENCY_PS <= waited_ps < (ways + 1) * LATENCY_PS


@pytest.mark.parametrize("role", list(Role))
def test_acknowledgement_that_a_crash_takes_along_is_asked_for_again(role: Role) -> None:
    """Its block is usable before the next vote, which would prove the same."""
    is_lost: list[bytes] = []

    def lose(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if isinstance(envelope.body, Settled) and ends.now_ps < 1.4 * PS_PER_S:
            is_lost.append(data)
            return b"\xc0"
        return data

    ends = WholeMessages(light(), tamper=lose)
    ends.at_s(1.4, lambda: ends.crash(role))
    ends.run(until_s=1.6)
    assert is_lost
    assert 0 in ends.usable_bits(Role.ANNOUNCER)


# Closing ------------------------------------------------------------------------------------------


def test_closing_exchange() -> None:
    """After the light: close, closing vote, closing decision; then nothing is in doubt."""
    tail = [type(envelope.body) for _, envelope in honest().sent if envelope.round == 3]
    assert tail == [Close, Vote, Decision]
    closed = [(role, event.pad) for role, event in honest().events if isinstance(event, LinkClosed)]
    assert closed == [(Role.ANNOUNCER, 3), (Role.RESPONDER, 3)]


@pytest.mark.parametrize("kind", [Close, Vote, Decision])
def test_closing_survives_losses(kind: type) -> None:
    """Any message of the closing exchange may be lost six times over."""
    losses = [0]

    def tamper(_sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if isinstance(envelope.body, kind) and envelope.round == 3 and losses[0] < 6:
            losses[0] += 1
            return None
        return data

    ends = WholeMessages(light(), tamper=tamper).run()
    assert losses[0] == 6
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]


def test_wire_counts() -> None:
    """An end counts its messages once, and all bytes of its datagrams, headers included."""
    for role in Role:
        wire = honest().ends[role].wire
        messages = [envelope for sender, envelope in honest().sent if sender is role]
        assert wire.messages == len(messages)
        datagrams = honest().datagrams[role]
        assert wire.bytes == sum(datagrams)
        payload = sum(len(encode(envelope)) for envelope in messages)
        assert wire.bytes >= payload + HEADER_BYTES * len(datagrams)
