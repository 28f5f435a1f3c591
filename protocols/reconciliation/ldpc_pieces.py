"""One piece of key: the parities that are disclosed of it, and its correction from them.

Knows bits and public numbers, no message. Both ends take the same parities of their own bits; what
differs is the syndrome of the errors, and the decoder finds the errors from it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.ldpc_adaptation import Fit, fit_code, places
from protocols.reconciliation.ldpc_decoder import MIN_BELIEF
from protocols.reconciliation.ldpc_degrees import ROWS
from protocols.reconciliation.ldpc_store import code_of

Bits = NDArray[np.uint8]

MAX_SWEEPS = 150
"""Measured: blocks that need more are rarer than blocks that no number of sweeps corrects."""
MAX_CHECKS_PER_BIT = 0.9


@dataclass(frozen=True, slots=True)
class PlainPiece:
    """Too short, or too noisy, for a code: every bit is its own parity, and all are booked."""

    key_bits: int

    @property
    def disclosed_bits(self) -> int:
        """All."""
        return self.key_bits

    def parities(self, key: Bits) -> Bits:
        """(key_bits,) uint8: the key itself."""
        return key.copy()

    def find_errors(self, difference: Bits, *, error_rate: float) -> tuple[Bits, int]:
        """The difference itself, without a sweep."""
        _ = error_rate
        return difference, 0


@dataclass(frozen=True, slots=True)
class CodedPiece:
    """A piece and the code that it sits in."""

    fit: Fit

    @property
    def key_bits(self) -> int:
        """Bits of key."""
        return self.fit.key_bits

    @property
    def disclosed_bits(self) -> int:
        """Parities of them that travel."""
        return self.fit.disclosed_bits

    def parities(self, key: Bits) -> Bits:
        """(disclosed_bits,) uint8: parities of the (key_bits,) bits of ``key``."""
        where, shape = places(self.fit), self.fit.shape
        word = np.zeros(shape.bits, dtype=np.uint8)
        word[where.key] = key
        syndrome = code_of(shape).syndrome(word)
        syndrome[where.punctured + shape.lift] ^= syndrome[where.punctured]
        return np.delete(syndrome, where.punctured)

    def find_errors(self, difference: Bits, *, error_rate: float) -> tuple[Bits, int]:
        """Most likely errors that change the parities by ``difference``.

        Parameters
        ----------
        difference : (disclosed_bits,) uint8
            Announcer's parities and responder's, added modulo 2.
        error_rate : float
            Estimate, above 0 and below 1/2.

        Returns
        -------
        (key_bits,) uint8, int
            Errors, and the decoder's sweeps: -1 if these errors do not explain the difference.
        """
        where, shape = places(self.fit), self.fit.shape
        travels = np.ones(shape.checks, dtype=np.bool_)
        travels[where.punctured] = False
        syndrome = np.zeros(shape.checks, dtype=np.uint8)
        syndrome[travels] = difference
        priors = np.full(shape.bits, MIN_BELIEF, dtype=np.float32)
        priors[where.key] = error_rate / (1.0 - error_rate)
        priors[where.punctured] = 1.0
        pattern, sweeps = code_of(shape).decode(syndrome, priors=priors, max_sweeps=MAX_SWEEPS)
        return pattern[where.key], sweeps


Piece = PlainPiece | CodedPiece


def make_piece(key_bits: int, needed_bits: int) -> Piece:
    """A piece that discloses ``needed_bits`` of ``key_bits``, or all if that is not much more."""
    if key_bits <= ROWS:
        return PlainPiece(key_bits)
    fit = fit_code(key_bits, needed_bits)
    if fit.disclosed_bits > MAX_CHECKS_PER_BIT * key_bits:
        return PlainPiece(key_bits)
    return CodedPiece(fit)
