"""Whole rounds between two endpoints: keys, books, wire, and all the ways a round may end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from protocols.bits import packed_size_bytes, unpack_bits
from protocols.datagrams import HEADER_BYTES
from protocols.events import (
    Alarm,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    ClosingVoted,
    Event,
    LinkClosed,
    LinkLocked,
    LockLost,
    PadsSpent,
    ReserveEmpty,
    RoundAborted,
    RoundSifted,
    RoundStarted,
    SyncFailed,
)
from protocols.keyrate import binary_entropy
from protocols.messages import (
    Abort,
    AbortReason,
    Amplify,
    Announce,
    Close,
    Decision,
    Envelope,
    Keep,
    Matches,
    ParityQuery,
    ParityReply,
    Reconciled,
    ReconciliationSetup,
    Role,
    VerificationHash,
    VerificationResult,
    Vote,
    encode,
)
from protocols.pads import BITS_PER_ROUND
from protocols.reconciliation.cascade import SCHEDULES
from protocols.reconciliation.cascade_layout import BLOCKS, layout_passes, read_nodes
from tests.inspector import Booked, book_faults
from tests.protocol_pump import (
    LaneLight,
    Pump,
    Tags,
    Tamper,
    draw_tags,
    is_closed_alike,
    unequal_bits,
)
from tests.two_ends import link_config

TWO_LANES = (LaneLight(), LaneLight(delay_ps=5_040_000, pairs_hz=4000.0, error=0.05))
TWO_LANES_CONFIG = link_config(lane_delays_ps=(5_000_000, 5_040_000))
NOTHING = np.empty(0, dtype=np.int64)
ENDS = (BlockUsable, RoundAborted)


@cache
def light(seed: int = 1, *, error: float = 0.02) -> tuple[Tags, Tags]:
    """Three seconds of one lane."""
    return draw_tags(seed, 3.2, (LaneLight(error=error),))


@cache
def honest() -> Pump:
    """Three rounds that nothing disturbs."""
    return Pump(light()).run()


@cache
def two_lanes() -> Pump:
    """The same with two lanes 40 ns apart."""
    return Pump(draw_tags(5, 3.2, TWO_LANES), config=TWO_LANES_CONFIG).run()


def reasons(pump: Pump, role: Role) -> Counter[AbortReason]:
    return Counter(event.reason for event in pump.aborted(role).values())


def kinds(events: Iterable[tuple[Role, Event]], role: Role) -> Counter[type]:
    return Counter(type(event) for at, event in events if at is role)


# Keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pump", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_every_round_makes_equal_key(pump: object) -> None:
    """Each of three rounds ends usable at both ends, with the same bits; the link closes."""
    found: Pump = pump()  # type: ignore[operator]
    assert is_closed_alike(found)
    assert unequal_bits(found) == []
    assert list(found.usable(Role.ANNOUNCER)) == [0, 1, 2]
    assert all(bits.size > 300 for bits in found.usable(Role.ANNOUNCER).values())
    assert not any(isinstance(event, Alarm | RoundAborted) for _, event in found.events)


def test_blocks_are_different_and_balanced() -> None:
    """No two blocks share their beginning, and ones are as frequent as zeros (z = 5)."""
    blocks = [
        bits for k in range(3) for bits in Pump(light(k)).run().usable(Role.ANNOUNCER).values()
    ]
    assert len({bits[:64].tobytes() for bits in blocks}) == len(blocks)
    bits = np.concatenate(blocks)
    assert abs(int(bits.sum()) - bits.size / 2) < 5 * bits.size**0.5 / 2


def test_same_light_and_seeds_give_the_same_key() -> None:
    """An endpoint is deterministic: all its randomness is handed in."""
    again = Pump(light()).run()
    assert [envelope for _, envelope in again.sent] == [envelope for _, envelope in honest().sent]
    assert all(
        np.array_equal(bits, honest().usable(Role.RESPONDER)[number])
        for number, bits in again.usable(Role.RESPONDER).items()
    )


def test_order_of_events() -> None:
    """Each end reports a round started, sifted, in doubt, usable, in this order, once each."""
    for role, doubt in ((Role.ANNOUNCER, BlockHeld), (Role.RESPONDER, BlockPrepared)):
        for number in range(3):
            steps = [
                type(event)
                for at, event in honest().events
                if at is role
                and isinstance(event, RoundStarted | RoundSifted | doubt | BlockUsable)
                and event.round == number
            ]
            assert steps == [RoundStarted, RoundSifted, doubt, BlockUsable]


def test_responder_settles_first() -> None:
    """The announcer's block becomes usable only when the next vote acknowledges it."""
    order = [
        (role, event.round) for role, event in honest().events if isinstance(event, BlockUsable)
    ]
    for number in range(3):
        assert order.index((Role.RESPONDER, number)) < order.index((Role.ANNOUNCER, number))
    votes = [k for k, (_, e) in enumerate(honest().sent) if isinstance(e.body, Vote)]
    assert len(votes) == 4  # three rounds and the closing exchange


