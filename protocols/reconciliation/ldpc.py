"""Reconciliation by LDPC codes: from one message of parities the responder corrects its bits.

Bytes in, bytes out; knows neither the channel nor what the bits are for. The announcer sends parity
checks of a sparse code, as many as `protocols.reconciliation.ldpc_budget` finds necessary at the
estimated error rate; the responder adds its own and decodes. Nothing that it says depends on its
bits, so only one direction is to be booked [1]_, and one round trip is all the latency there is.
The price: the estimate must not be too low, since nothing more can be asked.

Both ends shuffle the block by the seed of the message, which spreads errors that come in bursts,
and cut it into pieces. The query is one byte; the answer is the parities of all pieces, packed
big-endian.

A piece whose errors are not found stays as it was received. Its parities then differ from the
announcer's, so its bits do too, and verification fails. Errors that explain the parities may also
be the wrong ones; only verification can tell.

References
----------
.. [1] D. Tupkary, N. Luetkenhaus, Phys. Rev. Applied 20, 064040 (2023), arXiv:2307.00576.
"""

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bits import as_bit_array, pack_bits, seeded_permutation, unpack_bits
from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.reconciliation.interface import MAX_ESTIMATE, Reconciliation, bounded_estimate
from protocols.reconciliation.ldpc_budget import Plan, largest_share, plan_block
from protocols.reconciliation.ldpc_pieces import Piece

Bits = NDArray[np.uint8]

QUERY = b"\0"
MAX_BLOCK_BITS = 2**26
ESTIMATE_DEVIATIONS = 1.5
"""How many standard deviations of the last block's error rate the next one is assumed above it."""

BUDGET_DEVIATIONS = 2.0
"""Standard deviations of an estimate that a leak budget allows for beyond those."""


class _End:
    """What both ends have: their bits, shuffled, and the plan that follows from public numbers."""

    def __init__(self, bits: Bits, *, error_rate: float, seed: int) -> None:
        if bits.size > MAX_BLOCK_BITS:
            raise ValueError(f"{bits.size} bits are too many for one block")
        self._plan: Plan = plan_block(bits.size, error_rate)
        self._order = seeded_permutation(seed, bits.size)
        self._shuffled = as_bit_array(bits)[self._order]

    def _pieces(self) -> Iterator[tuple[Piece, slice]]:
        """Pieces, and where their bits are in the shuffled block."""
        start = 0
        for piece in self._plan.pieces:
            yield piece, slice(start, start + piece.key_bits)
            start += piece.key_bits

    def _parities(self) -> Bits:
        """All parities of the plan."""
        parities = [piece.parities(self._shuffled[where]) for piece, where in self._pieces()]
        return np.concatenate([np.empty(0, dtype=np.uint8), *parities])


class LdpcAnnouncer(_End):
    """The party whose bits are taken as right; it sends its parities.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones; copied. 0 <= N <= 2^26.
    error_rate : float
        Estimate that both ends agreed upon; clipped as in `plan_block`.
    seed : int
        Of the shuffle, 64 bits, from a message.

    Attributes
    ----------
    parities_disclosed : int
        Parities sent: each is a sum of bits of the block and of nothing else.
    """

    def __init__(self, bits: Bits, *, error_rate: float, seed: int) -> None:
        super().__init__(bits, error_rate=error_rate, seed=seed)
        self.parities_disclosed = 0

    def answer(self, query: bytes) -> bytes:
        """All parities, once.

        Raises
        ------
        MalformedMessageError
            If it is no query, or not the first: nothing is disclosed then.
        """
        if query != QUERY or self.parities_disclosed:
            raise MalformedMessageError("ldpc query", len(query))
        parities = self._parities()
        self.parities_disclosed += parities.size
        return pack_bits(parities)


