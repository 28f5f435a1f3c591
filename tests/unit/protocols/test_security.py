"""Key lengths as the session asks for them: vectors, thresholds, refusals, and plans that hold."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from protocols.budgets import error_count_charge_bits, leak_share, upper_rate
from protocols.expectation import Expectation, LaneExpectation, ShannonBudget
from protocols.interfaces import (
    Choice,
    KeyDecision,
    RoundFacts,
    Security,
)
from protocols.keylength.finite import (
    FiniteRound,
    finite_key_at,
    serfling_excess,
    two_basis_key_bits,
)
from protocols.keylength.keyrate import (
    LaneCounts,
    asymptotic_key_bits,
    binary_entropy,
    error_correction_charge_bits,
)
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security import (
    ONE_WAY_COUNT,
    Asymptotic,
    AsymptoticMixed,
    Finite,
    FiniteExact,
    TwoBasis,
    expected_plan,
    label,
    smallest_scale,
)
from tests.support.links import link_config

EPSILON = 1e-10
FINITE: tuple[Finite, ...] = (Finite(), FiniteExact())
WITH_EPSILON: tuple[Security, ...] = (*FINITE, TwoBasis())

# For the formulas of Tomamichel and Leverrier, arXiv:1506.08458, computed apart from this code:
# delta, m, k, nu, l at that nu, and the best l over all nu.
VECTORS = [
    (0.010, 36123, 5911, 0.06943318811415392, 15323, 15332),
    (0.050, 128989, 20941, 0.03685663259331777, 27878, 27898),
]


def terms_of(threshold: float, m: int, k: int) -> Terms:
    """Terms with which the vectors were computed: r = ceil(1.1 h(delta) n), t of 1e-10 / sqrt m."""
    return Terms(
        sample_share=k / m,
        qber_threshold=threshold,
        leak_share=1.1 * binary_entropy(threshold),
        epsilon=EPSILON,
        verification_bits=math.ceil(-math.log2(m**-0.5 * EPSILON)),
    )


def facts_of(m: int, k: int, *, sample_errors: int = 0, **changes: int) -> RoundFacts:
    """Counts of a clean round: half of the rest in either basis."""
    z, x = (m - k + 1) // 2, (m - k) // 2
    values = {"parity_bits": 0, "returned_bits": 0, "count_bits": 0} | changes
    return RoundFacts(
        sifted_bits=m,
        sampled_bits=k,
        sample_errors=sample_errors,
        lanes=(LaneCounts(z, 0, x, 0),),
        parity_bits=values["parity_bits"],
        returned_bits=values["returned_bits"],
        count_bits=values["count_bits"],
    )


@pytest.mark.parametrize(("threshold", "m", "k", "nu", "at_nu", "best"), VECTORS)
def test_known_vectors_through_the_terms(
    *, threshold: float, m: int, k: int, nu: float, at_nu: int, best: int
) -> None:
    """Shares of a configuration give back k and r exactly, and with them the known lengths."""
    terms, security = terms_of(threshold, m, k), Finite()
    assert terms.sample_bits(m) == k
    decision = security.key(facts_of(m, k), terms)
    assert (decision.key_bits, decision.reason) == (best, None)
    plan = FiniteRound(m, k, threshold, decision.charge_bits, terms.verification_bits)
    alpha = m**-0.5
    share = (1 - alpha - 0.9 * (1 - alpha)) * EPSILON
    assert finite_key_at(plan, excess=nu, amplification_epsilon=share).key_bits == at_nu
    assert serfling_excess(plan, 0.9 * (1 - alpha) * EPSILON) == pytest.approx(nu, rel=1e-12)
    assert decision.secrecy_epsilon is not None
    assert decision.correctness_epsilon + decision.secrecy_epsilon <= EPSILON * (1 + 1e-9)


@pytest.mark.parametrize("vector", VECTORS)
def test_exact_is_never_below_finite(vector: tuple[float, int, int, float, int, int]) -> None:
    """The exact tail gives at least Serfling's length, in the same terms."""
    threshold, m, k, *_ = vector
    terms = terms_of(threshold, m, k)
    lengths = [security.key(facts_of(m, k), terms).key_bits for security in FINITE]
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("security", FINITE)
def test_neither_errors_nor_leak_set_the_length(security: Finite) -> None:
    """Up to threshold and budget the key is the same; one above either there is none."""
    threshold, m, k, *_ = VECTORS[1]
    terms = terms_of(threshold, m, k)
    errors, leak = terms.tolerated_errors(k), terms.tolerated_leak_bits(m - k)
    free = security.key(facts_of(m, k), terms)
    full = security.key(facts_of(m, k, sample_errors=errors, parity_bits=leak), terms)
    assert free == full
    noisy = security.key(facts_of(m, k, sample_errors=errors + 1), terms)
    assert (noisy.key_bits, noisy.reason) == (0, AbortReason.QBER_TOO_HIGH)
    for name in ("parity_bits", "count_bits"):
        leaky = security.key(facts_of(m, k, **{name: leak + 1}), terms)
        assert (leaky.key_bits, leaky.reason) == (0, AbortReason.LEAK_TOO_HIGH)
    assert noisy.secrecy_epsilon == EPSILON - terms.correctness_epsilon


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_both_directions_count_against_the_budget(security: Security) -> None:
    """The responder's parities count where both directions are booked, and only there."""
    terms = replace(terms_of(0.05, 128989, 20941), qber_threshold=0.1)
    if isinstance(security, TwoBasis):
        terms = replace(terms, sample_share=0.0)
    k = terms.sample_bits(128989)
    leak = terms.tolerated_leak_bits(128989 - k)
    facts = facts_of(128989, k, parity_bits=leak, returned_bits=leak)
    assert security.key(facts, terms).reason is not AbortReason.LEAK_TOO_HIGH
    both = replace(terms, charge="both-directions")
    assert security.key(facts, both).reason is AbortReason.LEAK_TOO_HIGH


