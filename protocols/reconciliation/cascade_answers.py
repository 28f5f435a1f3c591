"""The loops of Cascade's announcer, compiled: passes in order, and the parities that are asked for.

Passes are rows of the table of `protocols.reconciliation.cascade_table`.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.bits import shuffle
from protocols.compiled import kernel
from protocols.reconciliation.cascade_layout import HEADER_BYTES
from protocols.reconciliation.cascade_table import (
    BLOCK_BITS,
    BLOCK_COUNT,
    DEPTH,
    HALVED,
    ORDER,
    SEED,
    SHUFFLED,
)
from protocols.reconciliation.halving import put_halves
from protocols.reconciliation.words import Words, accumulate, put_words, summed_parity

INVALID = -1

Bytes = NDArray[np.uint8]


@kernel
def add_up(p: int, bits: Bytes, table: NDArray[np.int64], sums: Words) -> None:
    """Put (N,) ``bits``, in the order of pass ``p`` and added up, into its row of ``sums``."""
    seed = np.uint64(table[p, SEED])
    values = bits.copy()
    if table[p, ORDER] == SHUFFLED:
        shuffle(values, seed)
    elif table[p, ORDER] == HALVED:
        order = np.empty(bits.size, dtype=np.int32)
        put_halves(bits.size, seed, order)
        for position in range(order.size):
            values[position] = bits[order[position]]
    put_words(values, sums[p])
    accumulate(sums[p])


@kernel
def pack_block_parities(
    p: int, size_bits: int, asked: int, table: NDArray[np.int64], sums: Words, packed: Bytes
) -> None:
    """Write the parities of the first ``asked`` blocks to ``packed``, which is all zero."""
    block_bits = table[p, BLOCK_BITS]
    for block in range(asked):
        start = block * block_bits
        parity = summed_parity(sums, p, start, min(start + block_bits, size_bits))
        packed[block >> 3] |= np.uint8(parity << (7 - (block & 7)))


@kernel
def pack_half_parities(
    p: int,
    size_bits: int,
    query: bytes,
    table: NDArray[np.int64],
    sums: Words,
    packed: Bytes,
) -> int:
    """Write the parity of the first half of each node in ``query`` to ``packed``.

    Parameters
    ----------
    p, size_bits : int
        The pass, which is laid out, and its bits.
    query : bytes
        Header and nodes, coded as in `cascade_layout`.
    table, sums : (passes, columns) int64, (passes, W) uint64
        Of all passes; see `protocols.reconciliation.words`.
    packed : uint8
        Room for the answer; what is behind it is left as it is.

    Returns
    -------
    int
        Number of parities, or `INVALID` if the query is cut short, names a node that does not
        exist or has a single bit, or asks for more than there is room for.
    """
    block_bits, depth = table[p, BLOCK_BITS], table[p, DEPTH]
    node_count = table[p, BLOCK_COUNT] << (depth + 1)
    count, node, value, shift = 0, np.int64(0), np.int64(0), 0
    for k in range(HEADER_BYTES, len(query)):
        byte = np.int64(query[k])
        value |= (byte & 127) << shift
        shift += 7
        if byte >= 128:
            if shift == 35:
                return INVALID
            continue
        node += (value >> 1) ^ -(value & 1)
        value, shift = np.int64(0), 0
        if node < 0 or node >= node_count or count >= 8 * packed.size:
            return INVALID
        heap = node & ((2 << depth) - 1)
        if heap == 0:
            return INVALID
        start = (node >> (depth + 1)) * block_bits
        size = min(block_bits, size_bits - start)
        level = 0
        while heap >> (level + 1):
            level += 1
        while level > 0:
            level -= 1
            half = (size + 1) >> 1
            if (heap >> level) & 1:
                start += half
                size -= half
            else:
                size = half
        if size < 2:
            return INVALID
        parity = summed_parity(sums, p, start, start + ((size + 1) >> 1))
        kept = packed[count >> 3] if count & 7 else np.uint8(0)
        packed[count >> 3] = kept | np.uint8(parity << (7 - (count & 7)))
        count += 1
    return INVALID if shift else count
