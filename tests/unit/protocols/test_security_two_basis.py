"""Key lengths where each basis tests the other."""

import math
from dataclasses import replace

import pytest

from protocols.budgets import error_count_charge_bits
from protocols.interfaces import (
    KeyDecision,
    RoundFacts,
)
from protocols.keylength.finite import (
    two_basis_key_bits,
)
from protocols.keylength.keyrate import (
    LaneCounts,
)
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security import (
    TwoBasis,
)
from tests.support.links import link_config
from tests.unit.protocols.securities import (
    EPSILON,
    GOOD,
    OPEN,
    expectation,
)

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


def test_two_basis_prefers_uneven_bases() -> None:
    """Of equal total light, 80:20 sifts more than it tests worse: r^2 + (1-r)^2 of the pairs."""

    def key_bits(z: float) -> int:
        share = z**2 + (1 - z) ** 2
        light = expectation(800.0 * share, 0.05, 600.0, z_share=z**2 / share)
        return TwoBasis().plan(light, OPEN).key_bits or 0

    assert key_bits(0.5) < key_bits(0.8) > key_bits(0.995)
