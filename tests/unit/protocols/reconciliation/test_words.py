"""Parities of ranges of bits in words, against sums of the bits themselves."""

import numpy as np
import pytest

from protocols.reconciliation.words import (
    accumulate,
    flip,
    put_words,
    range_parity,
    summed_parity,
    words_for,
)


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 127, 128, 129, 200])
def test_parities_are_those_of_the_bits(size: int) -> None:
    """All ranges, in the second of two rows, before and after single bits are turned over."""
    rng = np.random.default_rng(size)
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    words = rng.integers(0, 2**63, (2, words_for(size)), dtype=np.uint64)
    put_words(bits, words[1])
    for index in rng.integers(0, size, 5).tolist():
        bits[index] ^= 1
        flip(words, 1, index)
    sums = rng.integers(0, 2**63, (2, words_for(size) + 2), dtype=np.uint64)
    put_words(bits, sums[1])
    accumulate(sums[1])
    for start in range(size):
        for stop in range(start + 1, size + 1, 1 + size // 20):
            expected = int(bits[start:stop].sum()) % 2
            assert range_parity(words, 1, start, stop) == expected
            assert summed_parity(sums, 1, start, stop) == expected


def test_bits_fill_words_from_the_least_significant_on() -> None:
    """Bit 0 is a one, bit 64 is three; what is behind the last bit is zero."""
    words = np.full(2, 2**64 - 1, dtype=np.uint64)
    put_words(np.array([1] + 63 * [0] + [1, 1], dtype=np.uint8), words)
    assert words.tolist() == [1, 3]
