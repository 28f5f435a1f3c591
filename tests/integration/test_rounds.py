"""Whole rounds between two endpoints: keys, books and pads."""

from functools import cache

import numpy as np
import pytest

from protocols.events import (
    Alarm,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    ClosingVoted,
    PadsSpent,
    ReserveEmpty,
    RoundAborted,
    RoundSifted,
    RoundStarted,
)
from protocols.keylength.keyrate import binary_entropy
from protocols.link import PS_PER_S
from protocols.messages import (
    Amplify,
    Close,
    Decision,
    Keep,
    ParityReply,
    Role,
    VerificationHash,
    Vote,
)
from protocols.pads import BITS_PER_INDEX
from tests.support.faults import block_faults
from tests.support.inspector import asked_bits, lane_sizes
from tests.support.light import LaneLight, draw_tags, light
from tests.support.links import link_config
from tests.support.two_ends import LATENCY_PS
from tests.support.whole_messages import WholeMessages, honest, reasons

TWO_LANES = (LaneLight(), LaneLight(delay_ps=5_040_000, pairs_hz=4000.0, error=0.05))
TWO_LANES_CONFIG = link_config(lane_delays_ps=(5_000_000, 5_040_000))
ENDS = (BlockUsable, RoundAborted)


@cache
def two_lanes() -> WholeMessages:
    """The same with two lanes 40 ns apart."""
    return WholeMessages(draw_tags(5, 3.2, TWO_LANES), config=TWO_LANES_CONFIG).run()


# Keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_every_round_makes_equal_key(ends: object) -> None:
    """Each of three rounds ends usable at both ends, with the same bits; the link closes."""
    found: WholeMessages = ends()  # type: ignore[operator]
    assert found.is_closed_alike
    assert block_faults(found.events) == []
    assert list(found.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]
    assert all(bits.size > 300 for bits in found.usable_bits(Role.ANNOUNCER).values())
    assert not any(isinstance(event, Alarm | RoundAborted) for _, event in found.events)


def test_blocks_are_different_and_balanced() -> None:
    """No two blocks share their beginning, and ones are as frequent as zeros (z = 5)."""
    blocks = [
        bits
        for k in range(3)
        for bits in WholeMessages(light(k)).run().usable_bits(Role.ANNOUNCER).values()
    ]
    assert len({bits[:64].tobytes() for bits in blocks}) == len(blocks)
    bits = np.concatenate(blocks)
    assert abs(int(bits.sum()) - bits.size / 2) < 5 * bits.size**0.5 / 2


