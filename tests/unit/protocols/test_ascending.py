"""Ascending integers: known codes, sizes, refusals, and the kernels against one large number."""

import math
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols import ascending
from protocols.ascending import (
    MAX_WIDTH,
    best_width,
    decode_ascending,
    encode_ascending,
    most_values,
)
from protocols.errors import MalformedMessageError
from tests.support.words import code_of, joined, words_of

TOP = 2**63 - 1
ONES = 2**MAX_WIDTH - 1
"""The largest carry."""


def int64(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def random_values(seed: int, most_bits: int, count: int) -> NDArray[np.int64]:
    """Ascending, with differences of up to so many bits."""
    rng = np.random.default_rng(seed)
    return np.cumsum(
        [int(rng.integers(0, 2 ** int(rng.integers(1, most_bits)))) for _ in range(count)]
    )


def fewest_bits(differences: NDArray[np.int64]) -> int:
    """Of all widths, counted."""
    return min(
        width * int(np.sum(1 + differences // (2**width - 1))) for width in range(1, MAX_WIDTH + 1)
    )


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("0305", [5]),  # 101
        ("0312", [2, 4]),  # 010 010
        ("0207", [4]),  # 11 01
        ("0203", [3]),  # 11 00
        ("021f", [7]),  # 11 11 01
        ("0200", [0]),
        ("0100", [0, 0, 0]),
        ("0105", [1, 2]),  # 1 0 1 0
        ("08feff01", [254, 510]),
        ("10ff00ffff0100", [255, 65791]),
    ],
)
def test_known_codes(code: str, values: list[int]) -> None:
    """By hand: the first word in the lowest bits, carries of all ones."""
    assert decode_ascending(bytes.fromhex(code), count=len(values), previous=0).tolist() == values


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([5], "0305"),
        ([2, 4], "011b"),  # 11 0, 11 0
        ([3, 6], "0233"),  # 11 00, 11 00
        ([20, 40], "061405"),  # 010100 010100
        ([0, 0], "0100"),
    ],
)
def test_known_encodings(values: list[int], code: str) -> None:
    """In the width that suits their mean."""
    assert encode_ascending(int64(*values), previous=0).hex() == code


@pytest.mark.parametrize("width", range(1, MAX_WIDTH + 1))
def test_every_width_is_decoded(width: int) -> None:
    """Words of any width, at every place in a byte, with carries and without."""
    values = random_values(width, width + 2, 100)
    code = code_of(values.tolist(), width)
    assert np.array_equal(decode_ascending(code, count=values.size, previous=0), values)


@pytest.mark.parametrize("most_bits", [2, 8, 24, 40, 56])
def test_agrees_with_one_large_number(most_bits: int) -> None:
    """Both kernels, interpreted as well, on differences of all sizes."""
    values = random_values(most_bits, most_bits, 120)
    code = encode_ascending(values, previous=0)
    width = code[0]
    assert code == code_of(values.tolist(), width)
    out = np.zeros(len(code) + 8, dtype=np.uint8)
    bits = ascending._encode.py_func(values, width, 0, ascending._eights(out))
    assert out[1 : 1 + -(-bits // 8)].tobytes() == code[1:]
    found = np.empty_like(values)
    words = ascending._eights(code)
    rest = ascending._eights(code[words.size :] + bytes(8))
    assert ascending._decode.py_func(words, rest, width, 8 * len(code) - 8, 0, found) == bits
    assert np.array_equal(found, values)


@pytest.mark.parametrize("mean", [2.5, 3.0, 5.0, 8.7, 20.0, 50.0, 777.0, 5e5, 3.75e7, 1e12])
def test_random_differences_take_few_bits(mean: float) -> None:
    """Of exponential differences no width makes a hundredth less; of all counted, at any mean."""
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.exponential(mean, 100_000)).astype(np.int64)
    bits = 8 * (len(encode_ascending(values, previous=0)) - 1)
    assert bits < 1.01 * fewest_bits(np.diff(values, prepend=0)) + 8


@pytest.mark.parametrize("mean", [3.0, 5.0, 9.0, 17.0, 50.0])
def test_positions_take_few_bits(mean: float) -> None:
    """Of each click in so many: differences of 1 and more."""
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.geometric(1.0 / mean, 100_000))
    bits = 8 * (len(encode_ascending(values, previous=0)) - 1)
    assert bits < 1.03 * fewest_bits(np.diff(values, prepend=0)) + 8


@pytest.mark.parametrize(("mean", "least", "most"), [(5e5, 21.2, 21.4), (3.75e7, 27.7, 27.9)])
def test_usual_times(mean: float, least: float, most: float) -> None:
    """Bits a click at 200 kHz and ticks of 10 ps, and at 2.7 kHz."""
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.exponential(mean, 50_000)).astype(np.int64)
    assert least < 8 * len(encode_ascending(values, previous=0)) / values.size < most


@pytest.mark.parametrize("lump", [10**6, 10**12, 2**62])
def test_a_long_gap_costs_little(lump: int) -> None:
    """However uneven the differences are: carries are fewer than values by ln(width)."""
    values = int64(*range(1000), lump)
    width = best_width(lump / values.size)
    code = encode_ascending(values, previous=0)
    assert code[0] == width
    assert 8 * len(code) < values.size * width * (1.0 + 1.0 / math.log(width)) + 16 + width
    assert np.array_equal(decode_ascending(code, count=values.size, previous=0), values)


