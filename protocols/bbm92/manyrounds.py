"""`protocols.bbm92.distillation` for many rounds of links with the same terms, as arrays."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protocols.budgets import error_count_charge_bits
from protocols.keylength.arrays import Counts, Numbers
from protocols.keylength.balance import SIGMAS, Balance, bias_bits
from protocols.messages import AbortReason
from protocols.profile import Profile
from protocols.registry import VariantError
from protocols.security.many import Decisions, ManyRounds, Reasons, decide
from protocols.variants import SECURITIES, is_two_way

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """What N verified rounds are worth; arrays (N,), of which `Decisions` tells the rest.

    Attributes
    ----------
    key_bits, charge_bits, count_bits, bias_bits : int64
    correctness_epsilon, secrecy_epsilon : float64
    reasons : uint8
        0 where there is key.
    """

    key_bits: Counts
    charge_bits: Counts
    count_bits: Counts
    bias_bits: Counts
    correctness_epsilon: Numbers
    secrecy_epsilon: Numbers
    reasons: Reasons


def are_leaks_too_high(profile: Profile, parity_bits: Counts, raw_bits: Counts) -> Mask:
    """(N,) bool: whether more was disclosed than `leak_limit_bits`.

    Parameters
    ----------
    profile : Profile
        Of all the rounds.
    parity_bits, raw_bits : (N,) int64
    """
    terms = profile.terms
    is_doubled = is_two_way(profile.reconciliation) and terms.charge == "both-directions"
    leak_bits = parity_bits * (2 if is_doubled else 1)
    tolerated_bits = np.ceil(terms.leak_share * raw_bits)
    found: Mask = leak_bits >= raw_bits - terms.verification_bits
    found |= leak_bits > tolerated_bits
    return found


def plan_keys(profile: Profile, rounds: ManyRounds, ones: Counts) -> Plans:
    """Charge and key length of verified rounds, as `plan_key` books them.

    Parameters
    ----------
    profile : Profile
        Of all the rounds.
    rounds : ManyRounds
        Their ``count_bits`` are worked out here.
    ones : (N, lanes, 2) int64
        Of the corrected bits of each lane and basis.

    Raises
    ------
    VariantError
        For more key than was kept to oneself.
    """
    security = SECURITIES.get(profile.security)
    if security.books_error_counts:
        facts = map(rounds.facts, range(len(rounds.lanes)))
        counted = [error_count_charge_bits(each.lanes) for each in facts]
        rounds = replace(rounds, count_bits=np.array(counted, dtype=np.int64))
    with SECURITIES.using(profile.security):
        found = decide(security, rounds, profile.terms)
    _refuse_disclosed(profile, rounds, found)
    lost_bits = _bias_bits(rounds.lanes[..., ::2], ones)
    key_bits = np.maximum(0, found.key_bits - lost_bits)
    is_biased = (lost_bits > 0) & ((key_bits == 0) | security.has_secrecy_epsilon)
    is_biased &= found.reasons == 0
    return Plans(
        np.where(is_biased, 0, key_bits),
        found.charge_bits,
        rounds.count_bits,
        lost_bits,
        found.correctness_epsilon,
        found.secrecy_epsilon,
        np.where(is_biased, AbortReason.BIASED, found.reasons).astype(np.uint8),
    )


def _refuse_disclosed(profile: Profile, rounds: ManyRounds, found: Decisions) -> None:
    left_bits = rounds.raw_bits - rounds.parity_bits - profile.terms.verification_bits
    too_many = (found.key_bits < 0) | (found.key_bits > np.maximum(0, left_bits))
    for index in np.flatnonzero(too_many)[:1]:
        told = f"{found.key_bits[index]} bits of key, where {left_bits[index]} of the round are"
        raise VariantError("security", profile.security, f"{told} undisclosed")


def _bias_bits(bits: Counts, ones: Counts) -> Counts:
    """(N,) int64: what outcomes that are not fair take; most rounds are fair."""
    deviations = np.abs(2 * ones - bits) / np.sqrt(np.maximum(bits, 1))
    lost = np.zeros(len(bits), dtype=np.int64)
    # Those near the limit are judged by the one rule there is.
    for index in np.flatnonzero((deviations > math.nextafter(SIGMAS, 0.0)).any(axis=(1, 2))):
        pairs = zip(bits[index].ravel().tolist(), ones[index].ravel().tolist(), strict=True)
        lost[index] = bias_bits(Balance(*pair) for pair in pairs)
    return lost