# Books --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pump", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_books_are_equal_at_both_ends(pump: object) -> None:
    """What both ends can know of a round they book alike: counts, leak, errors, key length."""
    found: Pump = pump()  # type: ignore[operator]
    books = [
        {e.round: e.books for at, e in found.events if at is role and isinstance(e, BlockUsable)}
        for role in Role
    ]
    for number in range(3):
        one, other = (found[number] for found in books)
        assert one == replace(other, forgery_probability=one.forgery_probability)
        assert one.forgery_probability > 0
        assert other.forgery_probability > 0


def _trips(pump: Pump, number: int) -> int:
    """Answers on the wire that the responder's round waits for."""
    waited = ParityReply, VerificationHash, Amplify, Decision
    answers = sum(e.round == number for kind in waited for e in pump.messages(kind))
    keeps = [e for e in pump.messages(Keep) if e.round == number]
    return answers + (len(keeps) == pump.config.frames_per_round // 5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"estimation": "sample", "sample_share": 0.1}, {"abort_qber": 0.003}],
    ids=["reconciled", "sample", "no key"],
)
def test_round_trips_are_counted_alike(changes: dict[str, object]) -> None:
    """A round trip is an answer of the announcer that the responder's round waits for.

    Last keep mask, parities, hash, seed, decision: both ends count the same, round by round, with
    key or without, and it is what a reader of the wire counts.
    """
    pump = Pump(light(), config=link_config(**changes)).run()
    ended = [
        {e.round: e.books for at, e in pump.events if at is role and isinstance(e, ENDS)}
        for role in Role
    ]
    assert ended[0].keys() == ended[1].keys() == {0, 1, 2}
    for number, books in ended[0].items():
        assert books.round_trips == ended[1][number].round_trips == _trips(pump, number) > 3


def _asked(pump: Pump, number: int) -> int:
    """Parity bits that the queries of a round ask for, counted from the wire alone."""
    (setup,) = [e for e in pump.messages(ReconciliationSetup) if e.round == number]
    queries = [e.body for e in pump.messages(ParityQuery) if e.round == number]
    replies = [e.body for e in pump.messages(ParityReply) if e.round == number]
    assert isinstance(setup.body, ReconciliationSetup)
    asked = 0
    sizes = _lane_sizes(pump, number)
    for lane, rate in enumerate(setup.body.error_rates_ppm):
        layouts = layout_passes(
            size_bits=sizes[lane],
            schedule=SCHEDULES[pump.config.reconciliation],
            error_rate=rate / 1e6,
            seed=int.from_bytes(setup.body.seed, "big"),
        )
        for query, reply in zip(queries, replies, strict=True):
            assert isinstance(query, ParityQuery)
            assert isinstance(reply, ParityReply)
            coded = query.queries[lane]
            if not coded:
                assert reply.replies[lane] == b""
                continue
            is_blocks = coded[1] == BLOCKS
            bits = layouts[coded[0]].asked_blocks if is_blocks else len(read_nodes(coded))
            assert len(reply.replies[lane]) == packed_size_bytes(bits)
            asked += bits
    return asked


