"""The loops of Cascade's responder, compiled: questions, what answers tell, corrections.

Knows nothing of who sends what; the rules of the search are told in
`protocols.reconciliation.cascade`.

State of the responder, per pass ``p`` (a row of each array):

- ``table[p]``: see `protocols.reconciliation.cascade_table`.
- ``orders[p, 0]``: index of the bit at each position; ``orders[p, 1]``: the inverse, made when the
  first correction needs it. A pass of two halves is laid out, with order and parities, when one of
  them turns out to be odd; most of the last passes never are.
- ``parities[p, 0]``: parity of the bits before each position when the pass was laid out;
  ``parities[p, 1]``: Fenwick trees [1]_ (modulo 2) of the bits corrected since then, one a block:
  that of the block that starts at ``s`` begins behind index ``s``.
- ``nodes[table[p, OFFSET]:]``: flags of each node. The parity of a node's errors is known for the
  blocks and for both halves of every node with `IS_SPLIT`. It is kept (`IS_ODD`) at the *frontier*
  only, the known nodes that are not split: inside, it is the sum of the halves.
- ``lists[p, :table[p, LISTED]]``: frontier nodes that have become odd and wait to be searched;
  they hold `IS_LISTED`, and may have become even again.

References
----------
.. [1] P. M. Fenwick, A new data structure for cumulative frequency tables, Software: Practice and
   Experience 24, 327 (1994).
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.bits import shuffle
from protocols.compiled import kernel
from protocols.reconciliation.cascade_table import (
    BEGUN,
    BLOCK_BITS,
    BLOCK_COUNT,
    DEPTH,
    HALVED,
    INVERTED,
    LAID,
    LISTED,
    OFFSET,
    ORDER,
    SEED,
    SHUFFLED,
)
from protocols.reconciliation.halving import first_parity, half_of, put_halves

IS_SPLIT = np.uint8(1)
IS_ODD = np.uint8(2)
IS_LISTED = np.uint8(4)

Bytes = NDArray[np.uint8]


@kernel
def begin_pass(
    p: int,
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    parities: NDArray[np.uint8],
) -> None:
    """Begin pass ``p``, whose table row is already there."""
    table[p, BEGUN] = 1
    if table[p, ORDER] != HALVED:
        lay_out(p, bits, table, orders, parities)


@kernel
def lay_out(
    p: int,
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    parities: NDArray[np.uint8],
) -> None:
    """Order the bits for pass ``p`` and take their parities."""
    order = orders[p, 0]
    if table[p, ORDER] == HALVED:
        put_halves(bits.size, np.uint64(table[p, SEED]), order)
        for position in range(bits.size):
            order[position] = order[position] << 1 | bits[order[position]]
    else:
        for i in range(bits.size):
            order[i] = i << 1 | bits[i]
        if table[p, ORDER] == SHUFFLED:
            shuffle(order, np.uint64(table[p, SEED]))
    parity = np.uint8(0)
    parities[p, 0, 0] = parity
    for position in range(bits.size):
        parity ^= np.uint8(order[position] & 1)
        order[position] >>= 1
        parities[p, 0, position + 1] = parity
    table[p, LAID] = 1


@kernel
def invert(p: int, table: NDArray[np.int64], orders: NDArray[np.int32]) -> None:
    """Make the inverse of the order of pass ``p``."""
    order, inverse = orders[p, 0], orders[p, 1]
    for position in range(order.size):
        inverse[order[position]] = position
    table[p, INVERTED] = 1


@kernel
def flips_before(fenwick: Bytes, base: int, position: int) -> int:
    """Parity of the corrections at positions from ``base``, where a block starts, on."""
    parity, k = 0, position - base
    while k > 0:
        parity ^= int(fenwick[base + k])
        k &= k - 1
    return parity


@kernel
def current_parity(parities: NDArray[np.uint8], p: int, base: int, start: int, stop: int) -> int:
    """Parity of the responder's bits, as corrected so far, at positions start to stop - 1.

    All of them are in the block that starts at ``base``.
    """
    then = int(parities[p, 0, start] ^ parities[p, 0, stop])
    flips = parities[p, 1]
    return then ^ flips_before(flips, base, start) ^ flips_before(flips, base, stop)


@kernel
def frontier_node(
    p: int, position: int, size_bits: int, table: NDArray[np.int64], nodes: Bytes
) -> tuple[int, int]:
    """Frontier node of pass ``p`` that holds ``position``, and its size."""
    block_bits, depth, offset = table[p, BLOCK_BITS], table[p, DEPTH], table[p, OFFSET]
    block = position // block_bits
    start = block * block_bits
    size = min(block_bits, size_bits - start)
    base = block << (depth + 1)
    heap = 1
    while nodes[offset + base + heap] & IS_SPLIT:
        half = (size + 1) >> 1
        heap <<= 1
        if position >= start + half:
            heap += 1
            start += half
            size -= half
        else:
            size = half
    return base + heap, size


@kernel
def note_flip(
    p: int,
    position: int,
    size_bits: int,
    table: NDArray[np.int64],
    parities: NDArray[np.uint8],
) -> None:
    """Enter a correction into the tree of its block."""
    block_bits = table[p, BLOCK_BITS]
    base = position // block_bits * block_bits
    size = min(block_bits, size_bits - base)
    k = position + 1 - base
    while k <= size:
        parities[p, 1, base + k] ^= 1
        k += k & -k


@kernel
def correct(
    index: int,
    bits: Bytes,
    corrected: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    parities: NDArray[np.uint8],
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> None:
    """Flip bit ``index``, once at most, and list the frontier nodes that it makes odd."""
    if corrected[index]:
        return
    corrected[index] = 1
    bits[index] ^= 1
    for p in range(table.shape[0]):
        if not table[p, BEGUN]:
            break
        if table[p, LAID]:
            if not table[p, INVERTED]:
                invert(p, table, orders)
            position = int(orders[p, 1, index])
            note_flip(p, position, bits.size, table, parities)
            node, size = frontier_node(p, position, bits.size, table, nodes)
        else:
            half = half_of(index, bits.size, np.uint64(table[p, SEED]))
            node = half << (table[p, DEPTH] + 1) | 1
            size = (bits.size + 1 - half) // 2
        slot = table[p, OFFSET] + node
        nodes[slot] ^= IS_ODD
        if size > 1 and nodes[slot] & IS_ODD and not nodes[slot] & IS_LISTED:
            nodes[slot] |= IS_LISTED
            lists[p, table[p, LISTED]] = node
            table[p, LISTED] += 1


@kernel
def own_parities(
    p: int, bits: Bytes, table: NDArray[np.int64], parities: NDArray[np.uint8]
) -> Bytes:
    """(blocks,) of the responder's bits, when pass ``p`` has just begun."""
    block_bits = table[p, BLOCK_BITS]
    ours = np.empty(table[p, BLOCK_COUNT], dtype=np.uint8)
    if table[p, LAID]:
        for block in range(ours.size):
            start = block * block_bits
            stop = min(start + block_bits, bits.size)
            ours[block] = parities[p, 0, start] ^ parities[p, 0, stop]
    else:
        ours[0] = first_parity(bits, np.uint64(table[p, SEED]))
        ours[1] = (bits.sum() & 1) ^ ours[0]
    return ours