@pytest.mark.parametrize("security", FINITE)
def test_a_sample_of_another_size_gives_no_key(security: Finite) -> None:
    """The terms fix k: the proof is for no other."""
    threshold, m, k, *_ = VECTORS[0]
    decision = security.key(facts_of(m, k + 1), terms_of(threshold, m, k))
    assert (decision.key_bits, decision.reason) == (0, AbortReason.TOO_FEW_BITS)
    none = security.key(facts_of(m, 0), terms_of(threshold, m, k))
    assert none.key_bits == 0


def test_facts_balance() -> None:
    """Lanes that hold another number of bits than sifting and sample leave are refused."""
    with pytest.raises(ValueError, match="90 bits in the key of 100 sifted and 20 published"):
        RoundFacts(100, 20, 0, (LaneCounts(50, 0, 40, 0),), 0, 0, 0)


# Two bases ----------------------------------------------------------------------------------------

TWO_TERMS = Terms(qber_threshold=0.03, leak_share=0.2, epsilon=EPSILON, verification_bits=64)


def two_basis(z: int, x: int, z_errors: int = 0, x_errors: int = 0) -> KeyDecision:
    lanes = (LaneCounts(z, z_errors, x, x_errors),)
    return TwoBasis().key(RoundFacts(z + x, 0, 0, lanes, 0, 0, 0), TWO_TERMS)


def one_basis(n: int, k: int) -> int:
    return two_basis_key_bits(
        raw_bits=n,
        test_bits=k,
        threshold=0.03,
        disclosed_bits=0,
        secrecy_epsilon=(EPSILON - 2.0**-64) / 2,
        verification_bits=64,
    )


@pytest.mark.parametrize(("z", "x"), [(50_000, 50_000), (90_000, 10_000), (20_000, 180_000)])
def test_lengths_of_both_bases_add(z: int, x: int) -> None:
    """Sizes may differ; the whole leak budget is taken once, from the sum."""
    decision = two_basis(z, x)
    assert decision.key_bits == one_basis(z, x) + one_basis(x, z) - math.ceil(0.2 * (z + x))
    assert decision.secrecy_epsilon == EPSILON - 2.0**-64


