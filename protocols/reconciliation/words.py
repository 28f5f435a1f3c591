"""Bits in words of 64, so that parities of many take few steps; a row of words a pass of Cascade.

Bit ``k`` of a row is bit ``k % 64``, from the least significant one, of word ``k // 64``; the last
word is filled up with zeros.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

WORD_BITS = 64
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

Words = NDArray[np.uint64]


def words_for(size_bits: int) -> int:
    """Words that ``size_bits`` bits take."""
    return -(-size_bits // WORD_BITS)


@kernel
def put_words(bits: NDArray[np.uint8], words: Words) -> None:
    """Pack (N,) ``bits`` into a row of (W,) ``words``."""
    for at in range(words.size):
        word = np.uint64(0)
        start = at * WORD_BITS
        for k in range(min(WORD_BITS, bits.size - start)):
            word |= np.uint64(bits[start + k]) << np.uint64(k)
        words[at] = word


@kernel
def parity_of(word: np.uint64) -> int:
    """Whether the number of ones in ``word`` is odd."""
    for shift in (32, 16, 8, 4, 2, 1):
        word ^= word >> np.uint64(shift)
    return int(np.int64(word & np.uint64(1)))


@kernel
def range_parity(words: Words, p: int, start: int, stop: int) -> int:
    """Parity of bits ``start`` to ``stop - 1``, at least one, of row ``p`` of (passes, W) words."""
    first, last = start >> 6, (stop - 1) >> 6
    head, tail = ALL << np.uint64(start & 63), ALL >> np.uint64(63 - ((stop - 1) & 63))
    if first == last:
        return parity_of(words[p, first] & head & tail)
    ones = (words[p, first] & head) ^ (words[p, last] & tail)
    for at in range(first + 1, last):
        ones ^= words[p, at]
    return parity_of(ones)


@kernel
def flip(words: Words, p: int, position: int) -> None:
    """Turn one bit of row ``p`` over."""
    words[p, position >> 6] ^= np.uint64(1) << np.uint64(position & 63)


@kernel
def accumulate(words: Words) -> None:
    """Have each of (W,) words hold the exclusive or of all before it; the last one is not read."""
    before = np.uint64(0)
    for at in range(words.size):
        word = words[at]
        words[at] = before
        before ^= word


@kernel
def _ones_before(sums: Words, p: int, position: int) -> np.uint64:
    at = position >> 6
    below = ~(ALL << np.uint64(position & 63))
    ones: np.uint64 = sums[p, at] ^ ((sums[p, at] ^ sums[p, at + 1]) & below)
    return ones


@kernel
def summed_parity(sums: Words, p: int, start: int, stop: int) -> int:
    """What `range_parity` gives, in the same time for any range, of words that were `accumulate`d.

    Of N bits there must be N // 64 + 2 of these: who asks may be a forger.
    """
    return parity_of(_ones_before(sums, p, start) ^ _ones_before(sums, p, stop))
