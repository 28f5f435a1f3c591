"""LEB128 coding of ascending integers by their differences: seven bits a byte, high bit = more."""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.errors import MalformedMessageError

_MAX_BYTES = 9
"""Nine groups of seven bits hold every difference below 2^63."""


@kernel
def _encode(values: NDArray[np.int64], previous: int, out: NDArray[np.uint8]) -> int:
    size, one = np.uint64(0), np.uint64(1)  # an unsigned index is not tested for being below 0
    for k in range(values.size):
        difference = int(values[k]) - previous
        previous = int(values[k])
        while difference >= 128:
            out[size] = (difference & 127) | 128
            difference >>= 7
            size += one
        out[size] = difference
        size += one
    return int(size)


@kernel
def _decode(encoded: NDArray[np.uint8], previous: int, out: NDArray[np.int64]) -> int:
    """Number of bytes read, or -1 where the code is cut short, too long or overflows."""
    at, one, stop = np.uint64(0), np.uint64(1), np.uint64(encoded.size)
    for k in range(out.size):
        if at >= stop:
            return -1
        byte = int(encoded[at])
        difference, shift, at = byte & 127, 7, at + one
        while byte >= 128:
            if at >= stop or shift > 56:
                return -1
            byte = int(encoded[at])
            if byte == 0:
                return -1
            difference |= (byte & 127) << shift
            shift, at = shift + 7, at + one
        previous += difference
        if previous < 0 or difference < 0:
            return -1
        out[k] = previous
    return int(at)


def encode_ascending(values: NDArray[np.int64], *, previous: int) -> bytes:
    """Differences of ``values`` ((N,) int64, ascending, none below ``previous``) as LEB128."""
    out = np.empty(values.size * _MAX_BYTES, dtype=np.uint8)
    return out[: _encode(values, previous, out)].tobytes()


def decode_ascending(encoded: bytes, *, count: int, previous: int) -> NDArray[np.int64]:
    """Inverse of `encode_ascending`.

    Raises
    ------
    MalformedMessageError
        If ``encoded`` is not exactly ``count`` shortest codes, or a value leaves [0, 2^63).
    """
    if not 0 <= count <= len(encoded):
        raise MalformedMessageError("ascending integers", len(encoded))
    out = np.empty(count, dtype=np.int64)
    source = np.frombuffer(encoded, dtype=np.uint8)
    if _decode(source, previous, out) != len(encoded):
        raise MalformedMessageError("ascending integers", len(encoded))
    return out
