"""Finite key: lengths with a secrecy epsilon, from thresholds that are fixed before the round.

Knows nothing of messages or pools. Neither the observed error rate nor the actual leak may enter
here: a round that exceeds its threshold or its reconciliation budget is aborted instead. Holds for
trusted devices, fair sampling, a passive symmetric choice of basis and a random published sample
(`finite_key`), or one basis tested for the other (`two_basis_key_bits`).

References
----------
.. [1] M. Tomamichel, A. Leverrier, A largely self-contained and complete security proof for
   quantum key distribution, Quantum 1, 14 (2017), arXiv:1506.08458.
.. [2] V. Mannalath, V. Zapatero, M. Curty, Sharp finite statistics for quantum key distribution,
   Phys. Rev. Lett. (2025), arXiv:2410.04095.
.. [3] M. Tomamichel, C. C. W. Lim, N. Gisin, R. Renner, Tight finite-key analysis for quantum
   cryptography, Nat. Commun. 3, 634 (2012), arXiv:1103.4130.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from protocols.keylength.keyrate import binary_entropy

SamplingBound = Literal["serfling", "hypergeometric"]

ROUNDING_GUARD = 1.0 + 1e-4
"""Factor on exact tails: lgamma near 1e9 is off by up to 5e-6, and nine of them are summed."""
GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0
SEARCH_STEPS = 80


@dataclass(frozen=True, slots=True)
class FiniteRound:
    """What is fixed before a round of [1]_.

    Attributes
    ----------
    sifted_bits : int
        m, all sifted bits of the round.
    sample_bits : int
        k, random ones of them that are published and thrown away; 1 to m - 1.
    threshold : float
        delta: the round is aborted if more than a share ``threshold`` of the sample is wrong.
    reconciliation_bits : int
        r: the round is aborted if more are disclosed.
    verification_bits : int
        t.
    """

    sifted_bits: int
    sample_bits: int
    threshold: float
    reconciliation_bits: int
    verification_bits: int

    def __post_init__(self) -> None:
        if not 0 < self.sample_bits < self.sifted_bits:
            raise ValueError(f"{self.sample_bits} of {self.sifted_bits} bits are no sample")
        if not 0.0 <= self.threshold < 0.5:
            raise ValueError(f"a threshold of {self.threshold} is not in 0 to 1/2")
        if self.reconciliation_bits < 0 or self.verification_bits < 0:
            raise ValueError("bits disclosed cannot be negative")

    @property
    def raw_bits(self) -> int:
        """Number n = m - k of bits that become key."""
        return self.sifted_bits - self.sample_bits

    @property
    def tolerated_sample_errors(self) -> int:
        """Errors in the sample at which the round still goes on."""
        return math.floor(self.threshold * self.sample_bits + 1e-9)

    @property
    def correctness_epsilon(self) -> float:
        """2^-t."""
        return 2.0**-self.verification_bits


@dataclass(frozen=True, slots=True)
class FiniteKey:
    """A key length and the failure probabilities that it stands on.

    Attributes
    ----------
    key_bits : int
        l, never below 0.
    excess : float
        nu: the error rate of the key bits is taken to be at most threshold + nu.
    correctness_epsilon, sampling_epsilon, amplification_epsilon : float
        Keys differ; the sample misleads; the hash is not uniform.
    """

    key_bits: int
    excess: float
    correctness_epsilon: float
    sampling_epsilon: float
    amplification_epsilon: float

    @property
    def epsilon(self) -> float:
        """Sum of the three: distance from an ideal key."""
        return self.correctness_epsilon + self.sampling_epsilon + self.amplification_epsilon


def serfling_epsilon(plan: FiniteRound, excess: float) -> float:
    """Sampling epsilon of [1]_: 2 exp(-n k^2 nu^2 / (m (k + 1)))."""
    return 2.0 * math.exp(-_serfling_scale(plan) * excess**2)


def serfling_excess(plan: FiniteRound, epsilon: float) -> float:
    """Excess nu (>= 0) at which `serfling_epsilon` is ``epsilon`` (0 to 2)."""
    return math.sqrt(math.log(2.0 / epsilon) / _serfling_scale(plan))


def hypergeometric_epsilon(plan: FiniteRound, excess: float) -> float:
    """Sampling epsilon with the exact tail [2]_: 2 sqrt(max P), never above Serfling's bound.

    P is the probability that a random sample of k has at most floor(delta k) = a errors although
    the rest has at least b = floor(n (delta + nu)) + 1. Among all numbers of errors it is largest
    for a + b: with more the sample has more, with fewer it must have even fewer than a.
    """
    # The small amount only undoes a product that fell short of an integer.
    errors = math.floor(plan.raw_bits * (plan.threshold + excess) * (1.0 + 1e-14))
    return _exact_epsilon(plan, errors)


def key_bits_at(plan: FiniteRound, *, excess: float, amplification_epsilon: float) -> int:
    """Length for given nu and epsilon of amplification [1]_, never below 0.

    floor(n (1 - h(delta + nu)) - r - t - 2 log2(1 / (2 eps_pa))).
    """
    return max(0, math.floor(_key_bits(plan, excess, amplification_epsilon)))


def finite_key_at(
    plan: FiniteRound,
    *,
    excess: float,
    amplification_epsilon: float,
    bound: SamplingBound = "serfling",
) -> FiniteKey:
    """Key for a given nu; its epsilon of amplification is what the whole number of bits leaves.

    Parameters
    ----------
    excess : float
        nu > 0.
    amplification_epsilon : float
        At most this much, 0 to 1/2.
    """
    key_bits = key_bits_at(plan, excess=excess, amplification_epsilon=amplification_epsilon)
    tail = serfling_epsilon if bound == "serfling" else hypergeometric_epsilon
    return FiniteKey(
        key_bits=key_bits,
        excess=excess,
        correctness_epsilon=plan.correctness_epsilon,
        sampling_epsilon=tail(plan, excess),
        amplification_epsilon=_amplification_epsilon(plan, excess, key_bits),
    )


def finite_key(
    plan: FiniteRound, *, epsilon: float, bound: SamplingBound = "serfling"
) -> FiniteKey | None:
    """Longest key whose three epsilons add up to at most ``epsilon``, over all nu.

    Parameters
    ----------
    plan : FiniteRound
        Fixed before the round.
    epsilon : float
        Budget, 0 to 1.
    bound : str
        ``serfling`` for [1]_, ``hypergeometric`` for [2]_.

    Returns
    -------
    FiniteKey or None
        None if there is no key of at least one bit.
    """
    if not 0.0 < epsilon < 1.0:
        raise ValueError(f"an epsilon of {epsilon} is not in 0 to 1")
    share = epsilon - plan.correctness_epsilon
    if share <= 0.0:
        return None
    best = _best_serfling if bound == "serfling" else _best_exact
    excess, sampling_epsilon = best(plan, share)
    if plan.threshold + excess >= 0.5 or sampling_epsilon >= share:
        return None
    key = finite_key_at(
        plan, excess=excess, amplification_epsilon=share - sampling_epsilon, bound=bound
    )
    return key if key.key_bits > 0 else None


def two_basis_key_bits(
    *,
    raw_bits: int,
    test_bits: int,
    threshold: float,
    disclosed_bits: int,
    secrecy_epsilon: float,
    verification_bits: int,
) -> int:
    """Length of a key from one basis, its phase error bounded by tests in the other [3]_.

    floor(n (1 - h(Q_tol + mu)) - leak - log2(2 / (eps_sec^2 eps_cor))) with eps_cor = 2^-t and
    mu^2 = (n + k) (k + 1) / (n k^2) ln(4 / eps_sec).

    Parameters
    ----------
    raw_bits, test_bits : int
        n in the basis of the key, k in the other.
    threshold : float
        Q_tol, fixed before the round: more errors among the k abort it.
    disclosed_bits : int
        Of reconciliation and error counts (`error_count_bits`), without the t of verification.
    secrecy_epsilon : float
        Of this basis; the epsilons of both bases' keys add.
    verification_bits : int
        t.

    Returns
    -------
    int
        Never below 0.
    """
    if raw_bits <= 0 or test_bits <= 0:
        return 0
    spread = (raw_bits + test_bits) * (test_bits + 1) / (raw_bits * test_bits**2)
    phase_error = threshold + math.sqrt(spread * math.log(4.0 / secrecy_epsilon))
    secret_bits = raw_bits * (1.0 - binary_entropy(min(0.5, phase_error))) - disclosed_bits
    spent_bits = 1.0 - 2.0 * math.log2(secrecy_epsilon) + verification_bits
    return max(0, math.floor(secret_bits - spent_bits))


def error_count_bits(bits: int) -> int:
    """What announcing a number of errors among ``bits`` discloses: log2(n + 1), rounded up."""
    return bits.bit_length()


def _serfling_scale(plan: FiniteRound) -> float:
    """Scale of Serfling's exponent, n k^2 / (m (k + 1))."""
    n, k, m = plan.raw_bits, plan.sample_bits, plan.sifted_bits
    return n * k**2 / (m * (k + 1))


