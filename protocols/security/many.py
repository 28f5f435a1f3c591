"""Key lengths of many rounds at once: as arrays where a formula has them, else one by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.interfaces import RoundFacts, Security, checked_decision
from protocols.keylength.arrays import (
    Counts,
    Numbers,
    secret_by_basis,
    secret_of_both,
    shannon_bits_of,
)
from protocols.keylength.keyrate import PAPER_EFFICIENCY, LaneCounts
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security.asymptotic import Asymptotic, AsymptoticMixed

Reasons = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ManyRounds:
    """`RoundFacts` of N rounds with as many lanes each.

    Attributes
    ----------
    sifted_bits, sampled_bits, sample_errors, count_bits : (N,) int64
    lanes : (N, lanes, 4) int64
        Bits and errors in Z, then in X.
    lane_parity_bits : (N, lanes) int64
    is_two_way : bool
        Whether as many parities of the responder's bits are disclosed.
    """

    sifted_bits: Counts
    sampled_bits: Counts
    sample_errors: Counts
    count_bits: Counts
    lanes: Counts
    lane_parity_bits: Counts
    is_two_way: bool

    @property
    def raw_bits(self) -> Counts:
        """(N,) int64: bits that become key."""
        return self.sifted_bits - self.sampled_bits

    @property
    def parity_bits(self) -> Counts:
        """(N,) int64: of all lanes."""
        total: Counts = self.lane_parity_bits.sum(axis=1)
        return total

    @property
    def errors(self) -> Counts:
        """(N,) int64: of all lanes and bases."""
        total: Counts = self.lanes[..., 1::2].sum(axis=(1, 2))
        return total

    def facts(self, index: int) -> RoundFacts:
        """Of one of them."""
        parity_bits = self.lane_parity_bits[index].tolist()
        return RoundFacts(
            sifted_bits=int(self.sifted_bits[index]),
            sampled_bits=int(self.sampled_bits[index]),
            sample_errors=int(self.sample_errors[index]),
            lanes=tuple(LaneCounts(*lane) for lane in self.lanes[index].tolist()),
            parity_bits=sum(parity_bits),
            returned_bits=sum(parity_bits) if self.is_two_way else 0,
            count_bits=int(self.count_bits[index]),
            lane_parity_bits=tuple(parity_bits),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """`KeyDecision` of N rounds; arrays (N,).

    Attributes
    ----------
    key_bits, charge_bits : int64
    correctness_epsilon, secrecy_epsilon : float64
        The latter NaN where it is not claimed.
    reasons : uint8
        An `AbortReason`, 0 where there is key.
    """

    key_bits: Counts
    charge_bits: Counts
    correctness_epsilon: Numbers
    secrecy_epsilon: Numbers
    reasons: Reasons


_SECRET: Mapping[type[Security], Callable[[Counts], Numbers]] = {
    Asymptotic: secret_by_basis,
    AsymptoticMixed: secret_of_both,
}
"""What is secret of each lane before anything is disclosed, of the formulas that have arrays."""


def decide(security: Security, rounds: ManyRounds, terms: Terms) -> Decisions:
    """`Security.key` of all ``rounds``; a class that is not built in is asked one by one."""
    secret = _SECRET.get(type(security))
    if secret is None:
        return _one_by_one(security, rounds, terms)
    return _asymptotic(rounds, terms, secret(rounds.lanes))


def _one_by_one(security: Security, rounds: ManyRounds, terms: Terms) -> Decisions:
    found = [
        checked_decision(security.key(rounds.facts(index), terms))
        for index in range(len(rounds.lanes))
    ]
    none = float("nan")
    return Decisions(
        np.array([each.key_bits for each in found], dtype=np.int64),
        np.array([each.charge_bits for each in found], dtype=np.int64),
        np.array([each.correctness_epsilon for each in found], dtype=np.float64),
        np.array(
            [none if each.secrecy_epsilon is None else each.secrecy_epsilon for each in found],
            dtype=np.float64,
        ),
        np.array([each.reason or 0 for each in found], dtype=np.uint8),
    )


def _asymptotic(rounds: ManyRounds, terms: Terms, secret_bits: Numbers) -> Decisions:
    """As `Asymptotic.key`."""
    shannon_bits = shannon_bits_of(rounds.lanes)
    alone = _charges(rounds, rounds.lane_parity_bits, shannon_bits, terms)
    is_worth = np.floor(secret_bits - alone) > 0.0
    is_kept = is_worth | ~is_worth.any(axis=1, keepdims=True)
    parity_bits = (rounds.lane_parity_bits * is_kept).sum(axis=1)
    charge_bits = _charges(rounds, parity_bits, (shannon_bits * is_kept).sum(axis=1), terms)
    left_bits = (secret_bits * is_kept).sum(axis=1) - charge_bits - terms.verification_bits
    key_bits = np.maximum(0, np.floor(left_bits)).astype(np.int64)
    is_wrong = rounds.errors > terms.qber_threshold * rounds.raw_bits
    reasons = np.where(key_bits > 0, 0, AbortReason.NO_KEY)
    reasons = np.where(is_wrong | (rounds.raw_bits == 0), AbortReason.QBER_TOO_HIGH, reasons)
    return Decisions(
        np.where(reasons == 0, key_bits, 0),
        charge_bits,
        np.full(len(key_bits), terms.correctness_epsilon),
        np.full(len(key_bits), np.nan),
        reasons.astype(np.uint8),
    )


def _charges(
    rounds: ManyRounds, parity_bits: Counts, shannon_bits: Numbers, terms: Terms
) -> Counts:
    """As `protocols.keylength.keyrate.error_correction_charge_bits`."""
    if terms.charge == "both-directions":
        return parity_bits * (2 if rounds.is_two_way else 1)
    if terms.charge == "measured":
        return parity_bits
    budget_bits = np.ceil(PAPER_EFFICIENCY * shannon_bits).astype(np.int64)
    return np.maximum(parity_bits, budget_bits)
