"""How a pass of Cascade is cut into blocks, and the bytes of its two messages.

Both ends derive the same `PassLayout` from public numbers. A *node* is a block, or a half of a
node: block ``b`` of a pass has depth ``d = ceil(log2(block size))``, and its nodes are numbered
``b << (d + 1) | heap`` with heap index 1 for the block, ``2 h`` for the first half of ``h`` (the
larger one of an odd size) and ``2 h + 1`` for the rest.

A query is ``pass, kind`` (one byte each) and, for kind `SPLIT`, node numbers: as differences to
the one before (the first: to zero), zigzag-coded (``2 x`` or ``-2 x - 1``), in little-endian base
128 with the top bit set on all but the last byte. Kind `BLOCKS` asks for the parity of every block
of a pass, except for the last one in all passes but the first: the parity of all bits is known by
then. Kind `SPLIT` asks for the parity of the first half of every node named. The answer is the
parities in order, packed big-endian.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bits import checked_seed, derived_seed
from protocols.reconciliation.schedules import Schedule

BLOCKS = 0
SPLIT = 1
HEADER_BYTES = 2
MAX_VARINT_BYTES = 5
MAX_BLOCK_BITS = 2**26
"""Node numbers then stay below 2^31 for any cut."""


@dataclass(frozen=True, slots=True)
class PassLayout:
    """Blocks of one pass.

    Attributes
    ----------
    index : int
        Number of the pass, from 0.
    size_bits, block_bits : int
        Bits in all, and in a block; the last block holds what is left.
    blocks, depth : int
        Number of blocks, and of halvings that lead to a single bit.
    seed : int
        Of the permutation. Pass 0 keeps the order, passes of two equal blocks are cut by
        `protocols.reconciliation.halving`, the others shuffled (`protocols.bits`).
    """

    index: int
    size_bits: int
    block_bits: int
    blocks: int
    depth: int
    seed: int

    @property
    def asked_blocks(self) -> int:
        """Parities that a `BLOCKS` query asks for."""
        return self.blocks if self.index == 0 else self.blocks - 1

    @property
    def is_halved(self) -> bool:
        """Whether the pass has two halves of all bits."""
        return self.index > 0 and self.blocks == 2 and self.block_bits == (self.size_bits + 1) // 2

    @property
    def nodes(self) -> int:
        """One more than the highest node number that may occur."""
        return self.blocks << (self.depth + 1)


def layout_passes(
    *, size_bits: int, schedule: Schedule, error_rate: float, seed: int
) -> tuple[PassLayout, ...]:
    """Layout of every pass; none for an empty block.

    Raises
    ------
    ValueError
        If there are more than 2^26 bits, the estimate is not a number or the seed not 64 bits.
    """
    checked_seed(seed)
    if size_bits > MAX_BLOCK_BITS:
        raise ValueError(f"{size_bits} bits are too many for one block")
    if size_bits == 0:
        return ()
    sizes = schedule.block_bits(error_rate=error_rate, size_bits=size_bits)
    return tuple(
        PassLayout(
            index=index,
            size_bits=size_bits,
            block_bits=block,
            blocks=-(-size_bits // block),
            depth=(block - 1).bit_length(),
            seed=derived_seed(seed, index),
        )
        for index, block in enumerate(sizes)
    )


def node_range(layout: PassLayout, node: int) -> tuple[int, int]:
    """First and one past the last position (in the order of the pass) of a node."""
    block, heap = divmod(node, 2 << layout.depth)
    start = block * layout.block_bits
    size = min(layout.block_bits, layout.size_bits - start)
    for turn in bin(heap)[3:]:
        first = (size + 1) // 2
        start, size = (start, first) if turn == "0" else (start + first, size - first)
    return start, start + size


def read_nodes(query: bytes) -> list[int]:
    """Node numbers in a `SPLIT` query that an announcer has accepted."""
    nodes, value, shift, previous = [], 0, 0, 0
    for byte in query[HEADER_BYTES:]:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            previous += (value >> 1) ^ -(value & 1)
            nodes.append(previous)
            value = shift = 0
    return nodes


def asked_parities(
    query: bytes, layouts: tuple[PassLayout, ...], orders: list[NDArray[np.int32]]
) -> NDArray[np.uint8]:
    """What a query that an announcer has accepted asks for, as a matrix over GF(2).

    Parameters
    ----------
    query : bytes
        As from the responder.
    layouts : tuple of PassLayout
        From `layout_passes`.
    orders : list of (N,) int32
        Permutation of each pass: position to index of the bit.

    Returns
    -------
    (questions, N) uint8
        A one for each bit that enters the parity.
    """
    layout, order = layouts[query[0]], orders[query[0]]
    if query[1] == BLOCKS:
        ranges = [
            (block * layout.block_bits, min((block + 1) * layout.block_bits, layout.size_bits))
            for block in range(layout.asked_blocks)
        ]
    else:
        nodes = (node_range(layout, node) for node in read_nodes(query))
        ranges = [(start, start + (stop - start + 1) // 2) for start, stop in nodes]
    matrix = np.zeros((len(ranges), layout.size_bits), dtype=np.uint8)
    for row, (start, stop) in zip(matrix, ranges, strict=True):
        row[order[start:stop]] = 1
    return matrix
