"""How many parities a block needs, and how a long one is cut; knows public numbers only.

A code that discloses ``m`` parities of ``n`` bits corrects them if the errors it meets are not too
unusual. Two things are paid beyond Shannon's ``n h(Q)``: an endless code of our degrees needs a few
per cent more (`protocols.reconciliation.ldpc_degrees`), and a block of finite size has more errors
than usual now and then. The number of bits that ``n`` bits of error rate ``Q`` really are worth
spreads with the standard deviation ``sqrt(n V(Q))``, ``V = Q (1 - Q) log2^2((1 - Q) / Q)`` [1]_, so

    m = THRESHOLD n h(Q) + D(n, Q) sqrt(n V(Q)),

where ``D`` was measured: ``benchmarks/calibrate_ldpc.py`` raises ``m`` until no more than a share
of `MEASURED_FAILURES` of the blocks fails. Ideal codes would do with THRESHOLD = 1 and D = 2.5.

References
----------
.. [1] M. Tomamichel, J. Martinez-Mateo, C. Pacher, D. Elkouss, Quantum Inf. Process. 16, 280
   (2017), arXiv:1401.5194.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from protocols.keylength.keyrate import binary_entropy
from protocols.reconciliation.ldpc_pieces import Piece, make_piece

MIN_ERROR_RATE = 0.002
MAX_ERROR_RATE = 0.5
MAX_PIECE_BITS = 2**16
"""The largest size measured; twice as much would save 1 % of the parities."""
MIN_CHECKS_PER_BIT = 1 / 32
"""Codes of more block columns take long to grow; they would be of use below 0.3 % of errors."""
FAILURE_PROBABILITY = 0.003
"""Of a block whose estimate is right: the 0.3 % of the key that is lost costs as much as the
parities that would halve it."""

SIZE_MARGIN, SIZE_DEVIATIONS = 0.02, 3.0
"""How far a block may be from the size that is expected: by what the model leaves out, and by
chance."""
MEASURED_FAILURES = 0.007
"""Share of failed blocks at which `DEVIATIONS` were measured; to other shares the normal
distribution leads."""
THRESHOLD = 1.035
ERROR_RATES = (0.005, 0.01, 0.02, 0.034, 0.05, 0.07, 0.09, 0.2)
DEVIATIONS: dict[int, tuple[float, ...]] = {
    600: (4.75, 4.50, 4.50, 3.90, 4.00, 3.61, 3.48, 3.74),
    3000: (5.70, 4.93, 4.07, 3.94, 3.91, 4.13, 3.81, 3.91),
    12_000: (5.15, 4.99, 4.26, 4.01, 4.14, 3.74, 3.82, 2.72),
    65_536: (6.90, 5.70, 4.87, 3.95, 3.83, 3.61, 3.30, 2.10),
}
"""Bits of a block to ``D`` at each of `ERROR_RATES`; between, linear in the logarithms."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a block is corrected.

    Attributes
    ----------
    error_rate : float
        Estimate, clipped to `MIN_ERROR_RATE` .. `MAX_ERROR_RATE`.
    pieces : tuple of Piece
        In order; their bits add up to the block's.
    """

    error_rate: float
    pieces: tuple[Piece, ...]

    @property
    def disclosed_bits(self) -> int:
        """Parities that travel."""
        return sum(piece.disclosed_bits for piece in self.pieces)


def plan_block(size_bits: int, error_rate: float) -> Plan:
    """Cut a block into as few equal pieces as possible and give each its parities.

    Parameters
    ----------
    size_bits : int
        0 or more.
    error_rate : float
        Estimate that both ends agreed upon.

    Raises
    ------
    ValueError
        If the estimate is not a number.
    """
    if math.isnan(error_rate):
        raise ValueError("the estimated error rate is not a number")
    rate = min(max(error_rate, MIN_ERROR_RATE), MAX_ERROR_RATE)
    count = -(-size_bits // MAX_PIECE_BITS)
    sizes = [(size_bits + index) // count for index in range(count)]
    made = {size: make_piece(size, needed_bits(size, rate, pieces=count)) for size in set(sizes)}
    return Plan(rate, tuple(made[size] for size in sizes))


@lru_cache(maxsize=65_536)
def disclosed_bits(size_bits: int, error_rate: float) -> int:
    """Parities of `plan_block`, kept: planners ask for the same blocks again and again."""
    return plan_block(size_bits, error_rate).disclosed_bits


def largest_share(size_bits: float, error_rate: float) -> float:
    """Parities a bit of the block that takes most, of those that ``size_bits`` may become.

    Short blocks take more a bit, and so do those that are just too long for so many pieces.
    """
    away_bits = SIZE_MARGIN * size_bits + SIZE_DEVIATIONS * math.sqrt(size_bits)
    least, most = max(1, math.floor(size_bits - away_bits)), math.ceil(size_bits + away_bits)
    cut = range(-(-least // MAX_PIECE_BITS), 1 + (most - 1) // MAX_PIECE_BITS)
    sizes = {least, *(1 + pieces * MAX_PIECE_BITS for pieces in cut)}
    return max(disclosed_bits(size, error_rate) / size for size in sizes)


def needed_bits(key_bits: int, error_rate: float, *, pieces: int = 1) -> int:
    """Parities that correct ``key_bits``, one of so many pieces that must not fail.

    All of them together fail with `FAILURE_PROBABILITY`, if the estimate is right.
    """
    measured, aimed_at = (
        NormalDist().inv_cdf(1.0 - share)
        for share in (MEASURED_FAILURES, FAILURE_PROBABILITY / pieces)
    )
    deviations = measured_deviations(key_bits, error_rate) + aimed_at - measured
    shannon_bits = key_bits * binary_entropy(error_rate)
    needed = THRESHOLD * shannon_bits + deviations * deviation_bits(key_bits, error_rate)
    return math.ceil(max(needed, MIN_CHECKS_PER_BIT * key_bits))


def measured_deviations(key_bits: int, error_rate: float) -> float:
    """``D``; the outermost value beyond the table."""
    by_size = [np.interp(math.log(error_rate), _LOG_RATES, row) for row in DEVIATIONS.values()]
    return float(np.interp(math.log(key_bits), _LOG_SIZES, by_size))


_LOG_RATES, _LOG_SIZES = np.log(ERROR_RATES), np.log(list(DEVIATIONS))


def deviation_bits(key_bits: int, error_rate: float) -> float:
    """Standard deviation of what a block's errors are worth, ``sqrt(n V(Q))``."""
    odds = (1.0 - error_rate) / error_rate
    return math.log2(odds) * math.sqrt(key_bits * error_rate * (1.0 - error_rate))
