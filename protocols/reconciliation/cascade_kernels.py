"""The loops of Cascade's responder, compiled: questions, what answers tell, corrections.

Knows nothing of who sends what; the rules of the search are told in
`protocols.reconciliation.cascade`.

State of the responder, per pass ``p`` (a row of each array):

- ``table[p]``: see `protocols.reconciliation.cascade_table`.
- ``words[p]``: the bits as corrected so far, in the order of the pass, see
  `protocols.reconciliation.words`. Few words hold a block, so that a parity is soon found, and a
  correction changes one of them. A pass of two halves is laid out, with order and words, when one
  of them turns out to be odd; most of the last passes never are.
- ``orders[p, 0]``: index of the bit at each position; ``orders[p, 1]``: the inverse, made when the
  first correction needs it. The pass that keeps the order has neither.
- ``nodes[table[p, OFFSET]:]``: flags of each node that is known, all but the halves of a node that
  is not split; the others are what was in memory. The parity of a node's errors is known for the
  blocks and for both halves of every node with `IS_SPLIT`. It is kept (`IS_ODD`) at the *frontier*
  only, the known nodes that are not split: inside, it is the sum of the halves.
- ``lists[p, :, :table[p, LISTED]]``: frontier nodes that have become odd and wait to be searched,
  with the position where each begins and its size; they hold `IS_LISTED`, and may have become even
  again.

``bits[0]`` are the bits as corrected so far, ``bits[1]`` says which have been corrected.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.bits import shuffle
from protocols.compiled import kernel
from protocols.reconciliation.cascade_layout import HEADER_BYTES, SPLIT
from protocols.reconciliation.cascade_table import (
    AS_IT_IS,
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
)
from protocols.reconciliation.halving import first_parity, half_of, put_halves
from protocols.reconciliation.words import WORD_BITS, Words, flip, put_words, range_parity

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
    words: Words,
    nodes: Bytes,
) -> None:
    """Begin pass ``p``, whose table row is already there."""
    table[p, BEGUN] = 1
    for block in range(table[p, BLOCK_COUNT]):
        nodes[table[p, OFFSET] + (block << (table[p, DEPTH] + 1)) + 1] = 0
    if table[p, ORDER] != HALVED:
        lay_out(p, bits, table, orders, words)


@kernel
def lay_out(
    p: int, bits: Bytes, table: NDArray[np.int64], orders: NDArray[np.int32], words: Words
) -> None:
    """Order the bits for pass ``p``."""
    table[p, LAID] = 1
    if table[p, ORDER] == AS_IT_IS:
        put_words(bits[0], words[p])
        return
    order, seed, size = orders[p, 0], np.uint64(table[p, SEED]), bits.shape[1]
    if table[p, ORDER] == HALVED:
        put_halves(size, seed, order)
        for position in range(size):
            order[position] = order[position] << 1 | bits[0, order[position]]
    else:
        for i in range(size):
            order[i] = i << 1 | bits[0, i]
        shuffle(order, seed)
    for at in range(words.shape[1]):
        word = np.uint64(0)
        start = at * WORD_BITS
        for k in range(min(WORD_BITS, size - start)):
            word |= np.uint64(order[start + k] & 1) << np.uint64(k)
            order[start + k] >>= 1
        words[p, at] = word


@kernel
def index_at(p: int, position: int, table: NDArray[np.int64], orders: NDArray[np.int32]) -> int:
    """Which bit is at ``position`` of pass ``p``."""
    return position if table[p, ORDER] == AS_IT_IS else int(orders[p, 0, position])


@kernel
def position_of(p: int, index: int, table: NDArray[np.int64], orders: NDArray[np.int32]) -> int:
    """Where bit ``index`` is in pass ``p``; makes the inverse of the order if there is none yet."""
    if table[p, ORDER] == AS_IT_IS:
        return index
    if not table[p, INVERTED]:
        for position in range(orders.shape[2]):
            orders[p, 1, orders[p, 0, position]] = position
        table[p, INVERTED] = 1
    return int(orders[p, 1, index])


@kernel
def frontier_node(
    p: int, position: int, size_bits: int, table: NDArray[np.int64], nodes: Bytes
) -> tuple[int, int, int]:
    """Frontier node of pass ``p`` that holds ``position``, where it begins, and its size."""
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
    return base + heap, start, size


@kernel
def list_node(
    p: int,
    node: int,
    start: int,
    size: int,
    table: NDArray[np.int64],
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> None:
    """Have a node wait to be searched."""
    at = table[p, LISTED]
    lists[p, 0, at], lists[p, 1, at], lists[p, 2, at] = node, start, size
    table[p, LISTED] = at + 1
    nodes[table[p, OFFSET] + node] |= IS_LISTED


@kernel
def correct(
    index: int,
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    words: Words,
    nodes: Bytes,
    lists: NDArray[np.int32],
) -> None:
    """Flip bit ``index``, once at most, and list the frontier nodes that it makes odd."""
    if bits[1, index]:
        return
    bits[1, index] = 1
    bits[0, index] ^= 1
    size_bits = bits.shape[1]
    for p in range(table.shape[0]):
        if not table[p, BEGUN]:
            break
        if table[p, LAID]:
            position = position_of(p, index, table, orders)
            flip(words, p, position)
            node, start, size = frontier_node(p, position, size_bits, table, nodes)
        else:
            half = half_of(index, size_bits, np.uint64(table[p, SEED]))
            node = half << (table[p, DEPTH] + 1) | 1
            start, size = half * table[p, BLOCK_BITS], (size_bits + 1 - half) // 2
        slot = table[p, OFFSET] + node
        nodes[slot] ^= IS_ODD
        if size > 1 and nodes[slot] & IS_ODD and not nodes[slot] & IS_LISTED:
            list_node(p, node, start, size, table, nodes, lists)


@kernel
def own_parities(p: int, size_bits: int, table: NDArray[np.int64], words: Words) -> Bytes:
    """(blocks,) of the responder's bits, when pass ``p`` has just begun."""
    block_bits = table[p, BLOCK_BITS]
    ours = np.empty(table[p, BLOCK_COUNT], dtype=np.uint8)
    if table[p, LAID]:
        for block in range(ours.size):
            start = block * block_bits
            ours[block] = range_parity(words, p, start, min(start + block_bits, size_bits))
    else:  # the first pass has all bits as they are
        ours[0] = first_parity(words[0], size_bits, np.uint64(table[p, SEED]))
        ours[1] = range_parity(words, 0, 0, size_bits) ^ ours[0]
    return ours


