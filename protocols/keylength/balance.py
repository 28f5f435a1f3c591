"""Bits that are not fair: what somebody who knows the bias of a detector knows of a key.

Every length formula takes a bit as one bit of entropy as long as nothing has been published of it.
Detectors that differ, or do not answer at all, break that: of n bits with a share p of ones at most
n h(p) are unknown even to somebody who only knows the apparatus (C.-H. F. Fung et al., Quantum Inf.
Comput. 9, 131 (2009), treats what more an attacker may do). A bias within `SIGMAS` standard
deviations is taken for chance: it would cost 2 SIGMAS^2 / (4 ln 2) = 18 bits at most.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from protocols.keylength.keyrate import binary_entropy

SIGMAS = 5.0
"""A fair coin is this far off once in 1.7 million times."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How often both values came out, in one lane and basis of one round.

    Attributes
    ----------
    bits : int
        All of them, >= 0.
    ones : int
        0 to ``bits``.
    """

    bits: int
    ones: int

    @property
    def deviation_sigma(self) -> float:
        """Distance from half and half in standard deviations of a fair coin; 0 without bits."""
        return (2 * self.ones - self.bits) / math.sqrt(self.bits) if self.bits else 0.0

    @property
    def is_fair(self) -> bool:
        """Whether chance explains it."""
        return abs(self.deviation_sigma) <= SIGMAS

    @property
    def lost_bits(self) -> float:
        """What is known of the bits beforehand: n (1 - h(p)); 0 if they are fair."""
        if self.is_fair:
            return 0.0
        return self.bits * known_share(self.ones / self.bits)


def known_share(ones: float) -> float:
    """What is known beforehand of each bit, of which a share ``ones`` are 1: 1 - h(p)."""
    return 1.0 - binary_entropy(ones)


def bias_bits(balances: Iterable[Balance]) -> int:
    """What biased outcomes take from a key, whole bits; 0 if all are fair.

    That a length depends on a count of ones discloses at most log2(n + 1) bits of it: charged too.
    """
    unfair = [balance for balance in balances if not balance.is_fair]
    return sum(math.ceil(balance.lost_bits + math.log2(balance.bits + 1)) for balance in unfair)
