"""LEB128 differences: known codes, sizes, refusals, and the kernels against plain Python."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.ascending import decode_ascending, encode_ascending
from protocols.errors import MalformedMessageError


def int64(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def leb128(value: int) -> bytes:
    """The textbook loop."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize(
    ("difference", "code"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (624485, "e58e26"),
        (2**62, "80" * 8 + "40"),
    ],
)
def test_known_codes(difference: int, code: str) -> None:
    """Codes of the LEB128 definition (624485 is its usual example)."""
    assert encode_ascending(int64(difference), previous=0).hex() == code
    assert decode_ascending(bytes.fromhex(code), count=1, previous=0) == difference


def test_agrees_with_the_textbook() -> None:
    """Both kernels agree with the plain loop, interpreted as well, on differences of all sizes."""
    rng = np.random.default_rng(1)
    differences = [int(rng.integers(0, 2 ** int(rng.integers(1, 55)))) for _ in range(200)]
    values = np.cumsum(int64(*differences))
    expected = b"".join(leb128(difference) for difference in differences)
    assert encode_ascending(values, previous=0) == expected
    out = np.empty(9 * values.size, dtype=np.uint8)
    size = varint._encode.py_func(values, 0, out)
    assert out[:size].tobytes() == expected
    found = np.empty_like(values)
    assert varint._decode.py_func(out[:size], 0, found) == size
    assert np.array_equal(found, values)


def test_usual_times_take_two_bytes() -> None:
    """At 200 kHz and 10 ps ticks a click costs less than 3 bytes."""
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.exponential(500_000, 10_000)).astype(np.int64)
    assert 2.5 < len(encode_ascending(times, previous=0)) / times.size < 3.0


@pytest.mark.parametrize(
    ("code", "count", "previous"),
    [
        ("", 1, 0),
        ("01", 0, 0),
        ("0101", 1, 0),
        ("01", 2, 0),
        ("01", -1, 0),
        ("80", 1, 0),
        ("8000", 1, 0),
        ("818000", 1, 0),
        ("80" * 9 + "01", 1, 0),
        ("81" + "80" * 8 + "02", 1, 0),
        ("ff" * 9 + "7f", 1, 0),
        ("ff" * 8 + "7f", 1, 1),
        ("ff" * 8 + "7f" + "01", 2, 0),
    ],
)
def test_refusals(code: str, count: int, previous: int) -> None:
    """Cut, spare, overlong or overflowing codes, and impossible counts, are malformed."""
    with pytest.raises(MalformedMessageError):
        decode_ascending(bytes.fromhex(code), count=count, previous=previous)


def test_largest_value_passes() -> None:
    """2^63 - 1 is the last value that fits."""
    top = "ff" * 8 + "7f"
    assert decode_ascending(bytes.fromhex(top), count=1, previous=0) == 2**63 - 1


def test_count_is_checked_before_memory_is_taken() -> None:
    """A count of 2^60 in a message of two bytes costs nothing."""
    with pytest.raises(MalformedMessageError):
        decode_ascending(b"\x01\x01", count=2**60, previous=0)


def test_nothing_is_nothing() -> None:
    """No values, no bytes."""
    assert encode_ascending(int64(), previous=5) == b""
    assert decode_ascending(b"", count=0, previous=5).size == 0
