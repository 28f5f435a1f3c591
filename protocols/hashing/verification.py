"""Verification: a Toeplitz hash of a whole round, which tells whether both ends agree.

Knows nothing of messages. Two different strings have the same hash of t bits with probability
2^-t over the seed [1]_; the hash discloses t bits of the key, which are booked.

References
----------
.. [1] H. Krawczyk, LFSR-based hashing and authentication, CRYPTO 1994: the family of all Toeplitz
   matrices is xor-universal.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.bits import as_bit_array
from protocols.compiled import kernel

WORD_BITS = 64


def toeplitz_hash(
    bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], hash_bits: int
) -> bytes:
    """Hash of ``bits`` by a full Toeplitz matrix.

    ``hash[i] = sum_j s[i - j + n - 1] bits[j]`` modulo 2, with i from 0 to t - 1.

    Parameters
    ----------
    bits : (N,) uint8
        Zeros and ones; N >= 0.
    seed_bits : (N + t - 1,) uint8
        Zeros and ones, drawn after ``bits`` are fixed at both ends.
    hash_bits : int
        t, >= 1.

    Returns
    -------
    bytes
        ceil(t / 8), big-endian, filled up with zeros.

    Raises
    ------
    ValueError
        If a size or a value is not as above.
    """
    bits, seed_bits = as_bit_array(bits), as_bit_array(seed_bits)
    if hash_bits < 1 or seed_bits.size != bits.size + hash_bits - 1:
        raise ValueError(
            f"a hash of {hash_bits} from {bits.size} bits does not take {seed_bits.size} seed bits"
        )
    hashed = np.empty(hash_bits, dtype=np.uint8)
    for row in range(0, hash_bits, WORD_BITS):
        rows = min(WORD_BITS, hash_bits - row)
        word = hash_rows(bits, seed_bits[row : row + bits.size + rows - 1], rows)
        hashed[row : row + rows] = [int(word) >> (rows - 1 - k) & 1 for k in range(rows)]
    return np.packbits(hashed).tobytes()


@kernel
def hash_rows(bits: NDArray[np.uint8], seed_bits: NDArray[np.uint8], rows: int) -> np.uint64:
    """At most 64 rows of the product, row 0 highest: each set bit adds a window of the seed."""
    window, total = np.uint64(0), np.uint64(0)
    for k in range(rows - 1):
        window = (window << np.uint64(1)) | np.uint64(seed_bits[k])
    for k in range(bits.size):
        window = (window << np.uint64(1)) | np.uint64(seed_bits[k + rows - 1])
        if bits[bits.size - 1 - k]:
            total ^= window
    if rows < WORD_BITS:
        total &= (np.uint64(1) << np.uint64(rows)) - np.uint64(1)
    return total