def test_a_basis_without_key_still_pays_its_leak() -> None:
    """Where X is too small for a key of its own, its parities are taken from the key of Z."""
    z, x = 500_000, 400
    assert one_basis(x, z) == 0
    facts = RoundFacts(z + x, 0, 0, (LaneCounts(z, 0, x, 0),), 0, 0, 0)
    decision = TwoBasis().key(facts, replace(TWO_TERMS, leak_share=0.1))
    assert decision.key_bits == one_basis(z, x) - math.ceil(0.1 * (z + x)) > 0


def test_each_basis_has_to_pass() -> None:
    """Errors above the threshold in either basis end the round, whatever the other one has."""
    assert two_basis(50_000, 50_000, 1500, 1500).key_bits == two_basis(50_000, 50_000).key_bits
    for errors in ((1501, 0), (0, 1501)):
        assert two_basis(50_000, 50_000, *errors).reason is AbortReason.QBER_TOO_HIGH


def test_lanes_are_pooled() -> None:
    """Two lanes count as one: bits and errors of a basis are summed over them."""
    lanes = (LaneCounts(30_000, 100, 20_000, 800), LaneCounts(20_000, 1400, 30_000, 700))
    facts = RoundFacts(100_000, 0, 0, lanes, 0, 0, error_count_charge_bits(lanes))
    assert facts.count_bits == 15 + 15 + 15 + 15
    assert TwoBasis().key(facts, TWO_TERMS).key_bits == two_basis(50_000, 50_000).key_bits


# Asymptotic ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("charge", ["paper", "measured", "both-directions"])
def test_asymptotic_is_the_formula(charge: str) -> None:
    """Charge by its policy, verification, and no secrecy epsilon."""
    lanes = (LaneCounts(6000, 90, 5800, 60), LaneCounts(3000, 150, 3100, 200))
    terms = Terms(charge=charge)  # type: ignore[arg-type]  # one of three
    facts = RoundFacts(17_900, 0, 0, lanes, 3000, 2900, 0)
    decision = Asymptotic().key(facts, terms)
    expected = {
        "paper": error_correction_charge_bits(3000, lanes, "paper"),
        "measured": 3000,
        "both-directions": 5900,
    }[charge]
    length = asymptotic_key_bits(lanes, charge_bits=expected, verification_bits=64)
    assert (decision.key_bits, decision.charge_bits) == (length, expected)
    assert decision.secrecy_epsilon is None


def test_asymptotic_threshold() -> None:
    """More errors than the threshold end the round; so do no bits at all."""
    lanes = (LaneCounts(500, 6, 500, 5),)
    facts = RoundFacts(1000, 0, 0, lanes, 100, 100, 0)
    assert Asymptotic().key(facts, Terms(qber_threshold=0.011)).reason is None
    strict = Asymptotic().key(facts, Terms(qber_threshold=0.0109))
    assert (strict.key_bits, strict.reason) == (0, AbortReason.QBER_TOO_HIGH)
    empty = Asymptotic().key(RoundFacts(0, 0, 0, (), 0, 0, 0), Terms())
    assert empty.reason is not None


# Refusals -----------------------------------------------------------------------------------------

GOOD = Choice(
    link_config(estimation="sample", epsilon=EPSILON).profile,
    is_two_way=True,
    is_measurable=True,
    is_random_sample=True,
    is_symmetric=True,
)


def refused(security: Security, **changes: bool) -> dict[str, str]:
    return dict(security.refusals(replace(GOOD, **changes)))  # type: ignore[arg-type]


def with_terms(**changes: object) -> Choice:
    """The same with other terms."""
    profile = link_config(estimation="sample", epsilon=EPSILON, **changes).profile
    return replace(GOOD, profile=profile)


@pytest.mark.parametrize("security", FINITE)
def test_finite_needs_sample_and_symmetric_bases(security: Finite) -> None:
    """What the proof does not cover is named with its reason."""
    assert refused(security) == {}
    assert "published random sample" in refused(security, is_random_sample=False)["estimation"]
    assert "probability 1/2" in refused(security, is_symmetric=False)["basis"]