class LdpcResponder(_End):
    """The party that corrects its bits.

    Parameters
    ----------
    bits, error_rate, seed
        As the announcer's.

    Attributes
    ----------
    bits : (N,) uint8
        As corrected so far.
    parities_learned : int
        Parities received.
    rounds : int
        Answers so far, each a round trip.
    sweeps : tuple of int
        Of the decoder, for each piece: -1 if no errors were found that explain the parities.
    """

    def __init__(self, bits: Bits, *, error_rate: float, seed: int) -> None:
        super().__init__(bits, error_rate=error_rate, seed=seed)
        self.bits = as_bit_array(bits)
        self.parities_learned = 0
        self.rounds = 0
        self.sweeps: tuple[int, ...] = ()
        self._is_asked = False

    def next_query(self) -> bytes | None:
        """The one query, if there are bits at all.

        Raises
        ------
        LocalProtocolError
            If it is not answered yet.
        """
        if self._is_asked and not self.rounds:
            raise LocalProtocolError("the ldpc query is not answered yet")
        if self._is_asked or not self.bits.size:
            return None
        self._is_asked = True
        return QUERY

    def handle_answer(self, answer: bytes) -> None:
        """Take the announcer's parities and correct the bits.

        Raises
        ------
        MalformedMessageError
            If nothing was asked, the size is wrong or a filling bit is set: nothing is learnt.
        """
        if not self._is_asked or self.rounds:
            raise MalformedMessageError("ldpc answer", len(answer))
        try:
            theirs = unpack_bits(answer, self._plan.disclosed_bits)
        except ValueError as error:
            raise MalformedMessageError("ldpc answer", len(answer)) from error
        self.rounds = 1
        self.parities_learned = theirs.size
        self._correct(theirs ^ self._parities())

    def _correct(self, difference: Bits) -> None:
        start, sweeps = 0, []
        for piece, where in self._pieces():
            stop = start + piece.disclosed_bits
            errors, made = piece.find_errors(
                difference[start:stop], error_rate=self._plan.error_rate
            )
            if made >= 0:
                self.bits[self._order[where]] ^= errors
            sweeps.append(made)
            start = stop
        self.sweeps = tuple(sweeps)


class Ldpc(Reconciliation):
    """One message of parities, no questions."""

    description = "LDPC codes: a single message; f about 1.1 at 64 kbit, few blocks fail"
    is_two_way: ClassVar[bool] = False

    def budget_bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """Parities of the codes for such a block, at an estimate that is rarely higher.

        The estimate is made `ESTIMATE_DEVIATIONS` above what is seen, and what is seen is above the
        error rate by `BUDGET_DEVIATIONS` once in 44 times. As many a bit as of the block that takes
        most of those near that size: it is fixed before the round, and the code is not.
        """
        if block_bits < 1.0 or seen_bits < 1.0:
            return block_bits
        deviation = math.sqrt(error_rate * (1.0 - error_rate) / seen_bits)
        above = (ESTIMATE_DEVIATIONS + BUDGET_DEVIATIONS) * deviation
        share = largest_share(block_bits, bounded_estimate(error_rate + above))
        return min(block_bits, share * block_bits)

    def announcer(self, bits: Bits, *, error_rate: float, seed: int) -> LdpcAnnouncer:
        """Sends parities."""
        return LdpcAnnouncer(bits, error_rate=error_rate, seed=seed)

    def responder(self, bits: Bits, *, error_rate: float, seed: int) -> LdpcResponder:
        """Decodes."""
        return LdpcResponder(bits, error_rate=error_rate, seed=seed)

    def estimate(self, *, errors: int, bits: int) -> float:
        """Upper bound of the error rate: one that is too low by little makes a block fail.

        `ESTIMATE_DEVIATIONS` standard deviations above ``errors / bits``.
        """
        rate = (errors + 1) / (bits + 2)
        deviation = math.sqrt(rate * (1.0 - rate) / (bits + 2))
        return min(MAX_ESTIMATE, rate + ESTIMATE_DEVIATIONS * deviation)
