"""Finite key lengths against known vectors, brute force and each other."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.keylength.finite import (
    FiniteKey,
    FiniteRound,
    SamplingBound,
    error_count_bits,
    finite_key,
    finite_key_at,
    hypergeometric_epsilon,
    key_bits_at,
    serfling_epsilon,
    serfling_excess,
    two_basis_key_bits,
)
from protocols.keylength.keyrate import binary_entropy

EPSILON = 1e-10
BOUNDS: tuple[SamplingBound, ...] = ("serfling", "hypergeometric")


def plan_round(
    threshold: float, sifted_bits: int, sample_bits: int, epsilon: float = EPSILON
) -> FiniteRound:
    """Budgets as in the vectors: r = 1.1 h(delta) n, t from a share m^-1/2 of epsilon."""
    raw_bits = sifted_bits - sample_bits
    return FiniteRound(
        sifted_bits=sifted_bits,
        sample_bits=sample_bits,
        threshold=threshold,
        reconciliation_bits=math.ceil(1.1 * binary_entropy(threshold) * raw_bits),
        verification_bits=math.ceil(-math.log2(sifted_bits**-0.5 * epsilon)),
    )


# For the formulas of Tomamichel and Leverrier, arXiv:1506.08458, computed apart from this code:
# delta, m, k, nu, l and sum of the epsilons.
VECTORS = [
    (0.010, 36123, 5911, 0.06943318811415392, 15323, 9.778763272730244e-11),
    (0.050, 128989, 20941, 0.03685663259331777, 27878, 9.872424026202253e-11),
]


@pytest.mark.parametrize(("threshold", "m", "k", "nu", "key_bits", "epsilon"), VECTORS)
def test_known_lengths(
    *, threshold: float, m: int, k: int, nu: float, key_bits: int, epsilon: float
) -> None:
    """At the given nu, the length is exact and the sum of epsilons within 1e-12."""
    plan = plan_round(threshold, m, k)
    alpha = m**-0.5
    share = (1 - alpha - 0.9 * (1 - alpha)) * EPSILON
    key = finite_key_at(plan, excess=nu, amplification_epsilon=share)
    assert key.key_bits == key_bits == key_bits_at(plan, excess=nu, amplification_epsilon=share)
    assert key.epsilon == pytest.approx(epsilon, rel=1e-12, abs=0)
    assert serfling_excess(plan, 0.9 * (1 - alpha) * EPSILON) == pytest.approx(nu, rel=1e-12)


@pytest.mark.parametrize(("row", "best_bits"), [(0, 15332), (1, 27898)])
def test_best_nu_gives_a_little_more(row: int, best_bits: int) -> None:
    """Over all nu the key is a few bits longer, within the same epsilon, and no nu beats it."""
    threshold, m, k, _, known_bits, _ = VECTORS[row]
    plan = plan_round(threshold, m, k)
    key = finite_key(plan, epsilon=EPSILON)
    assert key is not None
    assert key.key_bits == best_bits > known_bits
    assert key.epsilon <= EPSILON * (1 + 1e-9)
    for step in range(1, 400):
        excess = step * 0.0005
        left = EPSILON - plan.correctness_epsilon - serfling_epsilon(plan, excess)
        if left > 0:
            other = key_bits_at(plan, excess=excess, amplification_epsilon=left)
            assert other <= key.key_bits


def exact_failure(plan: FiniteRound, excess: float) -> float:
    """Max over all numbers of errors of P(sample passes, rest is worse), in fractions."""
    m, k, n = plan.sifted_bits, plan.sample_bits, plan.raw_bits
    worst = Fraction(0)
    for errors in range(m + 1):
        probability = Fraction(0)
        for seen in range(min(k, errors) + 1):
            rest = errors - seen
            if rest > n or Fraction(seen) > Fraction(plan.threshold).limit_denominator() * k:
                continue
            if rest > n * (plan.threshold + excess) + 1e-9:
                ways = math.comb(errors, seen) * math.comb(m - errors, k - seen)
                probability += Fraction(ways, math.comb(m, k))
        worst = max(worst, probability)
    return float(worst)


@pytest.mark.parametrize("m", [12, 30, 41])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("excess", [0.07, 0.15, 0.3])
def test_exact_tail_is_the_worst_case(m: int, threshold: float, excess: float) -> None:
    """The exact epsilon is 2 sqrt of the worst probability, enumerated over all error counts."""
    for k in (m // 4, m // 2, 3 * m // 4):
        plan = FiniteRound(m, k, threshold, 0, 10)
        expected = 2 * math.sqrt(exact_failure(plan, excess))
        assert hypergeometric_epsilon(plan, excess) == pytest.approx(expected, rel=2e-4, abs=1e-12)


def test_exact_tail_of_large_rounds_is_not_rounded_away() -> None:
    """At 10^5 bits the sum of logarithms equals integers, and errs on the safe side only."""
    m, k, rate = 10**5, 10**4, 0.0002
    plan = FiniteRound(m, k, rate, 0, 40)
    passing = int(rate * k)
    errors = passing + math.floor(2 * rate * (m - k)) + 1
    ways = sum(math.comb(errors, x) * math.comb(m - errors, k - x) for x in range(passing + 1))
    expected = 2 * math.sqrt(Fraction(ways, math.comb(m, k)))
    assert expected < hypergeometric_epsilon(plan, rate) < expected * 1.0002


@given(
    st.integers(20, 10**6),
    st.floats(0.02, 0.98),
    st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.08]),
    st.floats(2, 14),
)
def test_exact_is_never_below_serfling(
    m: int, share: float, threshold: float, exponent: float
) -> None:
    """The exact tail never costs key, and no key exceeds its epsilon."""
    k = min(m - 1, max(1, int(share * m)))
    epsilon = 10.0**-exponent
    plan = plan_round(threshold, m, k, epsilon)
    keys = {bound: finite_key(plan, epsilon=epsilon, bound=bound) for bound in BOUNDS}
    lengths = [key.key_bits if key else 0 for key in keys.values()]
    assert lengths[0] <= lengths[1]
    for key in keys.values():
        assert key is None or key.epsilon <= epsilon * (1 + 1e-9)


def smallest_round(bound: SamplingBound) -> int:
    """Sifted bits, in steps of 100, from which there is any key at 2 % and 1e-10."""
    for m in itertools.count(500, 100):
        samples = range(m // 10, m // 2, max(1, m // 40))
        plans = (plan_round(0.02, m, k) for k in samples)
        if any(finite_key(plan, epsilon=EPSILON, bound=bound) for plan in plans):
            return m
    raise AssertionError


def test_exact_tail_halves_the_smallest_round() -> None:
    """The smallest round with key is 0.4 to 0.6 of that with Serfling's bound (2410.04095)."""
    assert 0.4 <= smallest_round("hypergeometric") / smallest_round("serfling") <= 0.6