def test_two_basis_needs_the_reconciled_errors() -> None:
    """A sample does not go with it; any choice of basis does."""
    assert "corrected errors" in refused(TwoBasis())["estimation"]
    assert refused(TwoBasis(), is_random_sample=False, is_symmetric=False) == {}


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_budget_and_leak_must_mean_something(security: Security) -> None:
    """An epsilon that the hash alone exceeds and a leak that nobody counts are refused."""
    short = replace(with_terms(verification_bits=16), is_random_sample=isinstance(security, Finite))
    fine = {"is_random_sample": isinstance(security, Finite)}
    assert "2^-16" in dict(security.refusals(short))["epsilon"]
    assert "counted" in refused(security, is_measurable=False, **fine)["reconciliation"]


def test_asymptotic_refuses_nothing() -> None:
    """It claims no epsilon, so it needs no more than its assumptions say."""
    assert refused(Asymptotic(), is_random_sample=False, is_symmetric=False) == {}


@pytest.mark.parametrize("security", [*WITH_EPSILON, Asymptotic()])
def test_one_way_count_is_labelled(security: Security) -> None:
    """Two-way error correction under a finite length says so unless both directions are booked."""
    expected = ONE_WAY_COUNT if security.has_secrecy_epsilon else ""
    assert label(GOOD, security) == expected
    assert label(replace(GOOD, is_two_way=False), security) == ""
    assert label(with_terms(charge="both-directions"), security) == ""
    assert ONE_WAY_COUNT == "one-way count, not covered by the proof"


# Plans --------------------------------------------------------------------------------------------


def expectation(rate_hz: float, qber: float, seconds: float, z_share: float = 0.5) -> Expectation:
    bits = rate_hz * seconds
    lane = LaneExpectation(bits * z_share, qber, bits * (1 - z_share), qber)
    return Expectation((lane,), ShannonBudget(1.1))


OPEN = Terms(epsilon=EPSILON)


@cache
def planned(security: Security, seconds: float) -> tuple[Terms, int]:
    plan = security.plan(expectation(400.0, 0.05, seconds), OPEN)
    assert plan.key_bits is not None
    return plan.terms, plan.key_bits


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_plan_gives_the_key_that_it_promises(security: Security) -> None:
    """With the expected counts in the planned terms, the length is the planned one."""
    terms, key_bits = planned(security, 600.0)
    m = 240_000
    k = terms.sample_bits(m) if isinstance(security, Finite) else 0
    errors = round(0.05 * k)
    rest = (m - k) // 2
    lanes = (LaneCounts(m - k - rest, round(0.05 * rest), rest, round(0.05 * rest)),)
    leak = math.ceil(1.1 * (m - k) * binary_entropy(0.05))
    decision = security.key(RoundFacts(m, k, errors, lanes, leak, 0, 36), terms)
    assert decision.reason is None
    assert abs(decision.key_bits - key_bits) <= 1
    assert key_bits > 10_000


@pytest.mark.parametrize("security", FINITE)
def test_planned_share_beats_others(security: Finite) -> None:
    """No other share of the sample gives a longer key by more than the step of the search."""
    terms, key_bits = planned(security, 600.0)
    assert 0.01 < terms.sample_share < 0.4
    for factor in (0.25, 0.5, 0.8, 1.25, 2.0, 4.0):
        fixed = replace(OPEN, sample_share=min(0.9, factor * terms.sample_share))
        other = security.plan(expectation(400.0, 0.05, 600.0), fixed)
        assert other.terms.sample_share == fixed.sample_share
        assert (other.key_bits or 0) <= 1.01 * key_bits


@pytest.mark.parametrize("security", FINITE)
def test_honest_rounds_pass_the_planned_threshold(security: Finite) -> None:
    """Of 20000 honest samples at most one in 200 exceeds it: chance ends hardly any round."""
    terms, _ = planned(security, 600.0)
    k = terms.sample_bits(240_000)
    errors = np.random.default_rng(7).binomial(k, 0.05, 20_000)
    aborted = int(np.count_nonzero(errors > terms.tolerated_errors(k)))
    assert aborted < 100


