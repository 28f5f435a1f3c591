"""Bits, bytes and the shuffle that both ends derive."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.bits import (
    as_bit_array,
    derived_seed,
    pack_bits,
    packed_size_bytes,
    seeded_permutation,
    unpack_bits,
)

MASK = 2**64 - 1


def split_mix_64(state: int) -> tuple[int, int]:
    """Next state and output, in Python integers; the oracle."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def slow_permutation(seed: int, size: int) -> list[int]:
    """The documented shuffle, in Python integers; the oracle."""
    draws: list[int] = []
    while len(draws) < size:
        seed, word = split_mix_64(seed)
        draws += [word >> 32, word & (2**32 - 1)]
    values = list(range(size))
    for i, draw in zip(range(size - 1, 0, -1), draws, strict=False):
        j = draw * (i + 1) >> 32
        values[i], values[j] = values[j], values[i]
    return values


@given(st.lists(st.integers(0, 1), max_size=70))
def test_unpacking_undoes_packing(values: list[int]) -> None:
    """Any bits survive the way to bytes and back."""
    bits = np.array(values, dtype=np.uint8)
    assert np.array_equal(unpack_bits(pack_bits(bits), bits.size), bits)


def test_first_bit_is_the_highest() -> None:
    """The order of bits is big-endian and the last byte is filled up with zeros."""
    assert pack_bits(np.array([1, 0, 0, 0, 0, 0, 0, 0, 1, 1], dtype=np.uint8)) == b"\x80\xc0"


@pytest.mark.parametrize(("packed", "size"), [(b"", 1), (b"\0\0", 8), (b"\x01", 7), (b"\0", 0)])
def test_other_encodings_are_refused(packed: bytes, size: int) -> None:
    """Wrong sizes and filling bits that are set do not unpack."""
    with pytest.raises(ValueError, match="bits"):
        unpack_bits(packed, size)


def test_negative_sizes_are_refused() -> None:
    """There is no negative number of bits."""
    with pytest.raises(ValueError, match="-1"):
        packed_size_bytes(-1)


@pytest.mark.parametrize(
    "bits",
    [np.array([0, 2], np.uint8), np.zeros((2, 2), np.uint8), np.zeros(3), np.zeros(3, np.bool_)],
)
def test_only_bit_arrays_pass(bits: NDArray[np.uint8]) -> None:
    """Other values, shapes and types are refused."""
    with pytest.raises(ValueError, match="bits"):
        as_bit_array(bits)


def test_bit_arrays_are_copied() -> None:
    """What a caller does to its array afterwards changes nothing, and a slice becomes whole."""
    bits = np.zeros(8, dtype=np.uint8)
    copy = as_bit_array(bits[::2])
    bits[:] = 1
    assert not copy.any()
    assert copy.flags.c_contiguous


def test_generator_gives_published_outputs() -> None:
    """SplitMix64 from 1234567 and from 0 gives the outputs known of its reference code."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [derived_seed(1234567, k) for k in range(3)] == known
    assert derived_seed(0, 0) == 0xE220A8397B1DCDAF


@given(st.integers(0, MASK), st.integers(0, 40))
def test_permutation_is_the_documented_one(seed: int, size: int) -> None:
    """The compiled shuffle equals the one written down, in plain integers."""
    assert seeded_permutation(seed, size).tolist() == slow_permutation(seed, size)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_have_64_bits(seed: int) -> None:
    """A seed outside 0 to 2^64 - 1 is refused, not wrapped."""
    with pytest.raises(ValueError, match="64 bits"):
        seeded_permutation(seed, 3)


def test_permutation_size_is_bounded() -> None:
    """Sizes that int32 cannot count are refused before anything is allocated."""
    with pytest.raises(ValueError, match="permute"):
        seeded_permutation(0, 2**31)


def test_permutations_are_uniform() -> None:
    """Chi-squared over where each of 8 elements goes, 20,000 seeds, two-sided at z = 5."""
    size, trials = 8, 20_000
    counts = np.zeros((size, size), dtype=np.int64)
    for seed in range(trials):
        counts[np.arange(size), seeded_permutation(derived_seed(7, seed), size)] += 1
    expected = trials / size
    # Rows and columns are fixed, so (s - 1) / s of the sum has (s - 1)^2 degrees of freedom.
    chi_squared = float(((counts - expected) ** 2).sum() / expected) * (size - 1) / size
    freedom = (size - 1) ** 2
    assert abs(chi_squared - freedom) <= 5 * math.sqrt(2 * freedom)
