"""Whole rounds between two endpoints for every variant: equal keys, balanced books, lengths."""

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.pools.ledger import Account
from protocols.bbm92.distillation import MAX_ROUND_BITS
from protocols.bits import unpack_bits
from protocols.books import RoundBooks
from protocols.budgets import error_count_charge_bits
from protocols.codec import decode, encode
from protocols.events import BlockUsable, RoundSampled
from protocols.keylength.finite import FiniteRound, finite_key, two_basis_key_bits
from protocols.keylength.keyrate import binary_entropy
from protocols.messages import (
    MAX_MESSAGE_BYTES,
    AbortReason,
    Amplify,
    Envelope,
    ParityQuery,
    ParityReply,
    ReconciliationSetup,
    Role,
    Sample,
    VerificationHash,
    VerificationResult,
)
from protocols.reconciliation.interface import (
    Reconciliation,
    ReconcilingAnnouncer,
    ReconcilingResponder,
)
from protocols.variants import RECONCILIATIONS
from tests.support.faults import block_faults
from tests.support.inspector import (
    Booked,
    book_faults,
    ended_rounds,
    published_bits,
    sample_messages,
)
from tests.support.light import LaneLight, Tags, draw_tags
from tests.support.links import link_config
from tests.support.third_party import registered
from tests.support.whole_messages import WholeMessages

SECONDS = 20
TWO_LANES = (LaneLight(), LaneLight(delay_ps=5_040_000, pairs_hz=4000.0, error=0.04))
Settings = dict[str, object]
SAMPLE: Settings = {"estimation": "sample", "sample_share": 0.2}
BUDGETS: Settings = {"qber_threshold": 0.032, "leak_share": 0.24}
FINITE: Settings = SAMPLE | BUDGETS | {"security": "finite"}
EXACT: Settings = FINITE | {"security": "finite-exact"}
TWO_BASIS: Settings = BUDGETS | {"security": "two-basis"}


@cache
def light(
    lanes: tuple[LaneLight, ...] = (LaneLight(),), seconds: int = SECONDS
) -> tuple[Tags, Tags]:
    return draw_tags(4, seconds + 0.2, lanes)


def run(
    changes: Settings, *, tags: tuple[Tags, Tags] | None = None, seconds: int = SECONDS
) -> WholeMessages:
    """One round of all the light."""
    config = link_config(frames_per_round=10 * seconds, frames_per_announcement=20, **changes)
    return WholeMessages(tags or light(seconds=seconds), duration_s=seconds, config=config).run()


@cache
def found(name: str) -> WholeMessages:
    """The honest round of each variant, played once."""
    return run(VARIANTS[name])


VARIANTS: dict[str, Settings] = {
    "asymptotic": {},
    "asymptotic with sample": SAMPLE,
    "finite": FINITE,
    "finite-exact": EXACT,
    "two-basis": TWO_BASIS,
    "clmul": {"amplification": "toeplitz-clmul"},
    "unauthenticated": {"authentication": "none", "initial_pads": 0},
    "both directions": {"charge": "both-directions"},
    "original": {"reconciliation": "cascade-original"},
    "ldpc": {"reconciliation": "ldpc"},
    "finite with ldpc": FINITE | {"reconciliation": "ldpc"},
    "modelled": {"reconciliation": "modelled", "charge": "paper"},
}


def books_of(ends: WholeMessages, role: Role = Role.ANNOUNCER) -> RoundBooks:
    (books,) = [books for at, number, books in ended_rounds(ends) if at is role and number == 0]
    return books


@pytest.mark.parametrize("name", VARIANTS)
def test_both_ends_hold_the_same_key_and_books_balance(name: str) -> None:
    """One block, equal bits; ledger, messages and books agree, whatever the variant."""
    ends = found(name)
    assert not block_faults(ends.events)
    assert ends.is_closed_alike
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0]
    assert ends.usable_bits(Role.ANNOUNCER)[0].size == books_of(ends).key_bits > 1000
    assert not book_faults(ends)
    assert not Booked(ends).faults()


def test_amplification_is_a_matter_of_speed_only() -> None:
    """FFT and carry-less multiplication give the same key from the same messages."""
    fft, clmul = found("asymptotic"), found("clmul")
    assert np.array_equal(fft.usable_bits(Role.RESPONDER)[0], clmul.usable_bits(Role.RESPONDER)[0])