def test_plan_of_a_third_party_says_nothing() -> None:
    """A variant that does not plan gets the usual sample, and nothing is said of its key."""

    class Silent(Asymptotic):
        plan = Security.plan

    plan = Silent().plan(expectation(400.0, 0.05, 600.0), OPEN)
    assert plan.key_bits is None
    assert plan.terms == replace(OPEN, sample_share=0.1)
    given = Silent().plan(expectation(400.0, 0.05, 600.0), replace(OPEN, sample_share=0.3))
    assert given.terms.sample_share == 0.3


class SeenBudget:
    """A quarter of the block, and a hundredth of what its estimate rests on."""

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """As of `LeakBudget`."""
        _ = error_rate
        return 0.25 * block_bits + 0.01 * seen_bits


def test_leak_share() -> None:
    """Of raw bits: the budget on what was seen, and announced counts of 1000 and 500 (10, 9 bits).

    Without a sample all bits are seen, and are key; with a tenth, 150 are seen and 1350 are key.
    """
    expectation = Expectation((LaneExpectation(1000.0, 0.02, 500.0, 0.02),), SeenBudget())
    assert leak_share(expectation, 0.0) == pytest.approx((375 + 15 + 19) / 1500, rel=1e-12)
    assert leak_share(expectation, 0.1) == pytest.approx((337.5 + 1.5 + 19) / 1350, rel=1e-12)
    assert leak_share(Expectation((), SeenBudget()), 0.0) == 1.0


def test_upper_rate() -> None:
    """2 % above the rate and three standard deviations, never above one half."""
    assert upper_rate(0.05, 10_000) == pytest.approx(0.051 + 3 * math.sqrt(0.05 * 0.95 / 1e4))
    assert upper_rate(0.4, 3) == upper_rate(0.05, 0) == 0.5
    assert upper_rate(0.0, 100) == 0.0
    assert upper_rate(0.001, 1.0) == pytest.approx(0.00102 + 3 * math.sqrt(0.001 * 0.999))


def test_plan_of_bases_that_are_not_told_apart() -> None:
    """1e5 bits with 4 % of errors, nothing disclosed but 64 bits: the mean rate for all of them.

    h(0.04) = 0.2422922. Told apart, with 2 and 6 %, they would hold more: h is concave.
    """
    lane = LaneExpectation(5e4, 0.02, 5e4, 0.06)
    light = Expectation((lane,), ShannonBudget(0.0))
    assert AsymptoticMixed().plan(light, OPEN).key_bits == pytest.approx(75_771 - 64, abs=2)
    assert Asymptotic().plan(light, OPEN).key_bits == pytest.approx(76_556 - 64, abs=2)


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_longer_rounds_give_more_key_per_second(security: Security) -> None:
    """Finite size costs less the longer the round; below some length there is no key."""
    rates = [planned(security, seconds)[1] / seconds for seconds in (10.0, 600.0, 6000.0)]
    assert rates[0] == 0 < rates[1] < rates[2]
    assert smallest_scale(security, expectation(400.0, 0.05, 10.0), OPEN) is not None
    scale = smallest_scale(security, expectation(400.0, 0.05, 10.0), OPEN)
    assert scale is not None
    assert planned(security, 10.0 * scale)[1] > 0
    assert planned(security, 10.0 * scale / 1.3)[1] == 0


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_hopeless_light_has_no_plan(security: Security) -> None:
    """At 12 % no length of a round gives key; without light neither."""
    assert smallest_scale(security, expectation(400.0, 0.12, 10.0), OPEN) is None
    assert security.plan(expectation(0.0, 0.05, 10.0), OPEN).key_bits == 0


def test_leak_budget_follows_the_lanes() -> None:
    """Lanes of unlike error rates are corrected apart, and cost less than their mean rate would."""
    lanes = (LaneExpectation(5e5, 0.02, 5e5, 0.02), LaneExpectation(5e5, 0.08, 5e5, 0.08))
    apart = Finite().plan(Expectation(lanes, ShannonBudget(1.1)), OPEN).terms.leak_share
    pooled = tuple(LaneExpectation(5e5, 0.05, 5e5, 0.05) for _ in range(2))
    together = Finite().plan(Expectation(pooled, ShannonBudget(1.1)), OPEN).terms.leak_share
    assert apart < 0.98 * together
    entropy = (binary_entropy(0.02) + binary_entropy(0.08)) / 2
    assert 1.1 * entropy < apart < 1.1 * 1.05 * entropy