@kernel
def learn_blocks(
    p: int,
    answer: Bytes,
    total: int,
    bits: Bytes,
    corrected: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    parities: NDArray[np.uint8],
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> int:
    """Take the parities of the blocks of pass ``p``; returns the announcer's total parity.

    The last block of all passes but the first follows from ``total``.
    """
    blocks, block_bits = table[p, BLOCK_COUNT], table[p, BLOCK_BITS]
    ours = own_parities(p, bits, table, parities)
    seen = 0
    for block in range(blocks):
        if p and block == blocks - 1:
            theirs = total ^ seen
        else:
            theirs = (int(answer[block >> 3]) >> (7 - (block & 7))) & 1
        seen ^= theirs
        start = block * block_bits
        stop = min(start + block_bits, bits.size)
        if theirs == ours[block]:
            continue
        node = block << (table[p, DEPTH] + 1) | 1
        nodes[table[p, OFFSET] + node] = IS_ODD
        if stop - start > 1:
            nodes[table[p, OFFSET] + node] |= IS_LISTED
            lists[p, table[p, LISTED]] = node
            table[p, LISTED] += 1
        else:
            if not table[p, LAID]:
                lay_out(p, bits, table, orders, parities)
            index = orders[p, 0, start]
            correct(index, bits, corrected, table, orders, parities, nodes, lists)
    return seen


@kernel
def learn_halves(
    p: int,
    count: int,
    answer: Bytes,
    keeps_sub_blocks: bool,  # noqa: FBT001
    bits: Bytes,
    corrected: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    parities: NDArray[np.uint8],
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> None:
    """Take the parities of the first halves of the first ``count`` nodes on the list of pass ``p``.

    The odd half of each goes on the list in its stead, or is corrected if it is a single bit. The
    search of a node touches no other node of its pass, so the list may be rewritten in place.
    """
    block_bits, depth, offset = table[p, BLOCK_BITS], table[p, DEPTH], table[p, OFFSET]
    kept = 0
    for q in range(count):
        node = np.int64(lists[p, q])
        base = node >> (depth + 1) << (depth + 1)
        heap = node - base
        first = (base >> (depth + 1)) * block_bits
        start = first
        size = min(block_bits, bits.size - start)
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
        half = (size + 1) >> 1
        theirs = (int(answer[q >> 3]) >> (7 - (q & 7))) & 1
        odd = base + 2 * heap
        even = odd + 1
        if theirs == current_parity(parities, p, first, start, start + half):
            odd, even = even, odd
            start += half
            size -= half
        else:
            size = half
        nodes[offset + node] = IS_SPLIT
        nodes[offset + even] = 0
        nodes[offset + odd] = IS_ODD
        if size > 1:
            nodes[offset + odd] |= IS_LISTED
            lists[p, kept] = odd
            kept += 1
            continue
        if not keeps_sub_blocks:
            heap = odd - base
            while heap > 1:
                nodes[offset + base + heap] = 0
                heap >>= 1
            nodes[offset + base + 1] = IS_ODD
        correct(orders[p, 0, start], bits, corrected, table, orders, parities, nodes, lists)
    table[p, LISTED] = kept


@kernel
def write_question(
    current: int,
    query: Bytes,
    header: int,
    table: NDArray[np.int64],
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Choose the pass to search and write the nodes to ask for to ``query`` from ``header`` on.

    Pass ``current`` is searched to its end first, then the lowest pass with an odd node, whose
    blocks are the smallest.

    Returns
    -------
    pass, number of nodes, bytes written
        The last two are 0 if no node of any pass is odd.
    """
    for turn in range(table.shape[0] + 1):
        p = current if turn == 0 else turn - 1
        count, written, previous = 0, header, np.int64(0)
        for k in range(table[p, LISTED]):
            node = np.int64(lists[p, k])
            slot = table[p, OFFSET] + node
            if not nodes[slot] & IS_ODD:
                nodes[slot] &= ~IS_LISTED
                continue
            lists[p, count] = node
            count += 1
            step = node - previous
            value = (step << 1) ^ (step >> 63)
            previous = node
            while value > 127:
                query[written] = np.uint8(value & 127 | 128)
                value >>= 7
                written += 1
            query[written] = np.uint8(value)
            written += 1
        table[p, LISTED] = count
        if count:
            return p, count, written - header
    return current, 0, 0
