"""What the analytic model expects of a round, and the terms that were chosen for it.

It knows no model and no variant.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from protocols.keylength.balance import Balance
from protocols.keylength.keyrate import binary_entropy
from protocols.profile import Terms


class LeakBudget(Protocol):
    """What error correction is given, fixed before a round."""

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """Disclosed bits that are enough for a block, both directions where both are booked.

        Parameters
        ----------
        block_bits : float
            To be corrected.
        error_rate : float
            The highest that it should have, 0 to 1/2.
        seen_bits : float
            Bits of the same light from which the correction takes its estimate.
        """
        ...


@dataclass(frozen=True, slots=True)
class ShannonBudget:
    """f n h(Q) for all blocks."""

    efficiency: float

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """As of `LeakBudget`; the estimate changes nothing."""
        _ = seen_bits
        return self.efficiency * block_bits * binary_entropy(error_rate)


@dataclass(frozen=True, slots=True)
class LaneExpectation:
    """What the analytic model expects of one lane in one round.

    Attributes
    ----------
    z_bits, x_bits : float
        Sifted bits per basis, >= 0.
    z_qber, x_qber : float
        Error rates, 0 to 1/2.
    z_ones, x_ones : float
        Share of ones, 0 to 1.
    """

    z_bits: float
    z_qber: float
    x_bits: float
    x_qber: float
    z_ones: float = 0.5
    x_ones: float = 0.5

    @property
    def bits(self) -> float:
        """Bits of both bases."""
        return self.z_bits + self.x_bits

    @property
    def qber(self) -> float:
        """Error rate of both bases together; 0 without bits."""
        errors = self.z_bits * self.z_qber + self.x_bits * self.x_qber
        return errors / self.bits if self.bits else 0.0

    def scaled(self, factor: float) -> "LaneExpectation":
        """The same of a round that is ``factor`` times as long."""
        return replace(self, z_bits=self.z_bits * factor, x_bits=self.x_bits * factor)

    @property
    def balances(self) -> tuple[Balance, Balance]:
        """Zeros and ones to be expected in either basis, in whole bits."""
        z_bits, x_bits = math.floor(self.z_bits), math.floor(self.x_bits)
        return (
            Balance(z_bits, round(z_bits * self.z_ones)),
            Balance(x_bits, round(x_bits * self.x_ones)),
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the analytic model expects of a round, and what is known of its error correction.

    Attributes
    ----------
    lanes : tuple of LaneExpectation
        One per lane of the link.
    budget : LeakBudget
        Of the error correction.
    """

    lanes: tuple[LaneExpectation, ...]
    budget: LeakBudget

    @property
    def bits(self) -> float:
        """Bits of all lanes."""
        return math.fsum(lane.bits for lane in self.lanes)

    @property
    def qber(self) -> float:
        """Error rate of all lanes together, at most 1/2; 1/2 without bits."""
        errors = math.fsum(lane.bits * lane.qber for lane in self.lanes)
        return min(0.5, errors / self.bits) if self.bits else 0.5

    def scaled(self, factor: float) -> "Expectation":
        """The same of a round that is ``factor`` times as long."""
        return Expectation(tuple(lane.scaled(factor) for lane in self.lanes), self.budget)


@dataclass(frozen=True, slots=True)
class Plan:
    """Terms chosen before a round, and the key they should give.

    Attributes
    ----------
    key_bits : int or None
        Per round, if it goes as expected; 0 if no terms give any, None if nothing was worked out.
    """

    terms: Terms
    key_bits: int | None