def test_same_light_and_seeds_give_the_same_key() -> None:
    """An endpoint is deterministic: all its randomness is handed in."""
    again = WholeMessages(light()).run()
    assert [envelope for _, envelope in again.sent] == [envelope for _, envelope in honest().sent]
    assert all(
        np.array_equal(bits, honest().usable_bits(Role.RESPONDER)[number])
        for number, bits in again.usable_bits(Role.RESPONDER).items()
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


@pytest.mark.parametrize("ends", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_books_are_equal_at_both_ends(ends: object) -> None:
    """What both ends can know of a round they book alike: counts, leak, errors, key length."""
    found: WholeMessages = ends()  # type: ignore[operator]
    books = [
        {e.round: e.books for at, e in found.events if at is role and isinstance(e, BlockUsable)}
        for role in Role
    ]
    for number in range(3):
        one, other = (found[number] for found in books)
        assert one == other._replace(forgery_probability=one.forgery_probability)
        assert one.forgery_probability > 0
        assert other.forgery_probability > 0


def _trips(ends: WholeMessages, number: int) -> int:
    """Answers on the wire that the responder's round waits for."""
    waited = ParityReply, VerificationHash, Amplify, Decision
    answers = sum(e.round == number for kind in waited for e in ends.messages(kind))
    keeps = [e for e in ends.messages(Keep) if e.round == number]
    return answers + (len(keeps) == ends.config.frames_per_round // 5)


@pytest.mark.parametrize(
    "changes",
    [{}, {"estimation": "sample", "sample_share": 0.1}, {"qber_threshold": 0.003}],
    ids=["reconciled", "sample", "no key"],
)
def test_round_trips_are_counted_alike(changes: dict[str, object]) -> None:
    """A round trip is an answer of the announcer that the responder's round waits for.

    Last keep mask, parities, hash, seed, decision: both ends count the same, round by round, with
    key or without, and it is what a reader of the wire counts.
    """
    ends = WholeMessages(light(), config=link_config(**changes)).run()
    ended = [
        {e.round: e.books for at, e in ends.events if at is role and isinstance(e, ENDS)}
        for role in Role
    ]
    assert ended[0].keys() == ended[1].keys() == {0, 1, 2}
    for number, books in ended[0].items():
        assert books.round_trips == ended[1][number].round_trips == _trips(ends, number) > 3


@pytest.mark.parametrize("ends", [honest, two_lanes], ids=["one lane", "two lanes"])
def test_booked_leak_is_what_crossed_the_wire(ends: object) -> None:
    """Parity bits asked and answered, counted by decoding all messages, are those in the books."""
    found: WholeMessages = ends()  # type: ignore[operator]
    for at, event in found.events:
        if isinstance(event, BlockUsable):
            assert event.books.parity_bits == asked_bits(found, event.round) > 0, at
            assert event.books.sifted_bits == sum(lane_sizes(found, event.round))


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
    for ends in (honest(), two_lanes()):
        for _, event in ends.events:
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
    config = link_config(charge="paper")
    ends = WholeMessages(light(), config=config).run()
    assert ends.is_closed_alike
    for _, event in ends.events:
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
        assert spent == 4 * BITS_PER_INDEX  # three rounds and the closing exchange
        assert refilled == 6 * BITS_PER_INDEX - BITS_PER_INDEX * 3
        initial = BITS_PER_INDEX * honest().config.initial_pads
        assert honest().ends[role].reserve_bits == initial + refilled - spent


def test_no_pad_signs_two_messages() -> None:
    """Per round and end there is one signed message, however often it was sent."""
    for sender in Role:
        tags: dict[int, set[bytes]] = {}
        for role, envelope in honest().sent:
            if role is sender and isinstance(envelope.body, Vote | Decision):
                tags.setdefault(envelope.body.pad, set()).add(envelope.body.tag)
        assert sorted(tags) == [0, 1, 2, 3]
        assert all(len(found) == 1 for found in tags.values())


def test_empty_reserve_stops_the_link() -> None:
    """Small blocks use up three pads and none come back: the link stops, and says so once.

    The last pad closes it: both ends agree on what is usable, and no pad has signed twice.
    """
    tags = draw_tags(3, 8.2, (LaneLight(error=0.07),))
    ends = WholeMessages(tags, duration_s=8, config=link_config(initial_pads=4)).run()
    stops = [event.round for at, event in ends.events if isinstance(event, ReserveEmpty)]
    assert stops == [3]
    assert ends.ends[0].is_stopped
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]
    started = {event.round for at, event in ends.events if isinstance(event, RoundStarted)}
    assert started == {0, 1, 2}
    assert [event.pad for _, event in ends.events if isinstance(event, ClosingVoted)] == [3]
    assert [e.body for e in ends.messages(Close)] == [Close()]


def test_rounds_that_nobody_signs_take_no_pad() -> None:
    """Twelve rounds without key, with four pads: the link goes on, and all four are left."""
    tags = draw_tags(3, 12.2, (LaneLight(error=0.3),))
    ends = WholeMessages(tags, duration_s=12, config=link_config(initial_pads=4))
    ends.run(until_s=12.3)
    assert not any(isinstance(event, ReserveEmpty) for _, event in ends.events)
    assert sum(reasons(ends, Role.ANNOUNCER).values()) == 12
    ends.run()
    assert ends.is_closed_alike
    assert [end.reserve_bits for end in ends.ends] == [3 * BITS_PER_INDEX] * 2  # one has closed


def test_announcer_has_its_part_at_once() -> None:
    """The block of a round is usable at both ends before the next round has ended its light."""
    ends = WholeMessages(light()).run()
    at_s = {
        (role, event.round): time_ps / PS_PER_S
        for (role, event), time_ps in zip(ends.events, ends.event_times_ps, strict=True)
        if isinstance(event, BlockUsable)
    }
    for number in range(3):
        announcer, responder = (at_s[role, number] for role in Role)
        assert 0.0 < announcer - responder <= 2 * LATENCY_PS / PS_PER_S
        assert announcer < number + 2
