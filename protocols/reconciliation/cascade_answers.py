"""The loops of Cascade's announcer, compiled: parity prefixes and the parities that are asked for.

Passes are rows of the table of `protocols.reconciliation.cascade_table`.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.bits import shuffle
from protocols.compiled import kernel
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

INVALID = -1

Bytes = NDArray[np.uint8]


@kernel
def ordered_prefix(bits: Bytes, row: NDArray[np.int64]) -> Bytes:
    """Parity of the first 0, 1, ..., N bits of (N,) ``bits`` in the order of a pass."""
    values = bits.copy()
    if row[ORDER] == SHUFFLED:
        shuffle(values, np.uint64(row[SEED]))
    elif row[ORDER] == HALVED:
        order = np.empty(bits.size, dtype=np.int32)
        put_halves(bits.size, np.uint64(row[SEED]), order)
        for position in range(order.size):
            values[position] = bits[order[position]]
    prefix = np.empty(values.size + 1, np.uint8)
    parity = np.uint8(0)
    prefix[0] = parity
    for position in range(values.size):
        parity ^= values[position]
        prefix[position + 1] = parity
    return prefix


@kernel
def pack_block_parities(prefix: Bytes, block_bits: int, asked: int, packed: Bytes) -> None:
    """Write the parities of the first ``asked`` blocks to ``packed``, which is all zero."""
    last = prefix.size - 1
    for block in range(asked):
        start = block * block_bits
        parity = prefix[start] ^ prefix[min(start + block_bits, last)]
        packed[block >> 3] |= parity << np.uint8(7 - (block & 7))


@kernel
def pack_half_parities(
    query: Bytes, header: int, prefix: Bytes, table: NDArray[np.int64], packed: Bytes
) -> int:
    """Write the parity of the first half of each node in ``query`` to ``packed``.

    Parameters
    ----------
    query : (M,) uint8
        Nodes from byte ``header`` on, coded as in `cascade_layout`.
    prefix : (N + 1,) uint8
        From `ordered_prefix`.
    table : (TABLE_COLUMNS,) int64
        Of the pass.
    packed : uint8, all zero
        Room for the answer.

    Returns
    -------
    int
        Number of parities, or `INVALID` if the query is cut short, names a node that does not
        exist or has a single bit, or asks for more than there is room for.
    """
    size_bits = prefix.size - 1
    block_bits, depth = table[BLOCK_BITS], table[DEPTH]
    node_count = table[BLOCK_COUNT] << (depth + 1)
    count, node, value, shift = 0, np.int64(0), np.int64(0), 0
    for k in range(header, query.size):
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
        parity = prefix[start] ^ prefix[start + ((size + 1) >> 1)]
        packed[count >> 3] |= parity << np.uint8(7 - (count & 7))
        count += 1
    return INVALID if shift else count
