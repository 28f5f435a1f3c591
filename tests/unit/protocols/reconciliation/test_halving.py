"""Halves of a block drawn at random: as documented, equal, and fair."""

import numpy as np
import pytest

from protocols.reconciliation.halving import first_parity, half_of, put_halves
from protocols.reconciliation.words import put_words, words_for
from tests.unit.protocols.reconciliation.pairs import documented_halves

SIZES = [0, 1, 2, 3, 7, 64, 127, 128, 129, 255, 256, 300, 1000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1])
def test_halves_are_the_documented_ones(size: int, seed: int) -> None:
    """Order, parity and place of each bit follow from what is written down, in plain integers."""
    expected = documented_halves(size, seed)
    order = np.empty(size, dtype=np.int32)
    put_halves(size, np.uint64(seed), order)
    assert order.tolist() == expected
    first = set(expected[: (size + 1) // 2])
    places = [half_of(index, size, np.uint64(seed)) for index in range(size)]
    assert places == [int(index not in first) for index in range(size)]
    bits = np.random.default_rng(size).integers(0, 2, size, dtype=np.uint8)
    words = np.empty(words_for(size), dtype=np.uint64)
    put_words(bits, words)
    assert first_parity(words, size, np.uint64(seed)) == sum(int(bits[k]) for k in first) % 2


def test_two_bits_are_parted_half_of_the_time() -> None:
    """4,000 seeds, all pairs with one bit of 37: 1/2 within 5 sigma, or always."""
    size, seeds, index = 37, 4000, 3
    halves = np.array(
        [[half_of(k, size, np.uint64(seed)) for k in range(size)] for seed in range(seeds)]
    )
    parted = (halves != halves[:, [index]]).mean(axis=0)
    partner = index + size // 2
    assert parted[partner] == 1.0
    others = np.delete(parted, [index, partner])
    assert np.all(np.abs(others - 0.5) < 5 * 0.5 / np.sqrt(seeds))
