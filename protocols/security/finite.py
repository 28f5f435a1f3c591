"""Finite keys, and what is asked of any security statement before a round.

The formulas are in `protocols.keylength.keyrate` and `protocols.keylength.finite`; here they meet
the counts of a round. The finite variants take their length from the terms alone: the observed
error rate and the actual leak only decide whether there is a key.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

from protocols.budgets import leak_share, upper_rate
from protocols.expectation import Expectation, Plan
from protocols.interfaces import (
    USUAL_SAMPLE_SHARE,
    Choice,
    KeyDecision,
    RoundFacts,
    Security,
)
from protocols.keylength.balance import bias_bits
from protocols.keylength.finite import (
    FiniteKey,
    FiniteRound,
    SamplingBound,
    finite_key,
    two_basis_key_bits,
)
from protocols.keylength.keyrate import (
    LaneCounts,
    binary_entropy,
)
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security.assumptions import DEVICES, FIXED, ONE_WAY_COUNT, SYMMETRIC

SAMPLE_SHARES = tuple(0.002 * 1.12**step for step in range(51))
"""Tried by the planner: 0.2 % to 58 %, in steps of 12 %."""
MAX_ROUND_SCALE = 2**14


class _WithEpsilon(Security):
    """What the finite statements share: a budget for the leak, and its label."""

    has_secrecy_epsilon: ClassVar[bool] = True
    books_error_counts: ClassVar[bool] = True

    def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
        """A leak that is not counted; a verification hash that alone exceeds the budget."""
        if not choice.is_measurable:
            yield (
                "reconciliation",
                (
                    f"{choice.profile.reconciliation} does not go with this security: it needs a "
                    "leak that is counted on the wire"
                ),
            )
        terms = choice.profile.terms
        if terms.epsilon <= terms.correctness_epsilon:
            yield (
                "epsilon",
                (
                    f"{terms.epsilon:g} is not above 2^-{terms.verification_bits}, what "
                    "verification alone may fail with"
                ),
            )

    def _over_budget(self, facts: RoundFacts, terms: Terms) -> AbortReason | None:
        """Why the counts forbid a key, whatever its length."""
        if facts.sample_errors > terms.tolerated_errors(facts.sampled_bits):
            return AbortReason.QBER_TOO_HIGH
        if self._leak_bits(facts, terms) > terms.tolerated_leak_bits(facts.raw_bits):
            return AbortReason.LEAK_TOO_HIGH
        return None

    def _leak_bits(self, facts: RoundFacts, terms: Terms) -> int:
        """What is compared with the budget: parities and error counts, without the hash."""
        returned_bits = facts.returned_bits if terms.charge == "both-directions" else 0
        return facts.parity_bits + returned_bits + facts.count_bits


class Finite(_WithEpsilon):
    """Tomamichel and Leverrier: a random published sample bounds the errors of the rest."""

    bound: ClassVar[SamplingBound] = "serfling"
    assumptions: ClassVar[str] = (
        "finite key of Tomamichel and Leverrier (arXiv:1506.08458); "
        f"{DEVICES}; {SYMMETRIC}; {FIXED}"
    )

    def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
        """The proof is for a uniformly random sample and a symmetric choice of basis."""
        if not choice.is_random_sample:
            yield (
                "estimation",
                (
                    f"{choice.profile.estimation} does not go with this security: its proof bounds "
                    "the errors from a published random sample; say sample"
                ),
            )
        yield from choice.uneven_bases(
            "does not go with this security: its proof needs both bases with probability 1/2; say "
            "symmetric, or security two-basis"
        )
        yield from super().refusals(choice)

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """Length from m, k and the terms; counts only decide whether there is one."""
        sifted_bits, sampled_bits = facts.sifted_bits, facts.sampled_bits
        limit_bits = terms.tolerated_leak_bits(facts.raw_bits)
        budget = terms.epsilon - terms.correctness_epsilon
        no_key = KeyDecision(0, limit_bits, terms.correctness_epsilon, budget)
        if sampled_bits != terms.sample_bits(sifted_bits) or not 0 < sampled_bits < sifted_bits:
            return replace(no_key, reason=AbortReason.TOO_FEW_BITS)
        if (reason := self._over_budget(facts, terms)) is not None:
            return replace(no_key, reason=reason)
        key = _finite_key(_finite_round(sifted_bits, terms), terms.epsilon, self.bound)
        if key is None:
            return replace(no_key, reason=AbortReason.NO_KEY)
        secrecy_epsilon = key.sampling_epsilon + key.amplification_epsilon
        return KeyDecision(key.key_bits, limit_bits, key.correctness_epsilon, secrecy_epsilon)

    def plan(self, expectation: Expectation, terms: Terms) -> Plan:
        """Sample share, threshold and leak budget with which the expected key is longest."""
        sifted_bits = math.floor(expectation.bits)
        shares = (terms.sample_share,) if terms.sample_share else SAMPLE_SHARES
        plans = [self._plan(expectation, terms, sifted_bits, share) for share in shares]
        best = max(plans, key=lambda plan: plan.key_bits or 0)
        if not best.key_bits and not terms.sample_share:
            return self._plan(expectation, terms, sifted_bits, USUAL_SAMPLE_SHARE)
        return best

    def _plan(self, expectation: Expectation, terms: Terms, sifted_bits: int, share: float) -> Plan:
        sampled_bits = replace(terms, sample_share=share).sample_bits(sifted_bits)
        qber = expectation.qber
        planned = replace(
            terms,
            sample_share=share,
            qber_threshold=min(terms.qber_threshold, upper_rate(qber, sampled_bits)),
            leak_share=leak_share(expectation, share),
        )
        if not 0 < sampled_bits < sifted_bits or planned.qber_threshold >= 0.5:
            return Plan(planned, 0)
        key = _finite_key(_finite_round(sifted_bits, planned), planned.epsilon, self.bound)
        return Plan(planned, key.key_bits if key else 0)


class FiniteExact(Finite):
    """The same with the exact hypergeometric tail in place of Serfling's."""

    bound: ClassVar[SamplingBound] = "hypergeometric"
    assumptions: ClassVar[str] = (
        "finite key of arXiv:1506.08458 with the exact sampling tail of arXiv:2410.04095; "
        f"{DEVICES}; {SYMMETRIC}; {FIXED}"
    )


