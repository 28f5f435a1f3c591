"""Keys of unlimited length: observed error rates, and no secrecy epsilon."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from protocols.expectation import Expectation, LaneExpectation, Plan
from protocols.interfaces import Choice, KeyDecision, RoundFacts, Security
from protocols.keylength.keyrate import asymptotic_key_bits, binary_entropy, secret_bits_of_both
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security.assumptions import DEVICES, POSITIONS, SYMMETRIC


class Asymptotic(Security):
    """The limit of infinitely long keys: observed error rates, no secrecy epsilon."""

    counts_bases: ClassVar[bool] = True
    assumptions: ClassVar[str] = f"asymptotic: no secrecy epsilon; {DEVICES}; {POSITIONS}"

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """N [1 - h(Q of the other basis)] per lane and basis, less charge and verification.

        A lane that costs more than it gives is left out of the sum: the parities of the others say
        nothing of its bits, nor its parities of theirs.
        """
        kept = self._worthwhile(facts, terms)
        charge_bits = kept.charge_bits(terms.charge)
        errors = sum(lane.errors for lane in facts.lanes)
        key_bits = self._key_bits(kept, charge_bits, terms.verification_bits)
        reason = None if key_bits else AbortReason.NO_KEY
        if errors > terms.qber_threshold * facts.raw_bits or not facts.raw_bits:
            reason = AbortReason.QBER_TOO_HIGH
        return KeyDecision(
            0 if reason else key_bits, charge_bits, terms.correctness_epsilon, None, reason
        )

    def plan(self, expectation: Expectation, terms: Terms) -> Plan:
        """The usual share for a sample, if one is taken; the key of the expected counts."""
        planned = super().plan(expectation, terms).terms
        yields_bits = (
            self._expected_bits(lane)
            - expectation.budget.bits(lane.bits, lane.qber, seen_bits=lane.bits)
            for lane in expectation.lanes
        )
        rate_bits = math.fsum(max(0.0, bits) for bits in yields_bits)
        return Plan(planned, max(0, math.floor(rate_bits - terms.verification_bits)))

    def _worthwhile(self, facts: RoundFacts, terms: Terms) -> RoundFacts:
        """The round without lanes that cost more than they give; all of it if none is worth it."""
        if len(facts.lane_parity_bits) < 2:
            return facts
        alone = [facts.lane(number) for number in range(len(facts.lanes))]
        kept = [lane for lane in alone if self._key_bits(lane, lane.charge_bits(terms.charge), 0)]
        if not kept or len(kept) == len(alone):
            return facts
        return replace(
            facts,
            sifted_bits=sum(lane.sifted_bits for lane in kept),
            sampled_bits=0,
            sample_errors=0,
            lanes=tuple(counts for lane in kept for counts in lane.lanes),
            parity_bits=sum(lane.parity_bits for lane in kept),
            returned_bits=sum(lane.returned_bits for lane in kept),
            lane_parity_bits=tuple(lane.parity_bits for lane in kept),
        )

    def _key_bits(self, facts: RoundFacts, charge_bits: float, verification_bits: int) -> int:
        return asymptotic_key_bits(
            facts.lanes, charge_bits=charge_bits, verification_bits=verification_bits
        )

    def _expected_bits(self, lane: LaneExpectation) -> float:
        return lane.z_bits * (1.0 - binary_entropy(lane.x_qber)) + lane.x_bits * (
            1.0 - binary_entropy(lane.z_qber)
        )


class AsymptoticMixed(Asymptotic):
    """N [1 - h(Q)] of bases that nobody tells apart, and that come equally often.

    The phase errors of the bits of one basis are the bit errors of the other, so over both they are
    as many as there are errors; entropy is concave, so the mean claims no more than each would.
    """

    counts_bases: ClassVar[bool] = False
    assumptions: ClassVar[str] = (
        "asymptotic: no secrecy epsilon; phase errors at the mean error rate of two bases that are "
        f"not told apart; {SYMMETRIC}; {DEVICES}; {POSITIONS}"
    )

    def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
        """Bases that are not equally probable."""
        yield from choice.uneven_bases(
            "does not go with this security: one error rate stands for both bases; say symmetric, "
            "or asymptotic"
        )

    def _key_bits(self, facts: RoundFacts, charge_bits: float, verification_bits: int) -> int:
        return asymptotic_key_bits(
            facts.lanes,
            charge_bits=charge_bits,
            verification_bits=verification_bits,
            secret_bits=secret_bits_of_both,
        )

    def _expected_bits(self, lane: LaneExpectation) -> float:
        return lane.bits * (1.0 - binary_entropy(lane.qber))
