"""Privacy amplification against the matrix that defines it, and its two ways against each other."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import config
from numpy.typing import NDArray

from protocols.hashing import clmul
from protocols.hashing.amplification import (
    MAX_INPUT_BITS,
    fast_fft_length,
    toeplitz_amplify,
    toeplitz_amplify_clmul,
)

Bits = NDArray[np.uint8]
WAYS: list[Callable[..., Bits]] = [toeplitz_amplify, toeplitz_amplify_clmul]


def direct_product(bits: Bits, seed: Bits, size: int) -> Bits:
    """(I|T) as a matrix product; the oracle."""
    tail = bits.size - size
    if not tail:
        return bits
    rows, columns = np.arange(size)[:, None], np.arange(tail)[None, :]
    matrix = seed[rows - columns + tail - 1].astype(np.int64)
    product: Bits = ((bits[:size] + matrix @ bits[size:]) & 1).astype(np.uint8)
    return product


def random_bits(count: int, seed: int) -> tuple[Bits, Bits]:
    """Input and Toeplitz seed."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, count, dtype=np.uint8)
    return bits, rng.integers(0, 2, max(count - 1, 0), dtype=np.uint8)


@pytest.mark.parametrize("amplify", WAYS)
@pytest.mark.parametrize("count", [64, 65, 127, 500, 1000, 2000])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.8, 0.999])
def test_output_is_the_matrix_product(
    amplify: Callable[..., Bits], count: int, share: float
) -> None:
    """Both ways give the bits of the direct product, whatever the shape of the matrix."""
    bits, seed = random_bits(count, count)
    size = int(share * count)
    expected = direct_product(bits, seed, size)
    assert np.array_equal(amplify(bits, seed_bits=seed, output_bits=size), expected)


@pytest.mark.parametrize("amplify", WAYS)
def test_small_and_extreme_sizes(amplify: Callable[..., Bits]) -> None:
    """Every size from 0 to 12 with every output size is right; all bits out means unchanged."""
    for count in range(13):
        bits, seed = random_bits(count, count)
        for size in range(count + 1):
            expected = direct_product(bits, seed, size)
            assert np.array_equal(amplify(bits, seed_bits=seed, output_bits=size), expected)


@pytest.mark.parametrize(
    ("count", "size"), [(10_007, 5_000), (100_000, 1_234), (1_000_000, 600_000)]
)
def test_both_ways_agree_on_large_blocks(count: int, size: int) -> None:
    """FFT and carry-less product give the same bits far beyond what the direct product can do."""
    bits, seed = random_bits(count, 9)
    first, second = (way(bits, seed_bits=seed, output_bits=size) for way in WAYS)
    assert np.array_equal(first, second)
    assert abs(int(first.sum()) - size / 2) <= 2.5 * np.sqrt(size)


def test_all_ones_do_not_round_wrongly() -> None:
    """The largest sums there are, all ones, come out exact: each is the number of columns."""
    bits, seed = np.ones(300_000, np.uint8), np.ones(299_999, np.uint8)
    for size in (100_000, 100_001):
        expected = (1 + (bits.size - size)) & 1
        for way in WAYS:
            assert (way(bits, seed_bits=seed, output_bits=size) == expected).all()