def _key_bits(plan: FiniteRound, excess: float, amplification_epsilon: float) -> float:
    """`key_bits_at` before rounding; minus infinity where nothing is left."""
    if plan.threshold + excess >= 0.5 or amplification_epsilon <= 0.0:
        return -math.inf
    secret_bits = plan.raw_bits * (1.0 - binary_entropy(plan.threshold + excess))
    disclosed_bits = plan.reconciliation_bits + plan.verification_bits
    return secret_bits - disclosed_bits + 2.0 * math.log2(2.0 * amplification_epsilon)


def _amplification_epsilon(plan: FiniteRound, excess: float, key_bits: int) -> float:
    """1/2 sqrt(2^(-n (1 - h(delta + nu)) + r + t + l)) [1]_, at most 1."""
    secret_bits = plan.raw_bits * (1.0 - binary_entropy(min(0.5, plan.threshold + excess)))
    surplus = secret_bits - plan.reconciliation_bits - plan.verification_bits - key_bits
    return min(1.0, math.exp2(-1.0 - 0.5 * max(surplus, -2.0)))


def _exact_epsilon(plan: FiniteRound, tolerated_errors: int) -> float:
    """2 sqrt(P), P that the rest has more errors than tolerated though the sample passed."""
    total = plan.tolerated_sample_errors + tolerated_errors + 1
    if tolerated_errors >= plan.raw_bits:
        return 0.0
    tail = _hypergeometric_tail(
        plan.sifted_bits, total, plan.sample_bits, plan.tolerated_sample_errors
    )
    return 2.0 * math.sqrt(min(1.0, ROUNDING_GUARD * tail))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _hypergeometric_tail(population: int, marked: int, drawn: int, most: int) -> float:
    """P(at most ``most`` of ``drawn`` without replacement are marked), summed term by term."""
    least = max(0, drawn + marked - population)
    if most < least:
        return 0.0
    log_term = (
        _log_choose(marked, most)
        + _log_choose(population - marked, drawn - most)
        - _log_choose(population, drawn)
    )
    relative, term = 1.0, 1.0
    for x in range(most, least, -1):
        term *= x * (population - marked - drawn + x) / ((marked - x + 1) * (drawn - x + 1))
        relative += term
        if term < 1e-17 * relative:
            break
    return math.exp(log_term) * relative


