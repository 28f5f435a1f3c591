"""All the ways a round may end without an attacker: light that is too little, or too bad."""

import itertools

import numpy as np
import pytest

from protocols.bbm92 import announcer_round, responder_round
from protocols.events import (
    BlockUsable,
    LinkLocked,
    LockLost,
    RoundSifted,
    SyncFailed,
)
from protocols.hashing.verification import toeplitz_hash
from protocols.messages import (
    Abort,
    AbortReason,
    Envelope,
    Matches,
    Role,
    VerificationHash,
)
from tests.support.faults import block_faults
from tests.support.inspector import Booked, asked_bits, book_faults
from tests.support.light import LaneLight, draw_tags, light
from tests.support.links import link_config
from tests.support.two_ends import Bits, clean_ends
from tests.support.whole_messages import WholeMessages, kinds, only, reasons

NOTHING = np.empty(0, dtype=np.int64)


def no_key(ends: WholeMessages) -> bool:
    """Whether the link closed properly without any key, and blamed nobody."""
    return ends.is_closed_alike and not ends.usable_bits(Role.ANNOUNCER) and not ends.alarms()


def test_darkness_gives_no_lock_and_no_key() -> None:
    """No clicks at all: each round ends with NO_LOCK, nothing is sifted, the link closes."""
    ends = WholeMessages((NOTHING, NOTHING)).run()
    assert no_key(ends)
    assert reasons(ends, Role.RESPONDER) == {AbortReason.NO_LOCK: 3}
    assert reasons(ends, Role.ANNOUNCER) == {AbortReason.PEER_ABORTED: 3}
    assert kinds(ends.events, Role.RESPONDER)[LinkLocked] == 0


@pytest.mark.parametrize("dark", list(Role))
def test_one_dark_end(dark: Role) -> None:
    """Clicks at one end only: the same, and no false lock."""
    tags = (NOTHING, light()[1]) if dark is Role.ANNOUNCER else (light()[0], NOTHING)
    ends = WholeMessages(tags).run()
    assert no_key(ends)
    assert kinds(ends.events, Role.RESPONDER)[LinkLocked] == 0


def test_light_without_correlation_is_refused_honestly() -> None:
    """Two streams of clicks that have nothing in common: searches that fail, no lock, no key."""
    ends = WholeMessages((light(1)[0], light(2)[1])).run()
    assert no_key(ends)
    assert reasons(ends, Role.RESPONDER) == {AbortReason.NO_LOCK: 3}
    failures = [event for _, event in ends.events if isinstance(event, SyncFailed)]
    assert failures
    assert all(failure.searched_bins > 1000 for failure in failures)
    assert kinds(ends.events, Role.RESPONDER)[LinkLocked] == 0


@pytest.mark.parametrize("frames", [5, 30, 60, 90, 190])
def test_a_search_ends_before_the_announcer_gives_up(frames: int) -> None:
    """Nothing matches, in announcements of 0.5 to 19 s, and the announcer waits for 20 s.

    It hears of each in time, learns that the round has sifted nothing, and begins no third one.
    """
    config = link_config(frames_per_announcement=frames, frames_per_round=300)
    ends = WholeMessages((NOTHING, NOTHING), duration_s=110, config=config).run()
    assert no_key(ends)
    assert set(reasons(ends, Role.RESPONDER)) == {AbortReason.NO_LOCK}
    assert set(reasons(ends, Role.ANNOUNCER)) == {AbortReason.PEER_ABORTED}
    assert len(ends.aborted(Role.ANNOUNCER)) <= 2


def test_long_announcements_are_looked_at_before_they_are_given_up() -> None:
    """Of 15 s, where the announcer waits for 20 s: each is dropped behind its search at most.

    What waits for a lock would be less than nothing there.
    """
    config = link_config(frames_per_announcement=150, frames_per_round=150)
    tags = draw_tags(1, 32.0, (LaneLight(pairs_hz=160.0),))
    ends = WholeMessages(tags, duration_s=32, config=config).run()
    assert kinds(ends.events, Role.RESPONDER)[LinkLocked] == 1
    assert AbortReason.NO_LOCK not in reasons(ends, Role.RESPONDER)
    assert ends.is_closed_alike


def test_too_little_light_for_a_block() -> None:
    """Locked, with some forty sifted bits a round: TOO_FEW_BITS, and no key."""
    ends = WholeMessages(draw_tags(1, 3.2, (LaneLight(pairs_hz=160.0),))).run()
    assert no_key(ends)
    assert kinds(ends.events, Role.RESPONDER)[LinkLocked] == 1
    assert reasons(ends, Role.RESPONDER) == {AbortReason.TOO_FEW_BITS: 3}


def test_error_rate_above_the_threshold_aborts() -> None:
    """QBER 5 % against a threshold of 3 %: each round ends with that reason at both ends."""
    ends = WholeMessages(light(error=0.05), config=link_config(qber_threshold=0.03)).run()
    assert no_key(ends)
    for role in Role:
        assert reasons(ends, role) == {AbortReason.QBER_TOO_HIGH: 3}
        assert all(e.books.parity_bits > 0 for e in ends.aborted(role).values())


def test_error_rate_without_key_aborts() -> None:
    """QBER 14 % leaves no key: NO_KEY at both ends, though nothing is above the threshold."""
    ends = WholeMessages(light(error=0.14)).run()
    assert no_key(ends)
    for role in Role:
        assert reasons(ends, role) == {AbortReason.NO_KEY: 3}