def test_two_basis_prefers_uneven_bases() -> None:
    """Of equal total light, 80:20 sifts more than it tests worse: r^2 + (1-r)^2 of the pairs."""

    def key_bits(z: float) -> int:
        share = z**2 + (1 - z) ** 2
        light = expectation(800.0 * share, 0.05, 600.0, z_share=z**2 / share)
        return TwoBasis().plan(light, OPEN).key_bits or 0

    assert key_bits(0.5) < key_bits(0.8) > key_bits(0.995)


def test_given_threshold_is_kept() -> None:
    """A threshold in the topology is not raised; below the expected rate it is not moved either."""
    for security in FINITE:
        strict = security.plan(expectation(400, 0.05, 600), replace(OPEN, qber_threshold=0.04))
        assert strict.terms.qber_threshold == 0.04
        loose = security.plan(expectation(400, 0.05, 600), replace(OPEN, qber_threshold=0.4))
        assert loose.terms.qber_threshold < 0.06


def two_lanes(bad_errors: int) -> RoundFacts:
    """A good lane, and one of which that many of 10,000 bits are wrong; 1.1 n h(Q) for each."""
    lanes = (LaneCounts(5000, 150, 5000, 150), LaneCounts(5000, bad_errors, 5000, bad_errors))
    parities = tuple(round(1.1 * 10_000 * binary_entropy(lane.errors / 10_000)) for lane in lanes)
    return RoundFacts(20_000, 0, 0, lanes, sum(parities), sum(parities), 0, parities)


def test_a_lane_that_costs_more_than_it_gives_takes_nothing_away() -> None:
    """With a lane at 20 % beside it, a lane at 3 % gives what it gives alone."""
    terms = Terms(charge="measured")
    facts = two_lanes(1000)
    alone = Asymptotic().key(facts.lane(0), terms)
    assert alone.key_bits > 5000
    found = Asymptotic().key(facts, terms)
    assert (found.key_bits, found.charge_bits) == (alone.key_bits, alone.charge_bits)
    pooled = Asymptotic().key(replace(facts, lane_parity_bits=()), terms)
    assert pooled.key_bits < alone.key_bits - 3000