@kernel
def write_question(
    current: int,
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    words: Words,
    nodes: Bytes,
    lists: NDArray[np.int32],
    query: Bytes,
) -> tuple[int, int, int]:
    """Choose the pass to search, lay it out, and write the `SPLIT` query of it to ``query``.

    Pass ``current`` is searched to its end first, then the lowest pass with an odd node, whose
    blocks are the smallest.

    Returns
    -------
    pass, number of nodes, bytes written
        The last two are 0 if no node of any pass is odd.
    """
    for turn in range(table.shape[0] + 1):
        p = current if turn == 0 else turn - 1
        count, written, previous = 0, HEADER_BYTES, np.int64(0)
        for k in range(table[p, LISTED]):
            node = np.int64(lists[p, 0, k])
            slot = table[p, OFFSET] + node
            if not nodes[slot] & IS_ODD:
                nodes[slot] &= ~IS_LISTED
                continue
            for column in range(3):
                lists[p, column, count] = lists[p, column, k]
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
            query[0], query[1] = p, SPLIT
            if not table[p, LAID]:
                lay_out(p, bits, table, orders, words)
            return p, count, written
    return current, 0, 0


@kernel
def learn_blocks(
    p: int,
    answer: bytes,
    total: int,
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    words: Words,
    nodes: Bytes,
    lists: NDArray[np.int32],
    query: Bytes,
) -> tuple[int, tuple[int, int, int]]:
    """Take the parities of the blocks of pass ``p``; returns the announcer's total parity.

    The last block of all passes but the first follows from ``total``. Returned as well is what
    `write_question` gives.
    """
    blocks, block_bits, size_bits = table[p, BLOCK_COUNT], table[p, BLOCK_BITS], bits.shape[1]
    ours = own_parities(p, size_bits, table, words)
    seen = 0
    for block in range(blocks):
        if p and block == blocks - 1:
            theirs = total ^ seen
        else:
            theirs = (answer[block >> 3] >> (7 - (block & 7))) & 1
        seen ^= theirs
        start = block * block_bits
        size = min(block_bits, size_bits - start)
        if theirs == ours[block]:
            continue
        node = block << (table[p, DEPTH] + 1) | 1
        nodes[table[p, OFFSET] + node] = IS_ODD
        if size > 1:
            list_node(p, node, start, size, table, nodes, lists)
        else:
            if not table[p, LAID]:
                lay_out(p, bits, table, orders, words)
            index = index_at(p, start, table, orders)
            correct(index, bits, table, orders, words, nodes, lists)
    return seen, write_question(p, bits, table, orders, words, nodes, lists, query)


@kernel
def learn_halves(
    p: int,
    count: int,
    answer: bytes,
    keeps_sub_blocks: bool,  # noqa: FBT001
    bits: Bytes,
    table: NDArray[np.int64],
    orders: NDArray[np.int32],
    words: Words,
    nodes: Bytes,
    lists: NDArray[np.int32],
    query: Bytes,
) -> tuple[int, int, int]:
    """Take the parities of the first halves of the first ``count`` nodes on the list of pass ``p``.

    The odd half of each goes on the list in its stead, or is corrected if it is a single bit. The
    search of a node touches no other node of its pass, so the list may be rewritten in place. What
    to ask next is written to ``query``, see `write_question`.
    """
    offset, heaps = table[p, OFFSET], (2 << table[p, DEPTH]) - 1
    table[p, LISTED] = 0
    for q in range(count):
        node, start, size = np.int64(lists[p, 0, q]), lists[p, 1, q], lists[p, 2, q]
        heap = node & heaps
        half = (size + 1) >> 1
        theirs = (answer[q >> 3] >> (7 - (q & 7))) & 1
        odd, even = node + heap, node + heap + 1
        if theirs == range_parity(words, p, start, start + half):
            odd, even = even, odd
            start += half
            size -= half
        else:
            size = half
        nodes[offset + node] = IS_SPLIT
        nodes[offset + even] = 0
        nodes[offset + odd] = IS_ODD
        if size > 1:
            list_node(p, odd, start, size, table, nodes, lists)
            continue
        if not keeps_sub_blocks:
            base = node - heap
            heap = odd - base
            while heap > 1:
                nodes[offset + base + heap] = 0
                heap >>= 1
            nodes[offset + base + 1] = IS_ODD
        index = index_at(p, start, table, orders)
        correct(index, bits, table, orders, words, nodes, lists)
    return write_question(p, bits, table, orders, words, nodes, lists, query)
