"""What one end of a link has made and spent: sums over its rounds, and why rounds gave no key."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from operator import add, attrgetter

from netsim.printable import count_text
from protocols.books import RoundBooks
from protocols.messages import AbortReason


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """Sums over the rounds that have ended at one end of a link; sums of parts add up."""

    blocks: int = 0
    """Rounds that ended, failed ones included."""
    blocks_failed: int = 0
    sifted_bits: int = 0
    leaked_bits: int = 0
    """Parity bits on the wire, those of failed blocks included."""
    verified_leak_bits: int = 0
    """Parity bits of the blocks that verified."""
    charged_bits: int = 0
    """What the key length formula was charged for error correction in those blocks."""
    bias_bits: int = 0
    """What outcomes that are not fair took from the keys that were made."""
    shannon_bits: float = 0.0
    """Sum of n h(exact error rate) over those blocks, sub-block by sub-block."""
    verification_bits: int = 0
    auth_spent_bits: int = 0
    """One-time pads used for authentication tags."""
    deposited_bits: int = 0
    """Secret bits that entered the pool or refilled the reserve."""
    round_trips: int = 0
    alarms: int = 0
    """Messages that no honest peer sends, tags that did not verify, damage to rounds without
    key."""
    sampled_bits: int = 0
    """Sifted bits that were published to estimate the error rate."""
    failure_probability: float = 0.0
    """Bound on having accepted a forged message: all rounds, aborted ones included, and all other
    checks."""
    correctness_epsilon: float = 0.0
    """Bound on a block that differs at the two ends: all rounds, aborted and lost ones included."""
    secrecy_epsilon: float | None = None
    """The same for a block that is not secret; None where the key length does not claim any."""

    def __add__(self, other: "LinkCounts") -> "LinkCounts":
        sums = [*map(add, _numbers(self), _numbers(other)), _both(self, other)]
        return LinkCounts(*sums)


_numbers = attrgetter(*(f.name for f in fields(LinkCounts) if f.name != "secrecy_epsilon"))
"""All but the last field, in order."""


def _both(one: LinkCounts, other: LinkCounts) -> float | None:
    if other.secrecy_epsilon is None:
        return one.secrecy_epsilon
    return (one.secrecy_epsilon or 0.0) + other.secrecy_epsilon


def counts_of(books: RoundBooks, *, failed: bool) -> LinkCounts:
    """Counts of one round that has ended; key deposited and pads spent are told by themselves."""
    is_verified = bool(books.lanes)
    return LinkCounts(
        blocks=1,
        blocks_failed=int(failed),
        sifted_bits=books.sifted_bits,
        leaked_bits=books.parity_bits,
        verified_leak_bits=books.parity_bits if is_verified else 0,
        charged_bits=books.charge_bits if is_verified else 0,
        bias_bits=0 if failed else books.bias_bits,
        shannon_bits=books.shannon_bits if is_verified else 0.0,
        verification_bits=books.verification_bits,
        round_trips=books.round_trips,
        sampled_bits=books.sampled_bits,
        failure_probability=books.forgery_probability,
        correctness_epsilon=books.correctness_epsilon,
        secrecy_epsilon=books.secrecy_epsilon,
    )


def bias_notes(bits: int) -> Iterator[str]:
    """One phrase about outcomes that are not fair, if they took ``bits`` of key or more."""
    if bits:
        yield (
            f"zeros and ones are not balanced (unequal detectors): {bits} bits charged, which "
            "covers somebody who listens, not one who makes use of the difference"
        )


def net_notes(counts: LinkCounts) -> Iterator[str]:
    """One phrase about why a link has spent more key than it made, if it has."""
    if counts.deposited_bits < counts.auth_spent_bits:
        yield (
            f"net key is negative: authentication took {counts.auth_spent_bits} bits, more than "
            f"{count_text(counts.blocks, 'round')} made (longer rounds need less)"
        )


def reasons_of(mine: Mapping[int, str], its: Mapping[int, str]) -> Counter[str]:
    """How often rounds had no key, by reason.

    Parameters
    ----------
    mine, its : mapping
        Round to reason, at this end and at its peer. Where this end knows no more than that its
        peer has given up, the peer says why.
    """
    told = AbortReason.PEER_ABORTED.name.lower()
    return Counter(
        its.get(number, told) if reason == told else reason for number, reason in mine.items()
    )


def failures(reasons: Mapping[str, int]) -> Iterator[str]:
    """One phrase about the rounds without key, if there are any."""
    if reasons:
        counted = " + ".join(f"{count} {name}" for name, count in sorted(reasons.items()))
        yield f"rounds without key: {counted}"