class TwoBasis(_WithEpsilon):
    """The phase error of one basis from the exact errors of the other; any choice of basis.

    Lanes are pooled. The two bases' lengths add and so do their epsilons; the leak, which parities
    of mixed bits do not let divide, is taken from their sum. One hash takes both bases' bits: the
    chain rule for smooth entropies (A. Vitanov, F. Dupuis, M. Tomamichel, R. Renner, IEEE Trans.
    Inf. Theory 59, 2603 (2013), arXiv:1205.5231, theorem 13) adds them up, and what it costs is
    less than the second verification hash that is charged here; see ``docs/security.md``.
    """

    counts_bases: ClassVar[bool] = True
    assumptions: ClassVar[str] = (
        "finite key per basis of Tomamichel et al. (arXiv:1103.4130) with lengths and epsilons "
        f"added; {DEVICES}; {FIXED}"
    )

    def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
        """The test is all bits of the other basis: a sample would only take bits away."""
        if choice.is_random_sample:
            yield (
                "estimation",
                (
                    f"{choice.profile.estimation} does not go with security two-basis: its phase "
                    "errors come from all corrected errors of the other basis; say reconciled"
                ),
            )
        yield from super().refusals(choice)

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """Length from the bits per basis and the terms."""
        limit_bits = terms.tolerated_leak_bits(facts.raw_bits)
        budget = terms.epsilon - terms.correctness_epsilon
        no_key = KeyDecision(0, limit_bits, terms.correctness_epsilon, budget)
        for bits, errors in _per_basis(facts.lanes):
            if errors > terms.tolerated_errors(bits):
                return replace(no_key, reason=AbortReason.QBER_TOO_HIGH)
        if (reason := self._over_budget(facts, terms)) is not None:
            return replace(no_key, reason=reason)
        (z_bits, _), (x_bits, _) = _per_basis(facts.lanes)
        key_bits = _two_basis_sum(z_bits, x_bits, terms) - limit_bits
        if key_bits <= 0:
            return replace(no_key, reason=AbortReason.NO_KEY)
        return KeyDecision(key_bits, limit_bits, terms.correctness_epsilon, budget)

    def plan(self, expectation: Expectation, terms: Terms) -> Plan:
        """Thresholds above the expected errors of either basis, and the key they leave."""
        lanes = expectation.lanes
        z_bits, x_bits = (
            math.fsum(lane.z_bits for lane in lanes),
            math.fsum(lane.x_bits for lane in lanes),
        )
        z_errors = math.fsum(lane.z_bits * lane.z_qber for lane in lanes)
        x_errors = math.fsum(lane.x_bits * lane.x_qber for lane in lanes)
        rates = [
            upper_rate(errors / bits, bits)
            for bits, errors in ((z_bits, z_errors), (x_bits, x_errors))
            if bits >= 1.0
        ]
        planned = replace(
            terms,
            sample_share=0.0,
            qber_threshold=min(terms.qber_threshold, max(rates, default=0.5)),
            leak_share=leak_share(expectation, 0.0),
        )
        z, x = math.floor(z_bits), math.floor(x_bits)
        key_bits = _two_basis_sum(z, x, planned) - planned.tolerated_leak_bits(z + x)
        return Plan(planned, max(0, key_bits))