# Sample -------------------------------------------------------------------------------------------


def test_sample_is_booked_published_and_gone() -> None:
    """A fifth of the bits leaves at both ends, is booked as sampled and never becomes key."""
    ends, booked = found("asymptotic with sample"), Booked(found("asymptotic with sample"))
    for role in Role:
        books = books_of(ends, role)
        assert books.sampled_bits == round(0.2 * books.sifted_bits) == published_bits(ends, 0)
        assert sum(lane.bits for lane in books.lanes) == books.sifted_bits - books.sampled_bits
        assert booked.level(role, Account.SAMPLED) == books.sampled_bits
    events = [event for _, event in ends.events if isinstance(event, RoundSampled)]
    assert [event.sampled_bits for event in events] == 2 * [books_of(ends).sampled_bits]


def test_sample_shows_the_error_rate_of_the_light() -> None:
    """2 % of errors within five standard deviations, and both ends count the same."""
    ends = found("asymptotic with sample")
    mine, theirs = books_of(ends), books_of(ends, Role.RESPONDER)
    size = mine.sampled_bits
    assert mine.sample_errors == theirs.sample_errors
    assert abs(mine.sample_errors - 0.02 * size) < 5 * math.sqrt(0.02 * 0.98 * size) + 1
    sample, reply = sample_messages(ends, 0)
    wrong = unpack_bits(sample.bits, size) != unpack_bits(reply.bits, size)
    assert int(wrong.sum()) == mine.sample_errors


def test_sample_comes_after_the_last_keep_mask() -> None:
    """Nothing is sampled before both ends' bits are fixed: no match or keep mask follows it."""
    kinds = [type(envelope.body).__name__ for _, envelope in found("finite").sent]
    sampled = kinds.index("Sample")
    assert not {"Announce", "Matches", "Keep"} & set(kinds[sampled:])
    assert "ReconciliationSetup" not in kinds[:sampled]


def test_sample_above_the_threshold_ends_the_round() -> None:
    """Three per cent of errors against a threshold of one: aborted alike, no key, books balance."""
    tags = draw_tags(5, SECONDS + 0.2, (LaneLight(error=0.03),))
    ends = run(FINITE | {"qber_threshold": 0.01}, tags=tags)
    for role in Role:
        aborted = ends.aborted(role)[0]
        assert aborted.reason is AbortReason.QBER_TOO_HIGH
        assert aborted.books.sampled_bits > 0
        assert aborted.books.parity_bits == 0
    assert not Booked(ends).faults()
    assert not book_faults(ends)


# Finite key ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bound"), [("finite", "serfling"), ("finite-exact", "hypergeometric")]
)
def test_finite_length_is_that_of_the_formula(name: str, bound: str) -> None:
    """L follows from m, k, delta, r and t alone; the epsilons of the books add up to the budget."""
    ends = found(name)
    books = books_of(ends)
    m, k = books.sifted_bits, books.sampled_bits
    plan = FiniteRound(m, k, 0.032, math.ceil(0.24 * (m - k)), 64)
    key = finite_key(plan, epsilon=1e-10, bound=bound)  # type: ignore[arg-type]  # one of two
    assert key is not None
    assert books.key_bits == key.key_bits > 0
    assert books.charge_bits == plan.reconciliation_bits > books.parity_bits + books.count_bits
    assert books.correctness_epsilon == 2.0**-64
    assert books.secrecy_epsilon == key.sampling_epsilon + key.amplification_epsilon
    assert books.correctness_epsilon + books.secrecy_epsilon <= 1e-10 * (1 + 1e-9)


def test_exact_tail_gives_more_key() -> None:
    """Same light, same sample: the exact tail is never below Serfling's."""
    assert books_of(found("finite-exact")).key_bits > books_of(found("finite")).key_bits


def test_leak_above_the_budget_ends_the_round() -> None:
    """With a budget below what Cascade needs, the verified round is given up at both ends."""
    ends = run(FINITE | {"leak_share": 0.1})
    for role in Role:
        aborted = ends.aborted(role)[0]
        assert aborted.reason is AbortReason.LEAK_TOO_HIGH
        assert aborted.books.parity_bits > math.ceil(0.1 * aborted.books.raw_bits)
        assert aborted.books.key_bits == 0
    assert not Booked(ends).faults()


