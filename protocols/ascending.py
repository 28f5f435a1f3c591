"""Ascending integers by their differences, in words of one width.

The first byte is the width in bits, 1 to `MAX_WIDTH`. The words follow without gaps, the least
significant bit first, and zeros fill the last byte. A word of all ones is a carry: it adds
2^width - 1, and the next word goes on with the same difference. No integers are no bytes.

Every width is decoded, so the same integers have several codes; `best_width` is a short one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.errors import MalformedMessageError

MAX_WIDTH = 56
"""A word that begins anywhere in a byte ends within eight."""
_SPARE = bytes(8)
"""Behind the last words, so that there are eight bytes from each byte on."""

Eights = NDArray[np.uint64]
"""The eight bytes from each byte on, as numbers: (N,), each overlaps the next one."""


@kernel
def _append(
    out: Eights, bit: np.uint64, begun: np.uint64, word: np.uint64, width: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Write a word at a bit whose byte is ``begun``; the same two of the next word."""
    at, written, end = bit >> np.uint64(3), begun | word << (bit & np.uint64(7)), bit + width
    out[at] = written
    return end, written >> (((end >> np.uint64(3)) - at) << np.uint64(3))


@kernel
def _encode(values: NDArray[np.int64], width: int, previous: int, out: Eights) -> int:
    """Number of bits."""
    size, ones = np.uint64(width), (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    bit, begun, before = np.uint64(0), np.uint64(0), np.uint64(previous)
    for k in range(values.size):
        difference = np.uint64(values[k]) - before
        before = np.uint64(values[k])
        while difference >= ones:
            bit, begun = _append(out, bit, begun, ones, size)
            difference -= ones
        bit, begun = _append(out, bit, begun, difference, size)
    return int(np.int64(bit))


@kernel
def _decode(  # noqa: PLR0917 - a kernel takes arrays, not objects
    words: Eights, rest: Eights, width: int, stop: int, previous: int, out: NDArray[np.int64]
) -> int:
    """Number of bits read, or -1 where more than ``stop`` are needed or a value overflows.

    ``rest`` follow ``words`` and reach into what is spare behind the code; no word that begins
    before them ends behind ``stop``.
    """
    size, ones = np.uint64(width), (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    k, bit, total, totals = np.uint64(0), np.uint64(0), np.uint64(previous), np.uint64(0)
    count, until = np.uint64(out.size), np.uint64(8 * words.size)
    while k < count and bit < until:
        word = (words[bit >> np.uint64(3)] >> (bit & np.uint64(7))) & ones
        bit += size
        total += word
        totals |= total  # a word is too short to lead past all of [2^63, 2^64)
        out[k] = total
        k += np.uint64(word != ones)
    while k < count:
        if bit + size > np.uint64(stop):
            return -1
        word = (rest[(bit - until) >> np.uint64(3)] >> (bit & np.uint64(7))) & ones
        bit += size
        total += word
        totals |= total
        out[k] = total
        k += np.uint64(word != ones)
    return -1 if totals >> np.uint64(63) else int(np.int64(bit))


def encode_ascending(values: NDArray[np.int64], *, previous: int) -> bytes:
    """Code of ``values``: (N,) int64, ascending, none below ``previous``, which is 0 or more."""
    if not values.size:
        return b""
    span = int(values[-1]) - previous
    width = best_width(max(1.0, span / values.size))
    most_words = values.size + span // ((1 << width) - 1)
    out = np.zeros(1 - (-most_words * width // 8) + len(_SPARE), dtype=np.uint8)
    out[0] = width
    bits = _encode(values, width, previous, _eights(out))
    return out[: 1 - (-bits // 8)].tobytes()


def decode_ascending(encoded: bytes, *, count: int, previous: int) -> NDArray[np.int64]:
    """Inverse of `encode_ascending`.

    Raises
    ------
    MalformedMessageError
        If ``encoded`` is not exactly ``count`` integers, or one of them leaves [0, 2^63).
    """
    width, stop = encoded[0] if encoded else 1, 8 * max(0, len(encoded) - 1)
    if not (1 <= width <= MAX_WIDTH and 0 <= count <= stop // width):
        raise MalformedMessageError("ascending integers", len(encoded))
    out = np.empty(count, dtype=np.int64)
    if not encoded:
        return out
    words = _eights(encoded)
    rest = _eights(encoded[words.size :] + _SPARE)
    bits = _decode(words, rest, width, stop, previous, out)
    is_whole = bits >= 0 and len(encoded) == (1 - (-bits // 8) if count else 0)
    if not is_whole or (bits % 8 and encoded[-1] >> bits % 8):
        raise MalformedMessageError("ascending integers", len(encoded))
    return out


def best_width(mean: float) -> int:
    """Width for exponential differences of such a mean (1 or more): the fewest `bits_a_value`."""
    width = min(max(1, int(mean).bit_length() - 1), MAX_WIDTH)
    while width < MAX_WIDTH and bits_a_value(mean, width + 1) < bits_a_value(mean, width):
        width += 1
    return width


def bits_a_value(mean: float, width: int) -> float:
    """Expected of exponential differences.

    One takes a word more for each multiple of 2^width - 1 that it reaches.
    """
    return width / -math.expm1(-((1 << width) - 1) / mean)


def most_values(code_bytes: int, span: int) -> int:
    """How many integers have a code of so many bytes, wherever they lie in a span of numbers.

    `best_width` is so wide that there are at most 1 / ln(width) carries a value: for a mean m,
    one bit more pays as soon as exp(-(2^width - 1) / m) is above 1 / width.
    """
    for width in range(2, MAX_WIDTH):
        values = int(8 * (code_bytes - 1) / (width * (1.0 + 1.0 / math.log(width))))
        if best_width(span / values) <= width:
            return values
    return 0


def _eights(buffer: bytes | NDArray[np.uint8]) -> Eights:
    """Behind its first byte, as far as there are eight."""
    return np.ndarray((max(0, len(buffer) - len(_SPARE)),), np.dtype("<u8"), buffer, 1, (1,))
