"""What the compiled loops of Cascade know of its passes: a row of numbers each."""

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.cascade_layout import PassLayout

BLOCK_BITS, BLOCK_COUNT, DEPTH, ORDER, SEED, OFFSET, LISTED, INVERTED, BEGUN, LAID = range(10)
"""Columns of the table; the last five belong to the responder. Seeds are the 64 bits as int64."""
TABLE_COLUMNS = 10
AS_IT_IS, SHUFFLED, HALVED = range(3)
"""Orders of a pass."""


def pass_table(layouts: tuple[PassLayout, ...]) -> NDArray[np.int64]:
    """(passes, columns) int64; what changes as the search goes on begins at 0."""
    table = np.zeros((len(layouts), TABLE_COLUMNS), dtype=np.int64)
    offset = 0
    for row, layout in zip(table, layouts, strict=True):
        order = HALVED if layout.is_halved else min(layout.index, SHUFFLED)
        seed = np.uint64(layout.seed).astype(np.int64)
        row[: OFFSET + 1] = layout.block_bits, layout.blocks, layout.depth, order, seed, offset
        offset += layout.nodes
    return table
