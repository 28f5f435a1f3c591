"""What both ends compute alike once a round's errors are corrected: books, key length, key."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from protocols.bbm92.rounds import Bits, RoundCore, RoundDropped, received_bits
from protocols.books import RoundBooks
from protocols.budgets import error_count_charge_bits
from protocols.interfaces import KeyDecision, RoundFacts, checked_decision
from protocols.keylength.balance import Balance, bias_bits
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkConfig
from protocols.messages import AbortReason
from protocols.registry import VariantError
from protocols.variants import AMPLIFICATIONS, ESTIMATIONS, SECURITIES, is_two_way

MAX_ROUND_BITS = 2**26 - 2**14
"""Mask and bits of the sample, or a hash seed, one bit for each of a round, fit into a message."""
MAX_QUERIES = 100_000
"""So often a responder may ask in a round; its own correction ends the round before more."""


class BookedRound(Protocol):
    """What is asked of a round to judge it: its link, and its books, which can be written."""

    config: LinkConfig
    books: RoundBooks

    def book(self, **changes: object) -> None:
        """Replace counts in the books."""
        ...


def sample_size(core: RoundCore) -> int:
    """How many bits of a round, all sifted, are to be published; the same at both ends."""
    config = core.config
    with ESTIMATIONS.using(config.profile.estimation) as estimation:
        return estimation.sample_bits(config.terms, core.sifted.size)


def judge_sample(core: RoundCore, mine: Bits, theirs: Bits) -> None:
    """Book a sample that both ends have published; RoundDropped if the round ends by it."""
    config, errors = core.config, int(np.count_nonzero(mine != theirs))
    core.book(sampled_bits=mine.size, sample_errors=errors)
    with ESTIMATIONS.using(config.profile.estimation) as estimation:
        is_accepted = estimation.accepts(config.terms, sampled_bits=mine.size, errors=errors)
    if not is_accepted:
        raise RoundDropped(AbortReason.QBER_TOO_HIGH)


def leak_limit_bits(config: LinkConfig, raw_bits: int) -> int:
    """How many parities of a round may be disclosed; with more there is no key, whatever follows.

    Every key length is at most what was not disclosed; the budget is that of the round's terms.
    Both ends compare after each reply, with the same counts.
    """
    terms = config.terms
    is_doubled = terms.charge == "both-directions" and is_two_way(config.profile.reconciliation)
    most_bits = min(raw_bits - terms.verification_bits - 1, terms.tolerated_leak_bits(raw_bits))
    return most_bits // (2 if is_doubled else 1)


def plan_key(
    core: BookedRound,
    lanes: tuple[LaneCounts, ...],
    found: Iterable[Balance],
    lane_parity_bits: tuple[int, ...],
) -> None:
    """Book charge and key length of a verified round; RoundDropped if there is no key in it.

    VariantError for more key than was kept to oneself, whatever the security variant says.

    Parameters
    ----------
    found : iterable of Balance
        Of the corrected bits of each lane and basis: the same at both ends.
    lane_parity_bits : tuple of int
        Disclosed of each lane.
    """
    config, books = core.config, core.books
    security = SECURITIES.get(config.profile.security)
    count_bits = error_count_charge_bits(lanes) if security.books_error_counts else 0
    facts = RoundFacts(
        sifted_bits=books.sifted_bits,
        sampled_bits=books.sampled_bits,
        sample_errors=books.sample_errors,
        lanes=lanes,
        parity_bits=books.parity_bits,
        returned_bits=books.parity_bits if is_two_way(config.profile.reconciliation) else 0,
        count_bits=count_bits,
        lane_parity_bits=lane_parity_bits,
    )
    with SECURITIES.using(config.profile.security):
        decision = checked_decision(security.key(facts, config.terms))
    _refuse_disclosed(core, decision)
    lost_bits = bias_bits(found)
    core.book(
        lanes=lanes,
        count_bits=count_bits,
        charge_bits=decision.charge_bits,
        bias_bits=lost_bits,
        key_bits=max(0, decision.key_bits - lost_bits),
        correctness_epsilon=decision.correctness_epsilon,
        secrecy_epsilon=decision.secrecy_epsilon,
    )
    if decision.reason is not None:
        raise RoundDropped(decision.reason)
    if lost_bits and (security.has_secrecy_epsilon or not core.books.key_bits):
        # The theorems of finite keys speak of detectors that answer alike; none covers a charge.
        core.book(key_bits=0)
        raise RoundDropped(AbortReason.BIASED)


def _refuse_disclosed(core: BookedRound, decision: KeyDecision) -> None:
    """No theorem gives more bits than are left of the raw ones once what was disclosed is gone."""
    books, name = core.books, core.config.profile.security
    left_bits = books.raw_bits - books.parity_bits - core.config.terms.verification_bits
    if not 0 <= decision.key_bits <= max(0, left_bits):
        found = f"{decision.key_bits} bits of key, where {left_bits} of the round are undisclosed"
        raise VariantError("security", name, found)


def seed_size(config: LinkConfig, input_bits: int, key_bits: int) -> int:
    """Bits of the seed of privacy amplification."""
    with AMPLIFICATIONS.using(config.profile.amplification) as amplification:
        return amplification.seed_size(input_bits, key_bits)


def final_key(config: LinkConfig, bits: Bits, *, seed: bytes, key_bits: int) -> Bits:
    """(key_bits,) uint8: privacy amplification of ``bits`` with ``seed``, packed."""
    seed_bits = received_bits(seed, seed_size(config, bits.size, key_bits))
    name = config.profile.amplification
    with AMPLIFICATIONS.using(name) as amplification:
        key = amplification.amplify(bits, seed_bits=seed_bits, output_bits=key_bits)
        if key.dtype != np.uint8 or key.shape != (key_bits,) or key.max(initial=0) > 1:
            raise VariantError("amplification", name, f"gives something else than {key_bits} bits")
        return key


def joined_bits(blocks: list[Bits]) -> Bits:
    """All lanes of a round behind each other."""
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.uint8)
