"""Both ends of links at the rate level: pads and numbers of their rounds, and what they add up to.

A round is settled as its light ends: there is nobody to wait for.
"""

from collections import Counter
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from netsim.pools.counts import LinkCounts
from netsim.simulation.rate.light import Counts
from netsim.simulation.rate.rounds import Judged
from protocols.messages import TAG_BYTES, AbortReason, Role

Mask = NDArray[np.bool_]
ROUND_PADS_BITS = 8 * TAG_BYTES * len(Role)
"""One pad for the vote and one for the decision of each round with key."""


class Ends:
    """What both ends of each of L links know alike; pads are counted, not kept.

    Parameters
    ----------
    links : int
        L.
    initial_pads : int
        Rounds that may be signed before there is key; 0 where nothing is signed.

    Attributes
    ----------
    numbers : (L,) int64
        Of the next round.
    has_stopped : (L,) bool
        No round begins without pads, the newest of which are not for it.
    """

    def __init__(self, links: int, initial_pads: int) -> None:
        self._pads_ahead = initial_pads
        self._provisioned = np.full(links, initial_pads)
        self._next_pads = np.zeros(links, dtype=np.int64)
        self.numbers = np.zeros(links, dtype=np.int64)
        self.has_stopped = np.zeros(links, dtype=np.bool_)

    def settle(self, links: Counts, judged: Judged) -> tuple[Counts, Counts]:
        """Rounds of ``links`` are over: bits of each that become pads, and of pads that signed."""
        has_key = judged.reasons == 0
        self.numbers[links] += 1
        if not self._pads_ahead:
            return np.zeros_like(links), np.zeros_like(links)
        # As in `protocols.pads.PadReserve.refill`.
        missing = self._next_pads[links] + 1 + self._pads_ahead - self._provisioned[links]
        rounds = np.clip(np.minimum(missing, judged.key_bits // ROUND_PADS_BITS), 0, None)
        rounds = np.where(has_key, rounds, 0)
        self._provisioned[links] += rounds
        self._next_pads[links] += has_key
        return ROUND_PADS_BITS * rounds, ROUND_PADS_BITS * has_key.astype(np.int64)

    def stop(self) -> Counts:
        """Links that have just run out of pads, and stop."""
        is_out = (self._next_pads + 1 >= self._provisioned) & ~self.has_stopped
        if self._pads_ahead:
            self.has_stopped |= is_out
        return np.flatnonzero(is_out & bool(self._pads_ahead))

    def close(self) -> Counts:
        """(L,) int64: bits of pads that the closing of each link takes; -1 where it has none."""
        if not self._pads_ahead:
            return np.zeros(len(self.numbers), dtype=np.int64)
        return np.where(self._next_pads < self._provisioned, ROUND_PADS_BITS, -1)


class Sums:
    """`LinkCounts` of each of L links, while they grow.

    Parameters
    ----------
    links : int
        L.
    has_secrecy : bool
        Whether key lengths claim a probability with which they are secret.
    """

    def __init__(self, links: int, *, has_secrecy: bool) -> None:
        self._sums = {field.name: np.zeros(links) for field in fields(LinkCounts)}
        self._has_secrecy = has_secrecy
        self._reasons = np.zeros((links, max(AbortReason) + 1), dtype=np.int64)
        """How often, by reason; the first column has those with key."""

    def add(self, links: Counts, judged: Judged, forgery_probability: NDArray[np.float64]) -> None:
        """Take in the rounds of ``links`` that are over."""
        is_verified = judged.is_verified
        added = {
            "blocks": 1,
            "blocks_failed": judged.reasons != 0,
            "sifted_bits": judged.sifted_bits,
            "leaked_bits": judged.parity_bits,
            "verified_leak_bits": judged.parity_bits * is_verified,
            "charged_bits": judged.charge_bits * is_verified,
            "bias_bits": judged.bias_bits * (judged.reasons == 0),
            "shannon_bits": judged.shannon_bits,
            "verification_bits": judged.verification_bits,
            "deposited_bits": judged.key_bits * (judged.reasons == 0),
            "round_trips": judged.round_trips,
            "sampled_bits": judged.sampled_bits,
            "failure_probability": forgery_probability,
            "correctness_epsilon": judged.correctness_epsilon,
            "secrecy_epsilon": judged.secrecy_epsilon,
        }
        for name, values in added.items():
            self._sums[name][links] += values
        np.add.at(self._reasons, (links, judged.reasons), 1)

    def spend(self, links: Counts, bits: Counts) -> None:
        """Pads are gone."""
        self._sums["auth_spent_bits"][links] += bits

    def counts_of(self, link: int) -> LinkCounts:
        """Of one link."""
        values: dict[str, int | float | None] = {
            field.name: (int if field.type is int else float)(self._sums[field.name][link])
            for field in fields(LinkCounts)
        }
        if not self._has_secrecy:
            values["secrecy_epsilon"] = None
        return LinkCounts(**values)  # type: ignore[arg-type]  # each of the type of its field

    def reasons_of(self, link: int) -> Counter[str]:
        """Why rounds of one link gave no key."""
        by_reason = self._reasons[link]
        found = {each.name.lower(): int(by_reason[each]) for each in AbortReason}
        return +Counter(found)
