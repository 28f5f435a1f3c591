"""Plans of securities: they promise what comes, and find the length of a round that helps."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from protocols.budgets import leak_share, upper_rate
from protocols.expectation import Expectation, LaneExpectation, ShannonBudget
from protocols.interfaces import (
    RoundFacts,
    Security,
)
from protocols.keylength.keyrate import (
    LaneCounts,
    binary_entropy,
)
from protocols.profile import Terms
from protocols.security import (
    Asymptotic,
    Finite,
    TwoBasis,
    expected_plan,
    smallest_scale,
)
from tests.unit.protocols.securities import (
    FINITE,
    OPEN,
    WITH_EPSILON,
    expectation,
)


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


def test_given_threshold_is_kept() -> None:
    """A threshold in the topology is not raised; below the expected rate it is not moved either."""
    for security in FINITE:
        strict = security.plan(expectation(400, 0.05, 600), replace(OPEN, qber_threshold=0.04))
        assert strict.terms.qber_threshold == 0.04
        loose = security.plan(expectation(400, 0.05, 600), replace(OPEN, qber_threshold=0.4))
        assert loose.terms.qber_threshold < 0.06


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_no_search_for_a_length_where_none_can_help(
    security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 8 % with both directions booked the correction takes all: known without one plan."""
    lane = LaneExpectation(4000.0, 0.08, 4000.0, 0.08)
    monkeypatch.setattr(type(security), "plan", None)
    assert smallest_scale(security, Expectation((lane,), ShannonBudget(2.2)), OPEN) is None


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