def test_short_light_ends_the_round_early() -> None:
    """Light that ends within a round closes it there; what it holds is distilled."""
    ends = WholeMessages(light(), duration_s=3, config=link_config(frames_per_round=20)).run()
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1]
    sifted = [e.sifted_bits for at, e in ends.events if isinstance(e, RoundSifted) and at == 0]
    assert 0.4 < sifted[1] / sifted[0] < 0.6


def test_one_second_of_light_is_enough() -> None:
    """The last announcements may still be on their way when the light ends: they are waited for."""
    ends = WholeMessages(light(), duration_s=1).run()
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0]


def test_clock_that_jumps_is_found_again() -> None:
    """The responder's clock jumps by 3 us: the lock is lost, found anew, and key flows again.

    What is sifted in between is next to nothing, and no round in between makes key.
    """
    announcer, responder = draw_tags(4, 18.2, rate_ppm=0.0)
    jump_ticks = 4 * 10**11
    later = responder + np.where(responder >> 2 >= jump_ticks, 300_000 << 2, 0)
    ends = WholeMessages((announcer, later), duration_s=18).run()
    assert ends.is_closed_alike
    assert block_faults(ends.events) == []
    names = [type(event) for _, event in ends.events if isinstance(event, LinkLocked | LockLost)]
    assert names == [LinkLocked, LockLost, LinkLocked]
    offsets = [event.offset_ps for _, event in ends.events if isinstance(event, LinkLocked)]
    assert offsets[1] - offsets[0] == pytest.approx(3e6, abs=2000)
    usable = set(ends.usable_bits(Role.ANNOUNCER))
    assert {0, 1, 2, 3} <= usable
    assert not {5, 6} & usable
    assert len(usable) >= 8, "rounds begin again after the second lock"


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("error", [0.35, 0.5])
def test_hopeless_round_ends_as_soon_as_that_is_certain(seed: int, error: float) -> None:
    """Errors of 35 or 50 %: both ends stop at the first reply that leaves no bit for a key.

    At 35 % the schedule asks 1.17 n parities where it is not stopped. At 25 % these are 0.94 n, as
    many as the limit (n - 64 of 1060 bits): which comes first is a toss.

    Same reason and same books at both ends, each of which tells the other; the reply before left
    some. Nobody has touched the wire, and nobody says so.
    """
    ends = WholeMessages(light(seed, error=error)).run()
    assert no_key(ends)
    for role in Role:
        assert reasons(ends, role) == {AbortReason.LEAK_TOO_HIGH: 3}
    assert not book_faults(ends)
    for number, event in ends.aborted(Role.ANNOUNCER).items():
        books = event.books
        assert books == ends.aborted(Role.RESPONDER)[number].books
        assert books.parity_bits == asked_bits(ends, number) >= books.sifted_bits - 64
        assert books.parity_bits < 1.3 * books.sifted_bits
    assert not ends.messages(VerificationHash)
    aborts = [(told.sender, told.round) for told in ends.messages(Abort)]
    assert sorted(aborts) == [(role, number) for role in Role for number in range(3)]


def test_round_dropped_in_its_light_books_what_it_has_sifted() -> None:
    """Junk in the place of the last matches of round 1: both ends book the first half of its bits.

    The rate counts every sifted bit: what half a second has given is failed, not forgotten.
    """

    def junk(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        assert isinstance(envelope.body, Matches)
        return b"\xc0" if envelope.body.last else data

    ends = WholeMessages(light(), tamper=only(Matches, 1, junk)).run()
    assert ends.is_closed_alike
    books = [ends.aborted(role)[1].books for role in Role]
    first = [event.books.sifted_bits for _, event in ends.events if isinstance(event, BlockUsable)]
    assert books[0].sifted_bits == books[1].sifted_bits
    assert abs(books[0].sifted_bits - first[0] / 2) < 5 * first[0] ** 0.5
    assert not Booked(ends).faults()


def test_failed_verification_of_undamaged_messages_is_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Errors that the correction has left end a round honestly: some schedules leave them at times.

    The hash of the responder's bits is made to differ in round 1.
    """
    hashed = itertools.count()

    def differing(bits: Bits, *, seed_bits: Bits, hash_bits: int) -> bytes:
        other = np.uint8(next(hashed) == 1)
        return toeplitz_hash(bits ^ other, seed_bits=seed_bits, hash_bits=hash_bits)

    monkeypatch.setattr("protocols.bbm92.responder_round.toeplitz_hash", differing)
    ends = WholeMessages(light()).run()
    assert ends.is_closed_alike
    for role in Role:
        assert reasons(ends, role) == {AbortReason.VERIFICATION_FAILED: 1}
    assert sorted(told.sender for told in ends.messages(Abort)) == list(Role)
    assert not ends.alarms()


def test_an_own_correction_that_asks_too_often_is_no_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Errors far beyond the estimate end a round before the peer refuses: without any alarm."""
    for module in (announcer_round, responder_round):
        monkeypatch.setattr(module, "MAX_QUERIES", 3)
    ends = clean_ends(1, duration_s=3.0)
    ends.run()
    assert not ends.alarms()
    reasons = {ended.reason for ended in ends.aborted(Role.RESPONDER).values()}
    assert reasons == {AbortReason.LEAK_TOO_HIGH}
    assert {ended.reason for ended in ends.aborted(Role.ANNOUNCER).values()} == {
        AbortReason.PEER_ABORTED
    }
