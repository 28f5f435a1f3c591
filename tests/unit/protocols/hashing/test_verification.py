"""The verification hash against the matrix that defines it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.hashing.verification import toeplitz_hash


def direct_hash(bits: NDArray[np.uint8], seed: NDArray[np.uint8], size: int) -> bytes:
    """The product with the whole matrix; the oracle."""
    rows, columns = np.arange(size)[:, None], np.arange(bits.size)[None, :]
    matrix = seed[rows - columns + bits.size - 1].astype(np.int64)
    return np.packbits(((matrix @ bits) & 1).astype(np.uint8)).tobytes()


@pytest.mark.parametrize("size", [1, 7, 8, 40, 63, 64, 65, 128, 150])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 500])
def test_hash_is_the_matrix_product(count: int, size: int) -> None:
    """Every size of input and hash gives the bits of the direct product."""
    rng = np.random.Generator(np.random.PCG64DXSM(count * 1000 + size))
    bits = rng.integers(0, 2, count, dtype=np.uint8)
    seed = rng.integers(0, 2, count + size - 1, dtype=np.uint8)
    assert toeplitz_hash(bits, seed_bits=seed, hash_bits=size) == direct_hash(bits, seed, size)


def test_hash_is_linear_and_sees_single_errors() -> None:
    """Over 4,000 seeds, an 8-bit hash misses one flipped bit in 1 of 256, two-sided at z = 5."""
    rng = np.random.Generator(np.random.PCG64DXSM(5))
    bits = rng.integers(0, 2, 100, dtype=np.uint8)
    wrong = bits.copy()
    wrong[37] ^= 1
    missed = 0
    for _ in range(4000):
        seed = rng.integers(0, 2, 107, dtype=np.uint8)
        first = toeplitz_hash(bits, seed_bits=seed, hash_bits=8)
        missed += first == toeplitz_hash(wrong, seed_bits=seed, hash_bits=8)
    expected = 4000 / 256
    assert abs(missed - expected) <= 5 * np.sqrt(expected)


@pytest.mark.parametrize(("seed_size", "hash_bits"), [(9, 1), (11, 1), (9, 0), (0, -9)])
def test_wrong_sizes_are_refused(seed_size: int, hash_bits: int) -> None:
    """The seed must have n + t - 1 bits, and t be at least 1."""
    with pytest.raises(ValueError, match="seed bits"):
        toeplitz_hash(
            np.zeros(10, np.uint8), seed_bits=np.zeros(seed_size, np.uint8), hash_bits=hash_bits
        )
