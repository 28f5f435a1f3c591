"""Messages changed on their way: what each end makes of it, and that it does not stay hidden."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.bbm92.streams import OwnStream
from protocols.codec import encode
from protocols.events import (
    AbortSigned,
    RoundSifted,
)
from protocols.messages import (
    Abort,
    AbortReason,
    Amplify,
    Announce,
    Beacon,
    Close,
    Decision,
    Envelope,
    Keep,
    Matches,
    ParityQuery,
    ParityReply,
    Ready,
    Reconciled,
    ReconciliationSetup,
    Role,
    Seal,
    Settled,
    VerificationHash,
    VerificationResult,
    Vote,
)
from tests.support.faults import block_faults
from tests.support.light import light
from tests.support.whole_messages import WholeMessages, only, reasons

CHANGED = "changed on the way"
SUPPRESSED = "suppressed"
NO_TIMES = Beacon(start_ticks=0, stop_ticks=1, count=0, deltas=b"")
FORGED = "an abort that the peer has not sent"


def flip_parities(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
    """Turn the first parity of an answer round."""
    assert isinstance(envelope.body, ParityReply)
    replies = tuple(bytes([r[0] ^ 128]) + r[1:] if r else r for r in envelope.body.replies)
    return encode(envelope._replace(body=ParityReply(replies)))


def test_wrong_parities_fail_verification() -> None:
    """A wrong parity gives wrong bits; the hash finds them at both ends; other rounds are well.

    Both learn from the other's report that parities were changed on their way.
    """
    flipped: list[bytes] = []

    def flip_first(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if flipped and data not in flipped:
            return data
        flipped.append(data)  # and its repeats
        return flip_parities(sender, envelope, data)

    ends = WholeMessages(light(), tamper=only(ParityReply, 1, flip_first)).run()
    assert block_faults(ends.events) == []
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 2]
    for role in Role:
        assert reasons(ends, role) == {AbortReason.VERIFICATION_FAILED: 1}
        books = ends.aborted(role)[1].books
        assert books.sifted_bits > 0
        assert books.parity_bits > 0
        assert books.verification_bits == 64
    assert [CHANGED in what for role in Role for what in ends.alarms(role)] == [True, True]


def reseed(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
    """Have both ends shuffle by different seeds."""
    assert isinstance(envelope.body, ReconciliationSetup)
    return encode(envelope._replace(body=replace(envelope.body, seed=bytes(8))))


def test_right_parities_under_a_wrong_seed_leak_until_the_round_is_given_up() -> None:
    """With a changed shuffle seed every later pass is half wrong: no key is left of the round.

    It looks like bad light to both; their reports tell that it was not.
    """
    ends = WholeMessages(light(), tamper=only(ReconciliationSetup, 0, reseed)).run()
    assert block_faults(ends.events) == []
    assert list(ends.usable_bits(Role.RESPONDER)) == [1, 2]
    assert reasons(ends, Role.RESPONDER) == {AbortReason.LEAK_TOO_HIGH: 1}
    assert [CHANGED in what for role in Role for what in ends.alarms(role)] == [True, True]


def test_link_goes_on_at_once_when_a_question_ends_the_last_round() -> None:
    """An answer that leaks too much drops the round, and the announcer asks to close behind it."""
    ends = WholeMessages(light(), tamper=only(ReconciliationSetup, 2, reseed)).run()
    assert reasons(ends, Role.ANNOUNCER) == {AbortReason.LEAK_TOO_HIGH: 1}
    said = [(role, type(envelope.body)) for role, envelope in ends.sent]
    dropped = said.index((Role.ANNOUNCER, Abort))
    assert said[dropped - 1 : dropped + 2] == [
        (Role.ANNOUNCER, kind) for kind in (ParityReply, Abort, Close)
    ]
    assert ends.is_closed_alike


SEQUENCED = (
    Announce,
    Matches,
    Keep,
    ReconciliationSetup,
    ParityQuery,
    ParityReply,
    Reconciled,
    VerificationHash,
    VerificationResult,
    Amplify,
)


@pytest.mark.parametrize("kind", SEQUENCED)
def test_message_moved_to_a_settled_round_is_missed(kind: type) -> None:
    """One flipped bit makes it belong to round 0, where nobody minds it: an alarm all the same."""
    moved: list[bytes] = []

    def move(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if moved and data not in moved:
            return data
        moved.append(data)  # and its repeats
        return encode(envelope._replace(round=0))

    ends = WholeMessages(light(), tamper=only(kind, 1, move)).run()
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 2]
    assert ends.alarms()


@pytest.mark.parametrize("with_report", [False, True])
@pytest.mark.parametrize("roles", [[Role.ANNOUNCER], [Role.RESPONDER], list(Role)], ids=str)
def test_end_that_is_silenced_for_a_round_is_missed(
    roles: list[Role], *, with_report: bool
) -> None:
    """Words that mean nothing in the place of all that is said in round 1, reports included."""

    def silence(sender: Role, envelope: Envelope, data: bytes) -> bytes:
        is_spared = isinstance(envelope.body, Abort) and not with_report
        if sender not in roles or envelope.round != 1 or is_spared:
            return data
        body = NO_TIMES if sender is Role.ANNOUNCER else Ready()
        return encode(Envelope(envelope.link, sender, 0, 0, body))

    ends = WholeMessages(light(), tamper=silence).run()
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 2]
    assert ends.alarms()


def test_silence_in_the_last_round_is_missed_at_the_closing() -> None:
    """Nobody commits after it, and the responder has never heard of it."""

    def silence(sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if envelope.round != 2 or isinstance(envelope.body, Beacon | Ready | Vote):
            return data
        body = NO_TIMES if sender is Role.ANNOUNCER else Ready()
        return encode(Envelope(envelope.link, sender, 0, 0, body))

    ends = WholeMessages(light(), tamper=silence).run()
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1]
    assert [SUPPRESSED in what for what in ends.alarms(Role.ANNOUNCER)] == [True]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_damage_cannot_be_hidden_by_another_report(is_replaced: bool) -> None:
    """Who has changed parities changes the report as well, or drops it for a word of his own.

    He knows all messages, so that he can make the digest that the announcer expects. What he
    cannot make is the code over it; and a report that does not come is missed.
    """
    true = OwnStream(b"")
    changed: list[bytes] = []

    def attack(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        is_hit = envelope.round == 1 and sender is Role.ANNOUNCER
        if is_hit and envelope.sequence == true.messages and not isinstance(envelope.body, Abort):
            true.absorb(data)
        if is_hit and isinstance(envelope.body, ParityReply) and (not changed or data in changed):
            changed.append(data)
            return flip_parities(sender, envelope, data)
        if isinstance(envelope.body, Abort) and sender is Role.RESPONDER:
            body = envelope.body
            hidden = replace(body, arrived_digest=true.digest_of(body.arrived))
            return encode(envelope._replace(body=hidden if is_replaced else Ready()))
        return data

    ends = WholeMessages(light(), tamper=attack).run()
    assert block_faults(ends.events) == []
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 2]
    assert any((FORGED if is_replaced else SUPPRESSED) in what for what in ends.alarms())


def test_changed_hash_seed_changes_no_bits() -> None:
    """Another amplification seed would make other keys: the responder does not vote for that."""

    def reseed(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, Amplify)
        seed = bytes([envelope.body.seed[0] ^ 1]) + envelope.body.seed[1:]
        return encode(envelope._replace(body=replace(envelope.body, seed=seed)))

    ends = WholeMessages(light(), tamper=only(Amplify, 1, reseed)).run()
    assert block_faults(ends.events) == []
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 2]
    assert reasons(ends, Role.RESPONDER) == {AbortReason.AUTHENTICATION_FAILED: 1}
    assert not ends.told(Role.ANNOUNCER, AbortSigned)


@pytest.mark.parametrize("count", [10_000, 2**62])
def test_more_errors_than_bits_are_refused(count: int) -> None:
    """Impossible error counts cost their round and raise an alarm; nothing breaks."""

    def exaggerate(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, VerificationResult)
        errors = (envelope.body.errors[0], count)
        return encode(envelope._replace(body=replace(envelope.body, errors=errors)))

    ends = WholeMessages(light(), tamper=only(VerificationResult, 1, exaggerate)).run()
    assert ends.is_closed_alike
    assert 1 not in ends.usable_bits(Role.ANNOUNCER)
    found = ends.alarms(Role.ANNOUNCER)
    assert any("impossible counts" in what for what in found)


@pytest.mark.parametrize("kind", [Keep, Seal])
def test_message_moved_to_a_round_to_come_is_noticed(kind: type) -> None:
    """Under the number of a round that has not begun: an alarm, not a long wait."""

    def postpone(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        return encode(envelope._replace(round=9))

    ends = WholeMessages(light(), tamper=only(kind, 1, postpone)).run(until_s=10)
    assert ends.is_closed_alike
    found = ends.alarms(Role.RESPONDER)
    assert any("unknown" in what for what in found)


def test_flattered_error_counts_change_no_key_length() -> None:
    """An attacker who reports zero errors to the announcer gets no longer key out of it."""

    def flatter(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, VerificationResult)
        body = replace(envelope.body, errors=(0,) * len(envelope.body.errors))
        return encode(envelope._replace(body=body))

    ends = WholeMessages(light(), tamper=only(VerificationResult, 1, flatter)).run()
    assert block_faults(ends.events) == []
    assert list(ends.usable_bits(Role.ANNOUNCER)) == list(ends.usable_bits(Role.RESPONDER))
    assert 1 not in ends.usable_bits(Role.ANNOUNCER)


class FlipOnce:
    """Flips ``bit`` at ``place`` (a share of the length) of the first message it sees."""

    def __init__(self, place: float, bit: int) -> None:
        self.is_done = False
        self._place, self._bit = place, bit

    def __call__(self, _sender: Role, _envelope: Envelope, data: bytes) -> bytes:
        """The message, damaged the first time."""
        if self.is_done:
            return data
        self.is_done = True
        damaged = bytearray(data)
        damaged[int(self._place * len(data))] ^= self._bit
        return bytes(damaged)


FLIPPED = (Announce, Matches, Keep, ReconciliationSetup, ParityQuery, ParityReply, Reconciled,
           VerificationHash, VerificationResult, Amplify, Vote, Decision, Close,
           Seal, Settled)  # fmt: skip


@pytest.mark.parametrize("flips", [2, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", FLIPPED, ids=lambda kind: kind.__name__)
def test_one_flipped_bit_never_gives_unequal_bits(kind: type, flips: int) -> None:
    """A flipped bit at random places of each type of message: equal keys, closed ends (sampled)."""
    rng = np.random.default_rng(FLIPPED.index(kind))
    for _ in range(flips):
        number = 3 if kind is Close else int(rng.integers(0, 3))
        flip = FlipOnce(float(rng.random()), 1 << int(rng.integers(0, 8)))
        ends = WholeMessages(light(), tamper=only(kind, number, flip)).run()
        assert flip.is_done
        assert block_faults(ends.events) == []
        assert ends.is_closed_alike


@pytest.mark.parametrize("ahead_ticks", [2**35, 2**50, 2**59])
def test_watermark_far_ahead_costs_one_round(ahead_ticks: int) -> None:
    """An announcement that claims to reach far into the future does not hold up those behind it."""

    def postpone(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, Announce)
        stop_ticks = envelope.body.stop_ticks + ahead_ticks
        return encode(envelope._replace(body=replace(envelope.body, stop_ticks=stop_ticks)))

    ends = WholeMessages(light(), tamper=only(Announce, 0, postpone)).run()
    assert ends.is_closed_alike
    assert set(ends.usable_bits(Role.ANNOUNCER)) >= {1, 2}
    sifted_ps = {
        event.round: time_ps
        for (at, event), time_ps in zip(ends.events, ends.event_times_ps, strict=True)
        if at is Role.RESPONDER and isinstance(event, RoundSifted)
    }
    assert sifted_ps[1] < 2.6e12, "only the end of the light has set it free"


@pytest.mark.parametrize("number", [0, 2, 4, 9, 10**6])
def test_wrong_closing_round_does_not_keep_the_link_open(number: int) -> None:
    """A request to close under another number, then the right one: closed, nothing in doubt."""
    changed: list[int] = []

    def renumber(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if changed:
            return data
        changed.append(number)
        return encode(envelope._replace(round=number))

    ends = WholeMessages(light(), tamper=only(Close, 3, renumber)).run()
    assert changed
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]