def _best_serfling(plan: FiniteRound, share: float) -> tuple[float, float]:
    """Excess and sampling epsilon that make the key longest, by golden section in log(epsilon)."""

    def length(exponent: float) -> float:
        epsilon = share * math.exp(-exponent)
        return _key_bits(plan, serfling_excess(plan, epsilon), share - epsilon)

    exponent = _golden_maximum(length, 1e-9, 30.0)
    epsilon = share * math.exp(-exponent)
    return serfling_excess(plan, epsilon), epsilon


def _best_exact(plan: FiniteRound, share: float) -> tuple[float, float]:
    """The same with the exact tail, which only whole numbers of errors change."""
    low, high = math.floor(plan.threshold * plan.raw_bits), plan.raw_bits // 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _exact_epsilon(plan, middle) < share else (middle + 1, high)

    def length(errors: int) -> float:
        epsilon = _exact_epsilon(plan, errors)
        return _key_bits(plan, errors / plan.raw_bits - plan.threshold, share - epsilon)

    errors, value = low, length(low)
    while errors < plan.raw_bits // 2 and (following := length(errors + 1)) > value:
        errors, value = errors + 1, following
    return errors / plan.raw_bits - plan.threshold, _exact_epsilon(plan, errors)


def _golden_maximum(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one maximum between ``low`` and ``high`` has it."""
    for _ in range(SEARCH_STEPS):
        step = GOLDEN_RATIO * (high - low)
        if function(low + step) > function(high - step):
            low = high - step
        else:
            high = low + step
    return (low + high) / 2.0
