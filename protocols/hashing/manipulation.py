"""A code that shows whether somebody has added to a string whose bits it does not know.

Over a field of 2^m elements the string s of d blocks gets a random point x and the check [1]_::

    f(x, s) = x^(d + 2) + s_d x^d + ... + s_1 x,    d odd

Whoever adds to s, x and f what it likes, and knows nothing of x, leaves a triple that fits, with
another s, with a probability of (d + 1) 2^-m at most. For then x is a zero of a polynomial of a
degree of at most d + 1, which is not constant: of y^(d + 1) there is d + 2, an odd number, times
what was added to x; if that is nothing, the other terms are those of what was added to s. Knows
nothing of keys and who they are for.

References
----------
.. [1] R. Cramer, Y. Dodis, S. Fehr, C. Padro, D. Wichs, Detection of algebraic manipulation with
   applications to robust secret sharing and fuzzy extractors, EUROCRYPT 2008.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BinaryField:
    """Polynomials over GF(2) of a degree below ``size_bits``, as integers: bit k is that of y^k.

    Attributes
    ----------
    size_bits : int
        m, >= 1.
    tail : int
        The irreducible polynomial of degree m that it is the field of, without y^m.
    """

    size_bits: int
    tail: int

    def multiply(self, one: int, other: int) -> int:
        """Product of two elements."""
        product = 0
        for bit in range(self.size_bits):
            product ^= one * (other >> bit & 1)
            one <<= 1
            if one >> self.size_bits:
                one ^= 1 << self.size_bits | self.tail
        return product


FIELD = BinaryField(64, 0b11011)
"""y^64 + y^4 + y^3 + y + 1 is irreducible: G. Seroussi, Table of low-weight binary irreducible
polynomials, HPL-98-135 (1998)."""
BLOCK_BYTES = FIELD.size_bits // 8


def blocks_of(string: bytes) -> tuple[int, ...]:
    """``string`` in blocks of `FIELD`, an odd number of them, filled up with zeros."""
    count = _block_count(len(string))
    filled = string.ljust(count * BLOCK_BYTES, b"\0")
    edges = range(0, len(filled), BLOCK_BYTES)
    return tuple(int.from_bytes(filled[edge : edge + BLOCK_BYTES], "big") for edge in edges)


def check(point: int, blocks: Sequence[int], field: BinaryField = FIELD) -> int:
    """f(``point``, ``blocks``); ValueError if their number is even."""
    if len(blocks) % 2 == 0:
        raise ValueError(f"{len(blocks)} blocks, an odd number is needed")
    value = field.multiply(point, point)
    for block in reversed(blocks):
        value = field.multiply(value ^ block, point)
    return value


def miss_probability(string_bytes: int) -> float:
    """Bound of [1]_ for a string of so many bytes."""
    return (_block_count(string_bytes) + 1) * 2.0**-FIELD.size_bits


def _block_count(string_bytes: int) -> int:
    return -(-string_bytes // BLOCK_BYTES) | 1