def test_lanes_that_give_key_add_up() -> None:
    """At 3 and 5 % nothing is dropped, and nothing changes by knowing the parities of each."""
    terms = Terms(charge="both-directions")
    facts = two_lanes(250)
    together = Asymptotic().key(replace(facts, lane_parity_bits=()), terms)
    assert Asymptotic().key(facts, terms) == together


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_no_search_for_a_length_where_none_can_help(
    security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 8 % with both directions booked the correction takes all: known without one plan."""
    lane = LaneExpectation(4000.0, 0.08, 4000.0, 0.08)
    monkeypatch.setattr(type(security), "plan", None)
    assert smallest_scale(security, Expectation((lane,), ShannonBudget(2.2)), OPEN) is None


# What broken lines showed ------------------------------------------------------------------------


def test_what_classes_ask_for() -> None:
    """Errors by basis where the formula needs them; error counts booked with an epsilon only."""
    by_basis = {Asymptotic: True, AsymptoticMixed: False, Finite: False, TwoBasis: True}
    for kind, is_counted in by_basis.items():
        assert kind.counts_bases is is_counted
        assert kind.books_error_counts is kind.has_secrecy_epsilon
    assert [kind.has_secrecy_epsilon for kind in by_basis] == [False, False, True, True]


def test_asymptotic_plan_leaves_out_what_costs_more_than_it_gives() -> None:
    """A basis pays for the errors of the other; a lane at 30 % gives nothing and takes nothing.

    h(0.02) = 0.1414405, h(0.03) = 0.1943919 and h(0.07 / 3) = 0.1597679, each to seven digits.
    """
    good = LaneExpectation(10_000.0, 0.02, 5_000.0, 0.03)
    bad = LaneExpectation(3_000.0, 0.3, 3_000.0, 0.3)
    secret = 10_000 * (1 - 0.1943919) + 5_000 * (1 - 0.1414405) - 1.1 * 15_000 * 0.1597679
    for lanes in ((good,), (good, bad)):
        plan = Asymptotic().plan(Expectation(lanes, ShannonBudget(1.1)), OPEN)
        assert plan.key_bits == math.floor(secret - 64)
    assert Asymptotic().plan(Expectation((bad,), ShannonBudget(1.1)), OPEN).key_bits == 0


@pytest.mark.parametrize("charge", ["measured", "both-directions"])
def test_two_of_three_lanes_are_kept(charge: str) -> None:
    """The key is that of a round without the third lane, charge and all; in whichever place."""
    good, other, bad = (LaneCounts(5000, e, 5000, e) for e in (100, 150, 1500))
    terms = Terms(charge=charge)  # type: ignore[arg-type]  # one of three
    without = RoundFacts(20_000, 0, 0, (good, other), 3500, 3500, 0, (1500, 2000))
    expected = Asymptotic().key(without, terms)
    assert expected.charge_bits == (7000 if charge == "both-directions" else 3500)
    for lanes, parities in (
        ((good, bad, other), (1500, 9000, 2000)),
        ((bad, good, other), (9000, 1500, 2000)),
    ):
        facts = RoundFacts(30_000, 0, 0, lanes, 12_500, 12_500, 0, parities)
        assert Asymptotic().key(facts, terms) == expected


def test_mixed_bases_must_be_equally_probable() -> None:
    """One error rate stands for both; all else is allowed."""
    assert "one error rate" in refused(AsymptoticMixed(), is_symmetric=False)["basis"]
    assert refused(AsymptoticMixed(), is_random_sample=False) == {}


def test_unfair_outcomes_take_key_from_a_plan() -> None:
    """All of it with an epsilon, what bias charges without; a fair lane loses nothing."""
    fair = LaneExpectation(100_000.0, 0.02, 100_000.0, 0.02)
    lanes = (
        Expectation((fair,), ShannonBudget(1.1)),
        Expectation((replace(fair, z_ones=0.4),), ShannonBudget(1.1)),
    )
    for security in (Finite(), TwoBasis(), Asymptotic()):
        fairly, unfairly = (expected_plan(security, light, OPEN).key_bits for light in lanes)
        assert fairly == security.plan(lanes[0], OPEN).key_bits
        assert fairly is not None
        assert unfairly is not None
        if security.has_secrecy_epsilon:
            assert unfairly == 0 < fairly
        else:
            # h(0.4) = 0.97095: at least 2.9 % of the 100,000 bits of that basis.
            assert 2_905 <= fairly - unfairly < 10_000


def test_the_length_that_helps_is_found_to_a_quarter() -> None:
    """Without an epsilon: 64 bits of verification, and light that gives one bit a round."""
    light = Expectation((LaneExpectation(0.5, 0.0, 0.5, 0.0),), ShannonBudget(1.0))
    scale = smallest_scale(Asymptotic(), light, OPEN)
    assert scale is not None
    assert 65 <= scale < 65 * 1.25
    assert smallest_scale(Asymptotic(), light.scaled(100.0), OPEN) == 1.0
    assert smallest_scale(Asymptotic(), light.scaled(1e-4), OPEN) is None


def test_two_basis_leak_and_epsilon_at_their_limits() -> None:
    """The budget itself is allowed, a bit more is not; an epsilon of 2^-t alone is refused."""
    lanes = (LaneCounts(50_000, 0, 50_000, 0),)
    leak = TWO_TERMS.tolerated_leak_bits(100_000)
    full = TwoBasis().key(RoundFacts(100_000, 0, 0, lanes, leak, 0, 0), TWO_TERMS)
    assert (full.reason, full.charge_bits) == (None, leak)
    over = TwoBasis().key(RoundFacts(100_000, 0, 0, lanes, leak + 1, 0, 0), TWO_TERMS)
    assert (over.key_bits, over.reason) == (0, AbortReason.LEAK_TOO_HIGH)
    profile = link_config(estimation="reconciled", epsilon=2.0**-20, verification_bits=20).profile
    choice = replace(GOOD, profile=profile, is_random_sample=False)
    assert "epsilon" in dict(TwoBasis().refusals(choice))