def expected_bias_bits(expectation: Expectation) -> int:
    """What outcomes that are not fair should take from the key of a round."""
    return bias_bits(balance for lane in expectation.lanes for balance in lane.balances)


def expected_plan(security: Security, expectation: Expectation, terms: Terms) -> Plan:
    """`Security.plan`, less what outcomes that are not fair take from its key.

    As in a round: what carries an epsilon has no key then, other keys are charged. TypeError if
    the variant gives no plan.
    """
    plan, lost_bits = security.plan(expectation, terms), expected_bias_bits(expectation)
    if not isinstance(plan, Plan):
        raise TypeError(f"{type(plan).__name__} is no Plan")
    if not lost_bits or plan.key_bits is None:
        return plan
    left_bits = 0 if security.has_secrecy_epsilon else max(0, plan.key_bits - lost_bits)
    return replace(plan, key_bits=left_bits)


def smallest_scale(security: Security, expectation: Expectation, terms: Terms) -> float | None:
    """How much longer a round must be to hold any key; None if `MAX_ROUND_SCALE` is not enough."""
    if security.has_secrecy_epsilon and _is_hopeless(expectation.scaled(MAX_ROUND_SCALE)):
        return None
    scale = 1.0
    while scale <= MAX_ROUND_SCALE:
        if expected_plan(security, expectation.scaled(scale), terms).key_bits:
            return scale
        scale *= 1.25
    return None


def _is_hopeless(expectation: Expectation) -> bool:
    """Whether error correction alone takes all that the expected errors leave.

    Finite lengths take more: margins, a sample, epsilons, and the errors of all lanes pooled.
    """
    left_bits = math.fsum(
        lane.bits * (1.0 - binary_entropy(lane.qber))
        - expectation.budget.bits(lane.bits, lane.qber, seen_bits=lane.bits)
        for lane in expectation.lanes
    )
    return left_bits <= 0.0


def label(choice: Choice, security: Security) -> str:
    """What must be said of a combination that is allowed though no proof covers it; else empty."""
    books_both = choice.profile.terms.charge == "both-directions"
    is_covered = books_both or not choice.is_two_way or not security.has_secrecy_epsilon
    return "" if is_covered else ONE_WAY_COUNT


def _finite_round(sifted_bits: int, terms: Terms) -> FiniteRound:
    sampled_bits = terms.sample_bits(sifted_bits)
    return FiniteRound(
        sifted_bits=sifted_bits,
        sample_bits=sampled_bits,
        threshold=terms.qber_threshold,
        reconciliation_bits=terms.tolerated_leak_bits(sifted_bits - sampled_bits),
        verification_bits=terms.verification_bits,
    )


@lru_cache(maxsize=256)
def _finite_key(plan: FiniteRound, epsilon: float, bound: SamplingBound) -> FiniteKey | None:
    """`finite_key`, kept: both ends of a link ask for the same one."""
    return finite_key(plan, epsilon=epsilon, bound=bound)


def _per_basis(lanes: tuple[LaneCounts, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(bits, errors) of Z and of X over all lanes."""
    return (
        (sum(lane.z_bits for lane in lanes), sum(lane.z_errors for lane in lanes)),
        (sum(lane.x_bits for lane in lanes), sum(lane.x_errors for lane in lanes)),
    )


def _two_basis_sum(z_bits: int, x_bits: int, terms: Terms) -> int:
    """Both bases' lengths before the leak; half of the secrecy budget each."""

    def length(raw_bits: int, test_bits: int) -> int:
        return two_basis_key_bits(
            raw_bits=raw_bits,
            test_bits=test_bits,
            threshold=terms.qber_threshold,
            disclosed_bits=0,
            secrecy_epsilon=(terms.epsilon - terms.correctness_epsilon) / 2.0,
            verification_bits=terms.verification_bits,
        )

    return length(z_bits, x_bits) + length(x_bits, z_bits)
