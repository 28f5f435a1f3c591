"""What a reconciliation variant must be able to do; a third party writes subclasses of this.

A variant makes the two ends of one block. The responder's end asks, the announcer's end answers,
until there is nothing left to ask. What an end gets is its own bits and public numbers; neither
knows the channel or what the bits are for.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.keylength.keyrate import ChargePolicy, binary_entropy

MIN_ESTIMATE, MAX_ESTIMATE = 0.01, 0.5
"""Bounds of the error rate that the responder sends. One far too low leaves errors behind (Cascade
original has four passes and no more), one somewhat too high costs a few parities; above one half
there is nothing to correct."""
USUAL_BUDGET_EFFICIENCY = 1.1


def bounded_estimate(error_rate: float) -> float:
    """``error_rate`` within `MIN_ESTIMATE` and `MAX_ESTIMATE`: what the responder sends."""
    return min(max(error_rate, MIN_ESTIMATE), MAX_ESTIMATE)


class ReconcilingAnnouncer(Protocol):
    """The end whose bits are taken as right.

    Attributes
    ----------
    parities_disclosed : int
        Bits of information about its block in all answers so far.
    """

    parities_disclosed: int

    def answer(self, query: bytes) -> bytes:
        """Answer to a query; MalformedMessageError, with nothing disclosed, if it is none."""
        ...


class ReconcilingResponder(Protocol):
    """The end that asks and corrects its bits.

    Attributes
    ----------
    bits : (N,) uint8
        Zeros and ones, as corrected so far.
    parities_learned : int
        The announcer's ``parities_disclosed``, as counted at this end.
    """

    bits: NDArray[np.uint8]
    parities_learned: int

    def next_query(self) -> bytes | None:
        """Next query, never empty; None when nothing is left to ask.

        LocalProtocolError if the last one is not answered yet.
        """
        ...

    def handle_answer(self, answer: bytes) -> None:
        """Take the answer to the last query; MalformedMessageError, with nothing learnt, if it is
        none.
        """  # noqa: D205 - one sentence that does not fit one line
        ...


class Reconciliation(ABC):
    """A way to correct errors: makes both ends of a block."""

    description: ClassVar[str] = ""
    """One line."""
    is_two_way: ClassVar[bool] = True
    """Whether a question may depend on the responder's bits: it then tells where errors are."""
    is_measurable: ClassVar[bool] = True
    """Whether what its ends disclose is the cost of the correction."""
    needs_charge: ClassVar[ChargePolicy | None] = None
    """The one charge policy that goes with it; None for any."""
    budget_efficiency: ClassVar[float] = USUAL_BUDGET_EFFICIENCY
    """f that a leak budget fixed beforehand allows for, blocks of 1e4 bits included."""
    note: ClassVar[str] = ""
    """Printed beside the results."""

    def budget_bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """Parities that are enough for a block: f n h(Q), unless a variant knows better.

        Parameters
        ----------
        block_bits : float
        error_rate : float
            The highest that the block should have, 0 to 1/2.
        seen_bits : float
            Bits of the same light from which the estimate is made.
        """
        _ = seen_bits
        return self.budget_efficiency * block_bits * binary_entropy(error_rate)

    @abstractmethod
    def announcer(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingAnnouncer:
        """End of the announcer.

        Parameters
        ----------
        bits : (N,) uint8
            Zeros and ones, N >= 0; not changed.
        error_rate : float
            Estimate that the responder has sent, 0 to 1/2.
        seed : int
            64 public bits that the responder has sent.
        """

    @abstractmethod
    def responder(
        self, bits: NDArray[np.uint8], *, error_rate: float, seed: int
    ) -> ReconcilingResponder:
        """End of the responder; parameters as of `announcer`."""

    def estimate(self, *, errors: int, bits: int) -> float:
        """Error rate to start a block from, after ``errors`` among ``bits`` of an earlier one."""
        return (errors + 1) / (bits + 2)

    def estimate_after_failure(self, error_rate: float) -> float:
        """Error rate to start from after a block at ``error_rate`` has not verified.

        The hash may have been damaged on the wire: the responder takes no more than 0.15 from this.
        """
        return min(MAX_ESTIMATE, 1.5 * error_rate)
