"""Bits as arrays and as bytes, and the shuffle that both ends of a link derive from one seed.

Knows nothing of messages or of keys. Bit order is big-endian everywhere: bit 0 of an array is the
most significant bit of byte 0.

The shuffle is part of the protocol, so it is specified here and not left to a library:

- *SplitMix64* [1]_ with state ``s`` and ``G = 0x9E3779B97F4A7C15``, all modulo 2^64: each step
  sets ``s += G`` and puts out ``mix(s)``, where ``mix(z)`` is ``z ^= z >> 30``,
  ``z *= 0xBF58476D1CE4E5B9``, ``z ^= z >> 27``, ``z *= 0x94D049BB133111EB``, ``z ^= z >> 31``.
- Each output gives two 32-bit draws ``u``, the upper half first.
- *Fisher-Yates*, downwards: for ``i = size-1, ..., 1`` swap elements ``i`` and
  ``j = u * (i + 1) >> 32`` of the identity, one draw a swap. ``j`` is biased by at most
  ``size / 2^32``, which matters to nobody: the shuffle is public.
- `derived_seed` (seed, index) is the output number ``index`` (from 0) of SplitMix64 started with
  ``s = seed``; so one seed in a message gives many shuffles.

References
----------
.. [1] G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators,
   OOPSLA 2014, doi 10.1145/2660193.2660195; constants of its variant 13 mixer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

SEED_BITS = 64
MAX_PERMUTATION_SIZE = 2**31 - 1
"""Elements are int32."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
LOW_HALF = np.uint64(0xFFFFFFFF)


def pack_bits(bits: NDArray[np.uint8]) -> bytes:
    """Bytes of a 0/1 array, big-endian, the last byte filled up with zeros.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones.

    Returns
    -------
    bytes
        ceil(N / 8) of them.
    """
    return np.packbits(bits).tobytes()


def unpack_bits(packed: bytes, size_bits: int) -> NDArray[np.uint8]:
    """Array of the first ``size_bits`` bits of ``packed``; the inverse of `pack_bits`.

    Raises
    ------
    ValueError
        If ``packed`` is not exactly ceil(size_bits / 8) bytes, or a filling bit is not zero:
        there is one encoding of each array.
    """
    if len(packed) != packed_size_bytes(size_bits):
        raise ValueError(f"{size_bits} bits do not fill {len(packed)} bytes")
    if size_bits % 8 and packed[-1] & 0xFF >> size_bits % 8:
        raise ValueError(f"the bits after the first {size_bits} are not all zero")
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=size_bits)


def leading_bits(packed: bytes, size_bits: int) -> NDArray[np.uint8]:
    """Array of the first ``size_bits`` bits of ``packed``, whatever follows; fewer if it ends."""
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8))[:size_bits]


def packed_size_bytes(size_bits: int) -> int:
    """Bytes that `pack_bits` makes of ``size_bits`` bits (>= 0)."""
    if size_bits < 0:
        raise ValueError(f"a number of bits cannot be {size_bits}")
    return (size_bits + 7) // 8


def as_bit_array(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contiguous copy of a one-dimensional uint8 array of zeros and ones.

    Raises
    ------
    ValueError
        See `check_bit_array`.
    """
    check_bit_array(bits)
    return np.array(bits, dtype=np.uint8, order="C")


def check_bit_array(bits: NDArray[np.uint8]) -> None:
    """Nothing, of a one-dimensional uint8 array of zeros and ones.

    Raises
    ------
    ValueError
        If it is anything else: True/False, floats, other shapes or other values.
    """
    if bits.dtype != np.uint8 or bits.ndim != 1:
        raise ValueError(f"bits must be (N,) uint8, not {bits.shape} {bits.dtype}")
    if bits.size and int(bits.max()) > 1:
        raise ValueError("bits must be zeros and ones")


def seeded_permutation(seed: int, size: int) -> NDArray[np.int32]:
    """Permutation of ``0 .. size-1`` that both ends of a link derive from ``seed``.

    Parameters
    ----------
    seed : int
        0 to 2^64 - 1, from a message.
    size : int
        0 to 2^31 - 1.

    Returns
    -------
    (size,) int32
        See the module docstring for the algorithm.
    """
    if not 0 <= size <= MAX_PERMUTATION_SIZE:
        raise ValueError(f"cannot permute {size} elements")
    permutation = np.arange(size, dtype=np.int32)
    shuffle(permutation, checked_seed(seed))
    return permutation


def derived_seed(seed: int, index: int) -> int:
    """Seed number ``index`` (>= 0) that follows from ``seed``: a SplitMix64 output."""
    state = int(checked_seed(seed)) + (index + 1) * int(GOLDEN)
    return int(mix64(np.uint64(state % 2**SEED_BITS)))


def checked_seed(seed: int) -> np.uint64:
    """``seed`` as uint64; ValueError outside 0 to 2^64 - 1."""
    if not 0 <= seed < 2**SEED_BITS:
        raise ValueError(f"a seed has {SEED_BITS} bits, {seed} has not")
    return np.uint64(seed)


@kernel
def mix64(state: np.uint64) -> np.uint64:
    """Output of SplitMix64 in ``state`` [1]_."""
    z = (state ^ (state >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return z ^ (z >> np.uint64(31))


@kernel
def shuffle(values: NDArray[Any], seed: np.uint64) -> None:
    """Shuffle ``values`` (N,) in place, so that it becomes ``values[seeded_permutation]``."""
    state = seed
    i = values.size - 1
    while i > 0:
        state += GOLDEN
        word = mix64(state)
        j = np.int64(((word >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        values[i], values[j] = values[j], values[i]
        i -= 1
        if i > 0:
            j = np.int64(((word & LOW_HALF) * np.uint64(i + 1)) >> np.uint64(32))
            values[i], values[j] = values[j], values[i]
            i -= 1