def _lane_sizes(pump: Pump, number: int) -> list[int]:
    """Sifted bits of each lane, from matches and keep masks on the wire."""
    sizes = [0] * pump.config.lanes
    masks = {
        envelope.body.announcement: envelope.body
        for envelope in pump.messages(Keep)
        if envelope.round == number and isinstance(envelope.body, Keep)
    }
    for envelope in pump.messages(Matches):
        if envelope.round != number or not isinstance(envelope.body, Matches):
            continue
        mask = unpack_bits(masks[envelope.body.announcement].mask, envelope.body.count)
        for lane, kept in zip(envelope.body.lanes, mask, strict=True):
            sizes[lane] += int(kept)
    return sizes


@pytest.mark.parametrize("pump", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_booked_leak_is_what_crossed_the_wire(pump: object) -> None:
    """Parity bits asked and answered, counted by decoding all messages, are those in the books."""
    found: Pump = pump()  # type: ignore[operator]
    for at, event in found.events:
        if isinstance(event, BlockUsable):
            assert event.books.parity_bits == _asked(found, event.round) > 0, at
            assert event.books.sifted_bits == sum(_lane_sizes(found, event.round))


def test_verification_bits_are_what_crossed_the_wire() -> None:
    """One hash of 64 bits a round is sent, and 64 bits a round are booked."""
    hashes = honest().messages(VerificationHash)
    assert [e.round for e in hashes] == [0, 1, 2]
    for envelope in hashes:
        assert isinstance(envelope.body, VerificationHash)
        assert 8 * len(envelope.body.digest) == 64
    for _, event in honest().events:
        if isinstance(event, BlockUsable):
            assert event.books.verification_bits == 64


def test_key_length_is_that_of_the_formula() -> None:
    """Length: floor(sum n_b [1 - h(Q of the other basis)] - charge - 64), from the errors."""
    for pump in (honest(), two_lanes()):
        for _, event in pump.events:
            if not isinstance(event, BlockUsable):
                continue
            secret = sum(
                lane.z_bits * (1 - binary_entropy(lane.x_errors / lane.x_bits))
                + lane.x_bits * (1 - binary_entropy(lane.z_errors / lane.z_bits))
                for lane in event.books.lanes
            )
            made = event.key_bits + 8 * len(event.reserve)
            assert made == int(secret - event.books.parity_bits - 64) == event.books.key_bits


def test_paper_profile_charges_the_budget() -> None:
    """With the paper's profile a round is charged 1.2 n h(Q) where fewer bits were disclosed."""
    config = link_config(error_correction_charge="paper")
    pump = Pump(light(), config=config).run()
    assert is_closed_alike(pump)
    for _, event in pump.events:
        if isinstance(event, BlockUsable):
            budget = 1.2 * event.books.shannon_bits
            assert event.books.charge_bits == max(event.books.parity_bits, int(-(-budget // 1)))


def test_errors_and_rates_are_those_of_the_light() -> None:
    """Sifted bits and errors agree with what was drawn (z = 5): half the pairs, half the bases."""
    sifted = sum(e.sifted_bits for at, e in honest().events if isinstance(e, RoundSifted)) / 2
    # In the centre 1/2, same basis 1/2, within +-1 ns 1 - exp(-kappa 1 ns).
    mean = 3 * 6000 * 0.25 * (1 - np.exp(-2 * np.pi * 0.2))
    accidentals = 3 * 6200**2 * 2e-9
    assert abs(sifted - mean) < 5 * mean**0.5 + accidentals
    errors = sum(e.books.errors for _, e in honest().events if isinstance(e, BlockUsable)) / 2
    assert abs(errors - 0.02 * sifted) < 5 * (0.02 * sifted) ** 0.5 + accidentals


# Pads ---------------------------------------------------------------------------------------------


def test_authentication_is_booked_and_refilled() -> None:
    """Each settled round burns two pads and takes as many from its block: the level stays."""
    for role in Role:
        spent = sum(e.bits for at, e in honest().events if at is role and isinstance(e, PadsSpent))
        refilled = sum(
            8 * len(e.reserve)
            for at, e in honest().events
            if at is role and isinstance(e, BlockUsable)
        )
        assert spent == 4 * BITS_PER_ROUND  # three rounds and the closing exchange
        assert refilled == 6 * BITS_PER_ROUND - BITS_PER_ROUND * 3
        initial = BITS_PER_ROUND * honest().config.initial_pads
        assert honest().ends[role].reserve_bits == initial + refilled - spent


def test_no_pad_signs_two_messages() -> None:
    """Per round and end there is one signed message, however often it was sent."""
    for sender in Role:
        tags: dict[int, set[bytes]] = {}
        for role, envelope in honest().sent:
            if role is sender and isinstance(envelope.body, Vote | Decision):
                tags.setdefault(envelope.round, set()).add(envelope.body.tag)
        assert sorted(tags) == [0, 1, 2, 3]
        assert all(len(found) == 1 for found in tags.values())


def test_empty_reserve_stops_the_link() -> None:
    """Rounds without key use up three pads and none come back: the link stops, and says so once.

    The last pad closes it: both ends agree that nothing is left, and no pad has signed twice.
    """
    tags = draw_tags(3, 8.2, (LaneLight(error=0.3),))
    pump = Pump(tags, seconds=8, config=link_config(initial_pads=4)).run()
    stops = [event.round for at, event in pump.events if isinstance(event, ReserveEmpty)]
    assert stops == [3]
    assert pump.ends[0].is_stopped
    assert is_closed_alike(pump)
    started = {event.round for at, event in pump.events if isinstance(event, RoundStarted)}
    assert started == {0, 1, 2}
    assert [event.round for _, event in pump.events if isinstance(event, ClosingVoted)] == [3]
    assert [e.body for e in pump.messages(Close)] == [Close()]


def test_blocks_before_the_reserve_ran_empty_are_settled() -> None:
    """Two rounds of key, then darkness for the errors: the blocks are usable at both ends."""
    good, bad = draw_tags(3, 2.0), draw_tags(4, 9.2, (LaneLight(error=0.3),))
    late_ticks = 2 * 10**11
    one, other = (
        np.concatenate((first, second[second >> 2 >= late_ticks]))
        for first, second in zip(good, bad, strict=True)
    )
    config = link_config(initial_pads=4)
    pump = Pump((np.sort(one), np.sort(other)), seconds=9, config=config).run()
    assert any(isinstance(event, ReserveEmpty) for _, event in pump.events)
    assert is_closed_alike(pump)
    assert {0, 1} <= set(pump.usable(Role.ANNOUNCER))


# Ends of a round ----------------------------------------------------------------------------------


def no_key(pump: Pump) -> bool:
    """Whether the link closed properly without any key."""
    return is_closed_alike(pump) and not pump.usable(Role.ANNOUNCER)


def test_darkness_gives_no_lock_and_no_key() -> None:
    """No clicks at all: each round ends with NO_LOCK, nothing is sifted, the link closes."""
    pump = Pump((NOTHING, NOTHING)).run()
    assert no_key(pump)
    assert reasons(pump, Role.RESPONDER) == {AbortReason.NO_LOCK: 3}
    assert reasons(pump, Role.ANNOUNCER) == {AbortReason.PEER_ABORTED: 3}
    assert kinds(pump.events, Role.RESPONDER)[LinkLocked] == 0


@pytest.mark.parametrize("dark", list(Role))
def test_one_dark_end(dark: Role) -> None:
    """Clicks at one end only: the same, and no false lock."""
    tags = (NOTHING, light()[1]) if dark is Role.ANNOUNCER else (light()[0], NOTHING)
    pump = Pump(tags).run()
    assert no_key(pump)
    assert kinds(pump.events, Role.RESPONDER)[LinkLocked] == 0


def test_light_without_correlation_is_refused_honestly() -> None:
    """Two streams of clicks that have nothing in common: searches that fail, no lock, no key."""
    pump = Pump((light(1)[0], light(2)[1])).run()
    assert no_key(pump)
    assert reasons(pump, Role.RESPONDER) == {AbortReason.NO_LOCK: 3}
    failures = [event for _, event in pump.events if isinstance(event, SyncFailed)]
    assert failures
    assert all(failure.searched_bins > 1000 for failure in failures)
    assert kinds(pump.events, Role.RESPONDER)[LinkLocked] == 0


def test_too_little_light_for_a_block() -> None:
    """Locked, with some forty sifted bits a round: TOO_FEW_BITS, and no key."""
    pump = Pump(draw_tags(1, 3.2, (LaneLight(pairs_hz=160.0),))).run()
    assert no_key(pump)
    assert kinds(pump.events, Role.RESPONDER)[LinkLocked] == 1
    assert reasons(pump, Role.RESPONDER) == {AbortReason.TOO_FEW_BITS: 3}


def test_error_rate_above_the_threshold_aborts() -> None:
    """QBER 5 % against a threshold of 3 %: each round ends with that reason at both ends."""
    pump = Pump(light(error=0.05), config=link_config(abort_qber=0.03)).run()
    assert no_key(pump)
    for role in Role:
        assert reasons(pump, role) == {AbortReason.QBER_TOO_HIGH: 3}
        assert all(e.books.parity_bits > 0 for e in pump.aborted(role).values())


def test_error_rate_without_key_aborts() -> None:
    """QBER 14 % leaves no key: NO_KEY at both ends, though nothing is above the threshold."""
    pump = Pump(light(error=0.14)).run()
    assert no_key(pump)
    for role in Role:
        assert reasons(pump, role) == {AbortReason.NO_KEY: 3}


def test_short_light_ends_the_round_early() -> None:
    """Light that ends within a round closes it there; what it holds is distilled."""
    pump = Pump(light(), seconds=3, config=link_config(frames_per_round=20)).run()
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 1]
    sifted = [e.sifted_bits for at, e in pump.events if isinstance(e, RoundSifted) and at == 0]
    assert 0.4 < sifted[1] / sifted[0] < 0.6


def test_one_second_of_light_is_enough() -> None:
    """The last announcements may still be on their way when the light ends: they are waited for."""
    pump = Pump(light(), seconds=1).run()
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0]


def test_clock_that_jumps_is_found_again() -> None:
    """The responder's clock jumps by 3 us: the lock is lost, found anew, and key flows again.

    What is sifted in between is next to nothing, and no round in between makes key.
    """
    announcer, responder = draw_tags(4, 18.2, rate_ppm=0.0)
    jump_ticks = 4 * 10**11
    later = responder + np.where(responder >> 2 >= jump_ticks, 300_000 << 2, 0)
    pump = Pump((announcer, later), seconds=18).run()
    assert is_closed_alike(pump)
    assert unequal_bits(pump) == []
    names = [type(event) for _, event in pump.events if isinstance(event, LinkLocked | LockLost)]
    assert names == [LinkLocked, LockLost, LinkLocked]
    offsets = [event.offset_ps for _, event in pump.events if isinstance(event, LinkLocked)]
    assert offsets[1] - offsets[0] == pytest.approx(3e6, abs=2000)
    usable = set(pump.usable(Role.ANNOUNCER))
    assert {0, 1, 2, 3} <= usable
    assert not {5, 6} & usable
    assert len(usable) >= 8, "rounds begin again after the second lock"


@pytest.mark.parametrize("error", [0.25, 0.5])
def test_hopeless_round_ends_as_soon_as_that_is_certain(error: float) -> None:
    """Errors of 25 or 50 %: both ends stop at the first reply that leaves no bit for a key.

    Same reason and same books at both ends, each of which tells the other; the reply before left
    some.
    """
    pump = Pump(light(error=error)).run()
    assert no_key(pump)
    for role in Role:
        assert reasons(pump, role) == {AbortReason.LEAK_TOO_HIGH: 3}
    assert not book_faults(pump)
    for number, event in pump.aborted(Role.ANNOUNCER).items():
        books = event.books
        assert books == pump.aborted(Role.RESPONDER)[number].books
        assert books.parity_bits == _asked(pump, number) >= books.sifted_bits - 64
        assert books.parity_bits < 1.3 * books.sifted_bits
    assert not pump.messages(VerificationHash)
    aborts = [(told.sender, told.round) for told in pump.messages(Abort)]
    assert sorted(aborts) == [(role, number) for role in Role for number in range(3)]


def test_round_dropped_in_its_light_books_what_it_has_sifted() -> None:
    """Junk in the place of the last matches of round 1: both ends book the first half of its bits.

    The rate counts every sifted bit: what half a second has given is failed, not forgotten.
    """

    def junk(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        assert isinstance(envelope.body, Matches)
        return b"\xc0" if envelope.body.last else data

    pump = Pump(light(), tamper=only(Matches, 1, junk)).run()
    assert is_closed_alike(pump)
    books = [pump.aborted(role)[1].books for role in Role]
    first = [event.books.sifted_bits for _, event in pump.events if isinstance(event, BlockUsable)]
    assert books[0].sifted_bits == books[1].sifted_bits
    assert abs(books[0].sifted_bits - first[0] / 2) < 5 * first[0] ** 0.5
    assert not Booked(pump).faults()


# Tampering ----------------------------------------------------------------------------------------


def only(kind: type, number: int, change: Tamper) -> Tamper:
    """Apply ``change`` to messages of ``kind`` in round ``number``."""

    def tamper(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if isinstance(envelope.body, kind) and envelope.round == number:
            return change(sender, envelope, data)
        return data

    return tamper


def flip_parities(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
    """Turn the first parity of an answer round."""
    assert isinstance(envelope.body, ParityReply)
    replies = tuple(bytes([r[0] ^ 128]) + r[1:] if r else r for r in envelope.body.replies)
    return encode(replace(envelope, body=ParityReply(replies)))


def test_wrong_parities_fail_verification() -> None:
    """A wrong parity gives wrong bits; the hash finds them at both ends; other rounds are well."""
    flipped: list[bytes] = []

    def flip_first(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if flipped and data not in flipped:
            return data
        flipped.append(data)  # and its repeats
        return flip_parities(sender, envelope, data)

    pump = Pump(light(), tamper=only(ParityReply, 1, flip_first)).run()
    assert unequal_bits(pump) == []
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 2]
    for role in Role:
        assert reasons(pump, role) == {AbortReason.VERIFICATION_FAILED: 1}
        books = pump.aborted(role)[1].books
        assert books.sifted_bits > 0
        assert books.parity_bits > 0
        assert books.verification_bits == 64


def test_right_parities_under_a_wrong_seed_leak_until_the_round_is_given_up() -> None:
    """With a changed shuffle seed every later pass is half wrong: no key is left of the round."""

    def reseed(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, ReconciliationSetup)
        return encode(replace(envelope, body=replace(envelope.body, seed=bytes(8))))

    pump = Pump(light(), tamper=only(ReconciliationSetup, 0, reseed)).run()
    assert unequal_bits(pump) == []
    assert list(pump.usable(Role.RESPONDER)) == [1, 2]
    assert reasons(pump, Role.RESPONDER) == {AbortReason.LEAK_TOO_HIGH: 1}


def test_changed_hash_seed_changes_no_bits() -> None:
    """Another amplification seed makes other keys at the two ends: the vote does not pass."""

    def reseed(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, Amplify)
        seed = bytes([envelope.body.seed[0] ^ 1]) + envelope.body.seed[1:]
        return encode(replace(envelope, body=replace(envelope.body, seed=seed)))

    pump = Pump(light(), tamper=only(Amplify, 1, reseed)).run()
    assert unequal_bits(pump) == []
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 2]
    assert reasons(pump, Role.ANNOUNCER) == {AbortReason.AUTHENTICATION_FAILED: 1}


@pytest.mark.parametrize("count", [10_000, 2**62])
def test_more_errors_than_bits_are_refused(count: int) -> None:
    """Impossible error counts cost their round and raise an alarm; nothing breaks."""

    def exaggerate(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, VerificationResult)
        errors = (envelope.body.errors[0], count)
        return encode(replace(envelope, body=replace(envelope.body, errors=errors)))

    pump = Pump(light(), tamper=only(VerificationResult, 1, exaggerate)).run()
    assert is_closed_alike(pump)
    assert 1 not in pump.usable(Role.ANNOUNCER)
    found = [e.what for at, e in pump.events if at is Role.ANNOUNCER and isinstance(e, Alarm)]
    assert any("impossible counts" in what for what in found)


def test_message_moved_to_a_round_to_come_is_noticed() -> None:
    """A keep mask under the number of a round that has not begun: an alarm, not a long wait."""

    def postpone(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        return encode(replace(envelope, round=9))

    pump = Pump(light(), tamper=only(Keep, 1, postpone)).run(until_s=10)
    assert is_closed_alike(pump)
    found = [e.what for at, e in pump.events if at is Role.RESPONDER and isinstance(e, Alarm)]
    assert any("unknown" in what for what in found)


def test_flattered_error_counts_change_no_key_length() -> None:
    """An attacker who reports zero errors to the announcer gets no longer key out of it."""

    def flatter(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, VerificationResult)
        body = replace(envelope.body, errors=(0,) * len(envelope.body.errors))
        return encode(replace(envelope, body=body))

    pump = Pump(light(), tamper=only(VerificationResult, 1, flatter)).run()
    assert unequal_bits(pump) == []
    assert list(pump.usable(Role.ANNOUNCER)) == list(pump.usable(Role.RESPONDER))
    assert 1 not in pump.usable(Role.ANNOUNCER)


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
           VerificationHash, VerificationResult, Amplify, Vote, Decision, Close)  # fmt: skip


@pytest.mark.parametrize("kind", FLIPPED, ids=lambda kind: kind.__name__)
def test_one_flipped_bit_never_gives_unequal_bits(kind: type) -> None:
    """A flipped bit at random places of each type of message: equal keys, closed ends (sampled)."""
    rng = np.random.default_rng(FLIPPED.index(kind))
    for _ in range(6):
        number = 3 if kind is Close else int(rng.integers(0, 3))
        flip = FlipOnce(float(rng.random()), 1 << int(rng.integers(0, 8)))
        pump = Pump(light(), tamper=only(kind, number, flip)).run()
        assert flip.is_done
        assert unequal_bits(pump) == []
        assert is_closed_alike(pump)


@pytest.mark.parametrize("ahead_ticks", [2**35, 2**50, 2**59])
def test_watermark_far_ahead_costs_one_round(ahead_ticks: int) -> None:
    """An announcement that claims to reach far into the future does not hold up those behind it."""

    def postpone(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        assert isinstance(envelope.body, Announce)
        stop_ticks = envelope.body.stop_ticks + ahead_ticks
        return encode(replace(envelope, body=replace(envelope.body, stop_ticks=stop_ticks)))

    pump = Pump(light(), tamper=only(Announce, 0, postpone)).run()
    assert is_closed_alike(pump)
    assert set(pump.usable(Role.ANNOUNCER)) >= {1, 2}
    sifted_ps = {
        event.round: time_ps
        for (at, event), time_ps in zip(pump.events, pump.event_times_ps, strict=True)
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
        return encode(replace(envelope, round=number))

    pump = Pump(light(), tamper=only(Close, 3, renumber)).run()
    assert changed
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 1, 2]


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
    pump = Pump(light(), tamper=tamper).run()
    assert len(seen) > 12
    assert len(set(seen)) == 1
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 1, 2]


def test_vote_is_repeated_until_a_decision_comes() -> None:
    """A decision that is swallowed for good keeps the block in doubt; the vote goes on, unchanged.

    The announcer answers each vote with the same decision; nobody drops anything.
    """

    def swallow(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        # What the transport carries in place of the decision is noise to the session.
        return b"\xc0" if isinstance(envelope.body, Decision) else data

    pump = Pump(light(), tamper=swallow).run(until_s=60)
    assert not pump.usable(Role.RESPONDER)
    votes = {encode(e) for e in pump.messages(Vote) if e.round == 0}
    assert len(votes) == 1
    assert len([e for e in pump.messages(Vote) if e.round == 0]) > 20
    decisions = [encode(e) for e in pump.messages(Decision) if e.round == 0]
    assert len(set(decisions)) == 1
    assert len(decisions) > 20
    assert sorted(pump.in_doubt(Role.RESPONDER)) == [0]
    assert 0 in pump.in_doubt(Role.ANNOUNCER)
    assert 0 not in pump.usable(Role.ANNOUNCER)


def test_decision_that_comes_late_settles_alike() -> None:
    """The decision is kept back for 20 s of votes; what comes then settles the block at both."""
    clock: list[Pump] = []

    def hold(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        is_held = isinstance(envelope.body, Decision) and clock[0].now_ps < 20 * 10**12
        return b"\xc0" if is_held else data

    pump = Pump(light(), tamper=hold)
    clock.append(pump)
    pump.run()
    assert is_closed_alike(pump)
    assert unequal_bits(pump) == []
    assert 0 in pump.usable(Role.RESPONDER)


@pytest.mark.parametrize("commit", [True, False])
def test_forged_decisions_are_not_believed(commit: bool) -> None:
    """A decision with a wrong tag, either way, leaves the block in doubt and raises an alarm."""

    def forge(_sender: Role, envelope: Envelope, _data: bytes) -> bytes:
        return encode(replace(envelope, body=Decision(commit=commit, tag=bytes(16))))

    pump = Pump(light(), tamper=only(Decision, 0, forge)).run(until_s=30)
    assert 0 not in pump.usable(Role.RESPONDER)
    assert 0 in pump.in_doubt(Role.RESPONDER)
    assert 0 not in pump.aborted(Role.RESPONDER)
    bad = [e for at, e in pump.events if at is Role.RESPONDER and isinstance(e, Alarm)]
    assert bad
    assert unequal_bits(pump) == []


def test_reflected_tags_do_not_pass() -> None:
    """A decision with the tag of the vote (direction, purpose) is refused."""
    tags: dict[int, bytes] = {}

    def reflect(sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if isinstance(envelope.body, Vote):
            tags[envelope.round] = envelope.body.tag
        if isinstance(envelope.body, Decision) and envelope.round == 0:
            return encode(replace(envelope, body=Decision(commit=True, tag=tags[0])))
        return data

    pump = Pump(light(), tamper=reflect).run(until_s=30)
    assert 0 not in pump.usable(Role.RESPONDER)


def test_ends_with_different_settings_never_agree() -> None:
    """The transcripts begin with a hash of the settings: ends that differ there make no key."""
    pump = Pump(light())
    pump.ends[1] = Pump(light(), config=link_config(timeout_ps=19 * 10**12)).ends[1]
    pump._queue.clear()
    pump._plan_light(light(), 3)
    pump.run(until_s=60)
    assert not pump.usable(Role.ANNOUNCER)
    assert not pump.usable(Role.RESPONDER)
    assert AbortReason.AUTHENTICATION_FAILED in reasons(pump, Role.ANNOUNCER)


# Closing ------------------------------------------------------------------------------------------


def test_closing_exchange() -> None:
    """After the light: close, closing vote, closing decision; then nothing is in doubt."""
    tail = [type(envelope.body) for _, envelope in honest().sent[-3:]]
    assert tail == [Close, Vote, Decision]
    closed = [
        (role, event.round) for role, event in honest().events if isinstance(event, LinkClosed)
    ]
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

    pump = Pump(light(), tamper=tamper).run()
    assert losses[0] == 6
    assert is_closed_alike(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == [0, 1, 2]


def test_wire_counts() -> None:
    """An end counts its messages once, and all bytes of its datagrams, headers included."""
    for role in Role:
        wire = honest().ends[role].wire
        messages = [envelope for sender, envelope in honest().sent if sender is role]
        assert wire.messages == len(messages)
        datagrams = honest().datagrams[role]
        assert (wire.datagrams, wire.bytes) == (len(datagrams), sum(datagrams))
        payload = sum(len(encode(envelope)) for envelope in messages)
        assert wire.bytes >= payload + HEADER_BYTES * wire.datagrams
