"""Rate adaptation: which code a piece of key uses, and which of its bits are no key.

Knows public numbers only: how many bits, and how many parities to disclose. Codes come in steps
of size and rate; what lies between is reached by two kinds of bits that the code has beside the key
[1]_:

- *Shortened* bits are zero at both ends. They make a code shorter.
- *Punctured* bits are unknown to both ends and free: the announcer sets each so that one of its
  checks is even, and does not send that check. They make a code disclose less. Each punctured bit
  has degree 2 and no check in common with another one, so that what remains of its two checks is
  their sum: the ``disclosed`` bits are ``checks - punctured`` parities of the key and nothing else,
  and all of them are booked.

  (In the literature the announcer fills punctured bits with random bits of her own and sends all
  checks: of the ``checks`` bits on the wire, ``punctured`` are then masked by them. It is the same
  information; here they do not travel.)

References
----------
.. [1] D. Elkouss, J. Martinez-Mateo, V. Martin, QIC 11, 226 (2011), arXiv:1007.1616.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.ldpc_codes import Shape
from protocols.reconciliation.ldpc_degrees import ROWS

LIFT_STEPS = 16
COLUMN_STEPS = 32
"""Codes come in so many steps between powers of 2 of lift (3 to 6 %, filled by puncturing) and of
block columns (2 to 3 %, filled by shortening). Measured: that much of either costs 0.2 % of f."""
MIN_COLUMNS = 80
"""There the table of degrees ends."""
PUNCTURED_COLUMNS = ROWS // 2
"""Block columns 0, 2, 4, ... of the staircase: no two of them have a check in common."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a piece of key and its parities sit in a code.

    Attributes
    ----------
    shape : Shape
        Of the code.
    key_bits, disclosed_bits : int
        Bits of key; parities of them that travel.
    """

    shape: Shape
    key_bits: int
    disclosed_bits: int

    @property
    def punctured_bits(self) -> int:
        """Bits that are free, and checks that do not travel."""
        return self.shape.checks - self.disclosed_bits


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the bits of a `Fit` are in a code word; all others are shortened.

    Attributes
    ----------
    key : (key_bits,) int32
        Ascending.
    punctured : (punctured_bits,) int32
        Bit ``k`` of them is in check ``k`` and check ``k + lift`` only.
    """

    key: NDArray[np.int32]
    punctured: NDArray[np.int32]


def fit_code(key_bits: int, needed_bits: int) -> Fit:
    """Smallest code that takes ``key_bits`` and discloses ``needed_bits`` (both >= 1).

    A few more in small codes, of which not enough can be punctured.
    """
    lift = _step_up(-(-needed_bits // ROWS), LIFT_STEPS)
    disclosed_bits = max(needed_bits, (ROWS - PUNCTURED_COLUMNS) * lift)
    variables = key_bits + ROWS * lift - disclosed_bits
    columns = _step_up(max(MIN_COLUMNS, -(-variables // lift)), COLUMN_STEPS)
    return Fit(Shape(columns=columns, lift=lift), key_bits, disclosed_bits)


def _step_up(number: int, steps: int) -> int:
    """The next number that is a power of 2 times one of ``steps`` to ``2 * steps``, or is less."""
    unit = 1
    while number > 2 * steps * unit:
        unit *= 2
    return -(-number // unit) * unit


@lru_cache(maxsize=16)
def places(fit: Fit) -> Places:
    """Places of the bits; shortened ones are spread evenly."""
    number = np.arange(fit.punctured_bits)
    lane, pair = np.divmod(number, PUNCTURED_COLUMNS)
    punctured = 2 * pair * fit.shape.lift + lane
    others = np.delete(np.arange(fit.shape.bits), punctured)
    key = others[np.arange(fit.key_bits) * others.size // fit.key_bits]
    return Places(key.astype(np.int32), punctured.astype(np.int32))