def test_hopeless_rounds_give_none() -> None:
    """No key: too few bits, a budget that verification alone exceeds, more leak than bits."""
    assert finite_key(plan_round(0.05, 500, 100), epsilon=EPSILON) is None
    assert finite_key(FiniteRound(10**6, 10**5, 0.01, 0, 10), epsilon=1e-4) is None
    assert finite_key(FiniteRound(10**6, 10**5, 0.01, 10**6, 64), epsilon=EPSILON) is None
    assert finite_key(FiniteRound(10**4, 10**3, 0.49, 0, 64), epsilon=EPSILON) is None


@pytest.mark.parametrize(
    ("m", "k", "threshold", "r"),
    [(10, 0, 0.1, 0), (10, 10, 0.1, 0), (10, 5, 0.5, 0), (10, 5, 0, -1)],
)
def test_impossible_rounds_are_refused(m: int, k: int, threshold: float, r: int) -> None:
    """The sample is neither empty nor all, the threshold below 1/2, the leak not negative."""
    with pytest.raises(ValueError, match=r"sample|threshold|negative"):
        FiniteRound(m, k, threshold, r, 64)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, -1e-9])
def test_impossible_epsilons_are_refused(epsilon: float) -> None:
    """A budget lies between 0 and 1."""
    with pytest.raises(ValueError, match="epsilon"):
        finite_key(plan_round(0.05, 10**5, 10**4), epsilon=epsilon)


def test_epsilons_of_a_key_add() -> None:
    """The failure probability of a key is the sum of its three parts."""
    assert FiniteKey(1, 0.1, 1e-3, 2e-3, 3e-3).epsilon == pytest.approx(6e-3)


def test_two_basis_length() -> None:
    """The length is that of arXiv:1103.4130, written as it is printed there."""
    n, k, threshold, leak, secrecy, t = 50_000, 40_000, 0.03, 11_000, 1e-10, 40
    mu = math.sqrt((n + k) / (n * k) * (k + 1) / k * math.log(4 / secrecy))
    length = n * (1 - binary_entropy(threshold + mu)) - leak - math.log2(2 / secrecy**2 / 2**-t)
    bits = two_basis_key_bits(
        raw_bits=n,
        test_bits=k,
        threshold=threshold,
        disclosed_bits=leak,
        secrecy_epsilon=secrecy,
        verification_bits=t,
    )
    assert bits == math.floor(length) > 20_000


@pytest.mark.parametrize(("n", "k"), [(0, 100), (100, 0), (100, 100), (10**6, 1)])
def test_two_basis_without_enough_bits(n: int, k: int) -> None:
    """Too few bits in either basis give no key, not an error."""
    assert (
        two_basis_key_bits(
            raw_bits=n,
            test_bits=k,
            threshold=0.03,
            disclosed_bits=0,
            secrecy_epsilon=EPSILON,
            verification_bits=40,
        )
        == 0
    )


@pytest.mark.parametrize(("bits", "count_bits"), [(0, 0), (1, 1), (2, 2), (3, 2), (1000, 10)])
def test_error_counts_are_booked(bits: int, count_bits: int) -> None:
    """A number from 0 to n discloses log2(n + 1) bits, rounded up."""
    assert error_count_bits(bits) == count_bits == math.ceil(math.log2(bits + 1))