def test_better_light_gives_no_longer_key() -> None:
    """The length knows thresholds, not the observed error rate: 0.5 % of errors give the same l."""
    tags = draw_tags(4, SECONDS + 0.2, (LaneLight(error=0.005),))
    clean, usual = books_of(run(FINITE, tags=tags)), books_of(found("finite"))
    assert clean.errors < usual.errors / 2
    same = abs(clean.sifted_bits - usual.sifted_bits) < 5 * math.sqrt(2 * usual.sifted_bits)
    assert same
    per_bit = (books.key_bits / books.sifted_bits for books in (clean, usual))
    assert math.isclose(*per_bit, rel_tol=0.02)


def test_epsilons_of_all_rounds_are_booked() -> None:
    """Aborted rounds cost their budget too: two rounds, one without key, twice the epsilon.

    With so few errors that no sample of the short round exceeds its threshold by chance.
    """
    tags = light((LaneLight(error=0.004),))
    config = link_config(frames_per_round=180, frames_per_announcement=20, **FINITE)
    ends = WholeMessages(tags, duration_s=SECONDS, config=config).run()
    assert list(ends.usable_bits(Role.ANNOUNCER)) == [0]
    assert list(ends.aborted(Role.ANNOUNCER)) == [1]
    keeper = Booked(ends).keepers[Role.ANNOUNCER]
    counts = keeper.counts
    assert counts.blocks == 2
    assert counts.correctness_epsilon == 2 * 2.0**-64
    assert counts.secrecy_epsilon is not None
    assert 1.5e-10 < counts.secrecy_epsilon <= 2e-10 * (1 + 1e-9)
    assert counts.failure_probability > 0
    assert keeper.reasons == {1: "no_key"}


# Two bases ----------------------------------------------------------------------------------------


def _two_basis_length(z: int, x: int, limit_bits: int) -> int:
    def length(n: int, k: int) -> int:
        return two_basis_key_bits(
            raw_bits=n,
            test_bits=k,
            threshold=0.032,
            disclosed_bits=0,
            secrecy_epsilon=(1e-10 - 2.0**-64) / 2,
            verification_bits=64,
        )

    return length(z, x) + length(x, z) - limit_bits


def test_two_basis_length_is_that_of_the_formula() -> None:
    """Both bases' lengths, less one leak budget, which has room for parities and error counts."""
    books = books_of(found("two-basis"))
    (lane,) = books.lanes
    limit_bits = math.ceil(0.24 * lane.bits)
    assert books.key_bits == _two_basis_length(lane.z_bits, lane.x_bits, limit_bits)
    assert books.count_bits == error_count_charge_bits(books.lanes)
    assert books.count_bits == lane.z_bits.bit_length() + lane.x_bits.bit_length()
    assert books.parity_bits + books.count_bits <= limit_bits == books.charge_bits
    assert Booked(found("two-basis")).level(Role.RESPONDER, Account.COUNTS) == -books.count_bits


def _with_fewer_x(tags: Tags, share: float, seed: int) -> Tags:
    """What a beam splitter that prefers Z would leave of the X clicks."""
    kept: Tags = tags[(tags & 2 == 0) | (np.random.default_rng(seed).random(tags.size) < share)]
    return kept


def test_biased_bases_give_key_of_unequal_sizes() -> None:
    """A third of the X clicks at both users: a ninth of the bits in X, and the length says so."""
    alice, bob = light()
    tags = (_with_fewer_x(alice, 1 / 3, 1), _with_fewer_x(bob, 1 / 3, 2))
    ends = run(TWO_BASIS | {"basis": "biased", "qber_threshold": 0.035}, tags=tags)
    assert ends.is_closed_alike
    assert not Booked(ends).faults()
    books = books_of(ends)
    (lane,) = books.lanes
    expected = lane.z_bits / 9
    assert abs(lane.x_bits - expected) < 5 * math.sqrt(expected * 10 / 9)
    assert books.key_bits == ends.usable_bits(Role.RESPONDER)[0].size > 0


