"""Decisions at their limits: too few bits for a sample, keys of no bits, all of the epsilon."""

from dataclasses import replace

import pytest

from protocols.expectation import Expectation, LaneExpectation, Plan, ShannonBudget
from protocols.interfaces import USUAL_SAMPLE_SHARE, KeyDecision
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason
from protocols.profile import MIN_SIFTED_BITS, Terms
from protocols.security import (
    Asymptotic,
    Finite,
    FiniteExact,
    TwoBasis,
    expected_plan,
    smallest_scale,
)
from tests.unit.protocols.securities import EPSILON, FINITE, OPEN, expectation
from tests.unit.protocols.test_security import VECTORS, facts_of, terms_of
from tests.unit.protocols.test_security_two_basis import TWO_TERMS, two_basis


def is_none_for(decision: KeyDecision, reason: AbortReason, terms: Terms) -> bool:
    """No key, for that reason, with the whole budget beside it."""
    budget = terms.epsilon - terms.correctness_epsilon
    return (decision.key_bits, decision.reason, decision.secrecy_epsilon) == (0, reason, budget)


@pytest.mark.parametrize("security", FINITE)
@pytest.mark.parametrize("vector", VECTORS)
def test_the_whole_budget_is_used_and_told(
    security: Finite, vector: tuple[float, int, int, float, int, int]
) -> None:
    """Sampling and amplification share what verification leaves: their sum is the key's epsilon."""
    threshold, m, k, *_ = vector
    terms = terms_of(threshold, m, k)
    decision = security.key(facts_of(m, k), terms)
    assert decision.correctness_epsilon == 2.0**-terms.verification_bits
    assert decision.secrecy_epsilon == pytest.approx(
        EPSILON - decision.correctness_epsilon, rel=1e-6
    )


@pytest.mark.parametrize("security", FINITE)
def test_rounds_too_small_for_a_sample(security: Finite) -> None:
    """No bit sampled is no sample; one is, though there is no key in it; nothing is left of all."""
    terms = Terms(sample_share=0.01, qber_threshold=0.1, epsilon=EPSILON)
    small = MIN_SIFTED_BITS - 1
    assert is_none_for(security.key(facts_of(small, 0), terms), AbortReason.TOO_FEW_BITS, terms)
    assert terms.sample_bits(100) == 1
    assert is_none_for(security.key(facts_of(100, 1), terms), AbortReason.NO_KEY, terms)


@pytest.mark.parametrize("security", FINITE)
def test_plans_of_light_without_a_key(security: Finite) -> None:
    """Too few bits, or errors of one half: no key, and the usual sample; a given one is kept."""
    for light in (expectation(400.0, 0.05, 0.01), expectation(400.0, 0.5, 600.0)):
        plan = security.plan(light, OPEN)
        assert (plan.key_bits, plan.terms.sample_share) == (0, USUAL_SAMPLE_SHARE)
        given = security.plan(light, replace(OPEN, sample_share=0.25))
        assert (given.key_bits, given.terms.sample_share) == (0, 0.25)


def test_a_key_of_two_bases_has_at_least_one_bit() -> None:
    """The leak budget leaves one bit, none, or less than none."""
    both = two_basis(50_000, 50_000).key_bits + TWO_TERMS.tolerated_leak_bits(100_000)
    for left in (1, 0, -1):
        terms = replace(TWO_TERMS, leak_share=(both - left - 0.5) / 100_000)
        lanes = (LaneCounts(50_000, 0, 50_000, 0),)
        facts = replace(facts_of(100_000, 0), lanes=lanes)
        assert terms.tolerated_leak_bits(facts.raw_bits) == both - left
        decision = TwoBasis().key(facts, terms)
        if left == 1:
            assert (decision.key_bits, decision.reason) == (1, None)
        else:
            assert is_none_for(decision, AbortReason.NO_KEY, terms)


def test_two_basis_plans_take_no_sample() -> None:
    """Whatever the terms have asked for; without a bit of one basis it has no say in thresholds."""
    plan = TwoBasis().plan(expectation(400.0, 0.05, 600.0), replace(OPEN, sample_share=0.2))
    assert plan.terms.sample_share == 0.0
    one_sided = Expectation((LaneExpectation(0.9, 0.0, 1e6, 0.02),), ShannonBudget(1.1))
    alone = TwoBasis().plan(one_sided, OPEN)
    assert 0.02 < alone.terms.qber_threshold < 0.021
    assert alone.key_bits == 0
    single = Expectation((LaneExpectation(1.0, 0.3, 1e6, 0.02),), ShannonBudget(1.1))
    assert TwoBasis().plan(single, OPEN).terms.qber_threshold > 0.3


def test_light_that_would_need_much_longer_rounds() -> None:
    """Up to 16384 times as long is looked for, and not beyond: what is found then is of no use."""
    scale = smallest_scale(FiniteExact(), expectation(1.0, 0.02, 10.0), OPEN)
    assert scale is not None
    assert 100 < scale < 2**14
    per_scale = expectation(1.0, 0.02, 10.0).scaled(scale)
    for share, is_found in ((2.0**14 * 0.7, True), (2.0**14 * 1.3, False)):
        found = smallest_scale(FiniteExact(), per_scale.scaled(1.0 / share), OPEN)
        assert (found is not None) is is_found


def test_outcomes_that_are_constant_leave_nothing_of_a_plan() -> None:
    """What bias takes may be more than the key: none is left then, and not a bit of it."""
    lane = replace(expectation(400.0, 0.02, 600.0).lanes[0], z_ones=0.0, x_ones=0.0)
    light = Expectation((lane,), ShannonBudget(1.1))
    assert (Asymptotic().plan(light, OPEN).key_bits or 0) > 100_000
    assert expected_plan(Asymptotic(), light, OPEN).key_bits == 0


def test_a_plan_that_is_none_is_told() -> None:
    """Of a third party: by its type, before anything is read from it."""

    class Odd(Asymptotic):
        def plan(self, expectation: Expectation, terms: Terms) -> Plan:
            _ = expectation
            return terms  # type: ignore[return-value]

    with pytest.raises(TypeError, match="Terms is no Plan"):
        expected_plan(Odd(), expectation(400.0, 0.02, 600.0), OPEN)