def test_carries_are_few_wherever_values_lie() -> None:
    """Words are so wide that fewer than 1 / ln(width) of them hold a mean: `most_values`."""
    means = np.geomspace(1.0, 2.0**50, 10_000)
    widths = np.array([best_width(mean) for mean in means])
    assert np.all(np.diff(widths) >= 0)
    many = widths > 1
    assert np.all(means[many] / (2.0 ** widths[many] - 1) <= 1.0 / np.log(widths[many]))
    assert means[~many].max() < 2.1


@pytest.mark.parametrize("span", [10**5, 10**6, 10**9, 10**13])
def test_so_many_values_always_fit(span: int) -> None:
    """Into 10 kB, also where they make the most carries; a good tenth more would not."""
    most_bytes = 10_000
    count = most_values(most_bytes, span)
    longest = []
    for width in range(1, best_width(span / count) + 1):
        means = np.geomspace(1.0, span / count, 2000)
        inside = [mean for mean in means if best_width(mean) == width]
        if not inside:
            continue
        carries = min(count, int(inside[-1] * count) // (2**width - 1))
        values = np.cumsum(np.repeat([2**width - 1, 0], [carries, count - carries]))
        code = encode_ascending(values, previous=0)
        assert code[0] == width
        longest.append(len(code))
    assert 0.87 * most_bytes < max(longest) <= most_bytes


REFUSED = {
    "nothing": (b"", 1),
    "no width": (b"\x00\x00", 1),
    "too wide": (joined([1], MAX_WIDTH + 1), 1),
    "far too wide": (b"\xff" + bytes(40), 1),
    "a width alone": (b"\x05", 1),
    "a width of nothing": (b"\x05", 0),
    "no values in a byte": (b"\x05\x00", 0),
    "fewer than none": (b"\x05\x05", -1),
    "fewer than none of nothing": (b"", -1),
    "one value more": (b"\x05\x05", 2),
    "one value more behind a carry": (joined([31, 1, 2, 3, 4, 5], 5), 6),
    "cut": (joined([1, 2, 3], 20)[:-1], 3),
    "cut behind a carry": (joined([2**8 - 1], 8), 1),
    "cut behind a carry at the end": (joined([1, 2**8 - 1], 8), 2),
    "carries for ever": (b"\x01" + b"\xff" * 100_000, 1),
    "wide carries for ever": (bytes([20]) + b"\xff" * 100_000, 1),
    "a byte more": (joined([1, 2], 8) + b"\x00", 2),
    "a byte more behind bits": (joined([1, 2, 3], 3) + b"\x00", 3),
    "a word more": (joined([1, 2, 3], 8), 2),
    "a bit behind the end": (b"\x05\x25", 1),
    "the last bit": (b"\x05\x85", 1),
    "a carry behind the end": (joined([1, 3], 2), 1),
    "beyond": (joined([ONES - 1] * 129, MAX_WIDTH), 129),
    "beyond and back": (joined([ONES - 1] * 300, MAX_WIDTH), 300),
    "beyond by carries": (joined([ONES] * 128 + [128], MAX_WIDTH), 1),
    "beyond and back by carries": (joined([ONES] * 257 + [0], MAX_WIDTH), 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    """All that is not exactly so many values is malformed."""
    code, count = REFUSED[name]
    with pytest.raises(MalformedMessageError):
        decode_ascending(code, count=count, previous=0)


@pytest.mark.parametrize("width", [1, 7, 20, MAX_WIDTH])
def test_nothing_is_read_behind_the_end(width: int) -> None:
    """Carries lead the kernel no further than the bytes go: interpreted, it would stop there."""
    code = bytes([width]) + b"\xff" * 30
    words = ascending._eights(code)
    rest = ascending._eights(code[words.size :] + bytes(8))
    assert ascending._decode.py_func(words, rest, width, 240, 0, np.empty(2, dtype=np.int64)) == -1


def test_what_was_before_counts() -> None:
    """2^63 - 1 is the last value that fits, wherever the count begins."""
    assert decode_ascending(b"\x02\x02", count=1, previous=TOP - 2) == TOP
    with pytest.raises(MalformedMessageError):
        decode_ascending(b"\x02\x02", count=1, previous=TOP - 1)
    assert decode_ascending(code_of([TOP], MAX_WIDTH), count=1, previous=0) == TOP
    assert decode_ascending(encode_ascending(int64(TOP), previous=0), count=1, previous=0) == TOP


@pytest.mark.parametrize(("count", "width"), [(2**60, 1), (100_000, 20), (8 * 10_000 + 1, 1)])
def test_count_is_checked_before_memory_is_taken(count: int, width: int) -> None:
    """A count beyond what the bytes can hold costs nothing."""
    code = bytes([width]) + bytes(10_000)
    tracemalloc.start()
    with pytest.raises(MalformedMessageError):
        decode_ascending(code, count=count, previous=0)
    taken, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= peak < 10_000


def test_nothing_is_nothing() -> None:
    """No values, no bytes."""
    assert encode_ascending(int64(), previous=5) == b""
    assert decode_ascending(b"", count=0, previous=5).size == 0


def test_values_that_stand_still_take_a_bit() -> None:
    """A thousand times the same."""
    code = encode_ascending(np.full(1000, 7), previous=7)
    assert len(code) == 1 + 125
    assert words_of([0] * 1000, 1) == [0] * 1000
    assert decode_ascending(code, count=1000, previous=7).tolist() == [7] * 1000