def test_errors_in_the_rarer_basis_end_the_round() -> None:
    """Each basis has to stay below the threshold by itself: errors in X alone abort the round."""
    alice, bob = light()
    wrong = np.random.default_rng(3).random(bob.size) < 0.1
    spoilt = np.sort(np.where((bob & 2 == 2) & wrong, bob ^ 1, bob))
    ends = run(TWO_BASIS | {"leak_share": 0.9}, tags=(alice, spoilt))
    books = ends.aborted(Role.ANNOUNCER)[0]
    assert books.reason is AbortReason.QBER_TOO_HIGH
    (lane,) = books.books.lanes
    assert lane.z_errors <= 0.032 * lane.z_bits
    assert lane.x_errors > 0.032 * lane.x_bits


# Charges, lanes, authentication -------------------------------------------------------------------


def test_both_directions_charge_twice_the_parities() -> None:
    """Cascade's questions are charged like its answers; the key is shorter by just that."""
    one, both = books_of(found("asymptotic")), books_of(found("both directions"))
    assert both.parity_bits == one.parity_bits
    assert both.charge_bits == 2 * both.parity_bits
    assert abs(one.key_bits - both.key_bits - one.parity_bits) <= 1


def test_both_directions_end_key_above_six_per_cent() -> None:
    """At f = 1.05 booking both directions leaves key up to 5.88 % and none above."""
    for rate, is_positive in ((0.0587, True), (0.0589, False)):
        secret = 1 - binary_entropy(rate) - 2 * 1.05 * binary_entropy(rate)
        assert (secret > 0) is is_positive


