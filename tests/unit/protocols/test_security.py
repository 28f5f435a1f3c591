"""Key lengths by a published sample, as the session asks for them: vectors, thresholds, budgets."""

import math
from dataclasses import replace

import pytest

from protocols.interfaces import (
    RoundFacts,
    Security,
)
from protocols.keylength.finite import (
    FiniteRound,
    finite_key_at,
    serfling_excess,
)
from protocols.keylength.keyrate import (
    LaneCounts,
    binary_entropy,
)
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security import (
    Finite,
    TwoBasis,
)
from tests.unit.protocols.securities import (
    EPSILON,
    FINITE,
    WITH_EPSILON,
)

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