def test_without_the_instruction_the_fft_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without carry-less multiplication gets the same bits."""
    bits, seed = random_bits(500, 4)
    expected = toeplitz_amplify_clmul(bits, seed_bits=seed, output_bits=200)
    monkeypatch.setattr(clmul, "is_available", lambda: False)
    monkeypatch.setattr(clmul, "middle_product", None)
    assert np.array_equal(toeplitz_amplify_clmul(bits, seed_bits=seed, output_bits=200), expected)


@pytest.mark.parametrize("amplify", WAYS)
@pytest.mark.parametrize(("seed_size", "size"), [(10, 5), (8, 5), (9, 11), (9, -1)])
def test_wrong_sizes_are_refused(amplify: Callable[..., Bits], seed_size: int, size: int) -> None:
    """The seed has one bit fewer than the input, and the output is not longer than it."""
    with pytest.raises(ValueError, match="bits"):
        amplify(np.zeros(10, np.uint8), seed_bits=np.zeros(seed_size, np.uint8), output_bits=size)


def test_input_beyond_the_argument_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bits than the proof of exactness covers are refused."""
    monkeypatch.setattr("protocols.hashing.amplification.MAX_INPUT_BITS", 100)
    assert MAX_INPUT_BITS > 100
    with pytest.raises(ValueError, match="too many"):
        toeplitz_amplify(np.zeros(101, np.uint8), seed_bits=np.zeros(100, np.uint8), output_bits=1)


@given(st.integers(1, 2**27))
def test_fft_length_is_smooth_and_close(size: int) -> None:
    """Lengths have factors 2, 3 and 5 only and are at most an eighth (if short, twice) too long."""
    length = rest = fast_fft_length(size)
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1
    assert size <= length <= (2 * size if size < 2**12 else 1.12 * size)


HERE = [clmul.NARROW, clmul.WIDE][: clmul.VECTOR_WORDS // 2 if clmul.is_available() else 0]
"""Widths of vectors that this processor has."""


def whole_product(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> int:
    """By shifts and sums, of little-endian words; coefficients are bits."""
    polynomial, factor = (int.from_bytes(words.tobytes(), "little") for words in (left, right))
    whole = 0
    for bit in range(64 * right.size):
        if factor >> bit & 1:
            whole ^= polynomial << bit
    return whole


def random_words(seed: int, *counts: int) -> list[NDArray[np.uint64]]:
    """Arrays of so many words."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    return [rng.integers(0, 2**64, count, dtype=np.uint64) for count in counts]


@pytest.mark.skipif(not clmul.is_available(), reason="no carry-less multiplication here")
@pytest.mark.parametrize("size", [4, 8, 28, 32, 40, 64, 192])
def test_middle_words_are_those_of_the_whole_product(size: int) -> None:
    """Blocks below, at and above the size of direct products, against shifts and sums."""
    left, right = random_words(size, 2 * size, size)
    product, workspace = (np.zeros(count, np.uint64) for count in (size, 4 * size))
    clmul.multiply(left, right, product, workspace)
    middle = (whole_product(left, right) >> 64 * size) % (1 << 64 * size)
    assert product.tobytes() == middle.to_bytes(8 * size, "little")


@pytest.mark.parametrize("vector_words", HERE)
def test_sums_of_products_are_right_in_vectors_of_either_width(vector_words: int) -> None:
    """Of every width that the processor has, whichever of them is in use; from any word on."""
    found = clmul.sum_of_products(vector_words)

    def sum_from(left: Any, first: int, right: Any) -> Any:
        return found(left, first, right, right.size)

    compiled: Any = numba.njit(sum_from)
    left, right = random_words(vector_words, 11, 8)
    for first in range(4):
        expected = 0
        for k in range(right.size):
            expected ^= whole_product(left[first + k : first + k + 1], right[k : k + 1])
        low, high = (int(word) for word in compiled(left, first, right))
        assert low | high << 64 == expected


@pytest.mark.parametrize(
    ("features", "narrow", "wide"),
    [
        ("+pclmul,+avx,+vpclmulqdq", True, True),
        ("+pclmul,+avx", True, False),
        ("+avx,+vpclmulqdq", False, True),
        ("", False, False),
    ],
)
def test_what_numba_may_use_decides(
    features: str, narrow: bool, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels are compiled for what NUMBA_CPU_FEATURES names, not for the processor at hand."""
    monkeypatch.setattr(config, "CPU_NAME", "generic", raising=False)
    monkeypatch.setattr(config, "CPU_FEATURES", features, raising=False)
    assert clmul.has_feature("pclmul") is narrow
    assert clmul.has_feature("vpclmulqdq") is wide