def test_ldpc_asks_once_and_charges_one_direction() -> None:
    """One question, whose answer holds the booked parities; booking both directions adds nothing.

    At 2 % of errors, with a first estimate of 5 %.
    """
    both: Settings = {"reconciliation": "ldpc", "charge": "both-directions"}
    ends, books = found("ldpc"), books_of(found("ldpc"))
    assert len(ends.messages(ParityQuery)) == 1
    assert books.charge_bits == books.parity_bits == books_of(run(both)).charge_bits
    (reply,) = ends.messages(ParityReply)
    assert isinstance(reply.body, ParityReply)
    assert [len(reply) for reply in reply.body.replies] == [-(-books.parity_bits // 8)]


def test_modelled_correction_charges_the_budget_and_discloses_nothing() -> None:
    """No parity is booked, one question hands the bits over, and 1.2 n h(Q) is the charge."""
    ends = found("modelled")
    books = books_of(ends)
    assert books.parity_bits == 0
    assert len(ends.messages(ParityQuery)) == 1
    budget_bits = 1.2 * books.raw_bits * binary_entropy(books.errors / books.raw_bits)
    assert books.charge_bits == math.ceil(budget_bits)
    assert books.key_bits < books_of(found("asymptotic")).key_bits


class _Forgetful(Reconciliation):
    """Cascade that leaves an error in its first block, and notes what it is told."""

    def __init__(self) -> None:
        self.cascade = RECONCILIATIONS.get("cascade-yanetal")
        self.failed_at: list[float] = []
        self.blocks = 0

    def announcer(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingAnnouncer:
        return self.cascade.announcer(bits, error_rate=error_rate, seed=seed)

    def responder(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingResponder:
        self.blocks += 1
        end = self.cascade.responder(bits, error_rate=error_rate, seed=seed)
        if self.blocks == 1:
            end.bits[7] ^= 1
            end.next_query = lambda: None  # type: ignore[method-assign]  # gives up at once
        return end

    def estimate(self, *, errors: int, bits: int) -> float:
        return 0.123 if errors and bits else 0.0

    def estimate_after_failure(self, error_rate: float) -> float:
        self.failed_at.append(error_rate)
        return 0.134


def test_the_variant_says_where_the_next_block_starts() -> None:
    """After a block that does not verify, and after one that does, the variant is asked."""
    variant = _Forgetful()
    with registered("reconciliation", "forgetful", lambda: variant):
        config = link_config(reconciliation="forgetful", frames_per_round=10)
        ends = WholeMessages(light(), duration_s=3, config=config).run()
    setups = [found.body for found in ends.messages(ReconciliationSetup)]
    rates_ppm = [body.error_rates_ppm for body in setups if isinstance(body, ReconciliationSetup)]
    assert rates_ppm == [(50_000,), (134_000,), (123_000,)]
    assert variant.failed_at == [0.05]
    assert ends.aborted(Role.ANNOUNCER)[0].reason is AbortReason.VERIFICATION_FAILED
    assert set(ends.usable_bits(Role.ANNOUNCER)) == {1, 2}
    assert not Booked(ends).faults()


def test_sample_of_two_lanes() -> None:
    """The sample is drawn over all lanes, and what is left of each is reconciled by itself."""
    config: Settings = {"lane_delays_ps": (5_000_000, 5_040_000)}
    limits: Settings = {"qber_threshold": 0.04, "leak_share": 0.3}
    ends = run(FINITE | config | limits, tags=light(TWO_LANES))
    assert ends.is_closed_alike
    assert not Booked(ends).faults()
    books = books_of(ends)
    assert len(books.lanes) == 2
    assert sum(lane.bits for lane in books.lanes) == books.raw_bits
    assert all(lane.bits > 5000 for lane in books.lanes)


def test_no_authentication_spends_nothing_and_says_so() -> None:
    """Without tags no pad is taken, and a forgery is booked as certain."""
    ends = found("unauthenticated")
    booked = Booked(ends)
    assert booked.level(Role.ANNOUNCER, Account.SPENT) == 0
    assert booked.level(Role.ANNOUNCER, Account.RESERVE) == 0
    assert booked.keepers[Role.ANNOUNCER].counts.failure_probability >= 1.0
    usable = [event for _, event in ends.events if isinstance(event, BlockUsable)]
    assert all(event.reserve == b"" for event in usable)


def test_error_counts_are_announced_after_verification_only() -> None:
    """One message a round carries the exact counts that the finite lengths are charged for."""
    ends = found("finite")
    (result,) = ends.messages(VerificationResult)
    assert isinstance(result.body, VerificationResult)
    (lane,) = books_of(ends).lanes
    assert result.body.errors == (lane.z_errors, lane.x_errors)


def test_too_small_a_round_is_not_sampled() -> None:
    """With some 30 sifted bits nothing is published; the round ends for lack of bits."""
    alice, bob = light()
    stop = 3_030_000_000_00 << 2
    config = link_config(frames_per_round=30, **SAMPLE)
    ends = WholeMessages((alice[alice < stop], bob[bob < stop]), duration_s=6, config=config).run()
    (sampled,) = ends.messages(Sample)
    assert sampled.round == 0
    aborted = ends.aborted(Role.ANNOUNCER)[1]
    assert 0 < aborted.books.sifted_bits < 64
    assert aborted.books.sampled_bits == 0
    assert ends.aborted(Role.RESPONDER)[1].reason is AbortReason.TOO_FEW_BITS


@pytest.mark.parametrize("bits", [10**7, MAX_ROUND_BITS])
def test_seeds_of_long_rounds_fit_into_a_message(bits: int) -> None:
    """Hash seed, key seed and sample of a long round, and of the longest one, are messages."""
    for body in (
        VerificationHash(bytes((bits + 128 + 6) // 8), bytes(16)),
        Amplify(bits, bytes((bits + 6) // 8)),
        Sample(bytes(bits // 10), bytes(bits // 40)),
    ):
        data = encode(Envelope("alice-bob", Role.ANNOUNCER, 0, 0, body))
        assert len(data) <= MAX_MESSAGE_BYTES
        assert decode(data).body == body


@pytest.mark.parametrize(("role", "changes"), [(Role.RESPONDER, {}), (Role.ANNOUNCER, SAMPLE)])
def test_round_beyond_one_message_is_given_up(
    monkeypatch: pytest.MonkeyPatch, role: Role, changes: Settings
) -> None:
    """More bits than a message has room for seeds or mask: an abort that says so, not an error."""
    monkeypatch.setattr(f"protocols.bbm92.{role.name.lower()}_round.MAX_ROUND_BITS", 1000)
    ends = run(changes, seconds=3)
    assert ends.aborted(role)[0].reason is AbortReason.TOO_MANY_BITS
    assert ends.aborted(role.peer)[0].reason is AbortReason.PEER_ABORTED
    assert not Booked(ends).faults()
