"""Progressive edge growth of a quasi-cyclic code, compiled.

Knows degrees and a seed only, not what the code is for. Progressive edge growth [1]_ places the
edges of a graph one by one, each where it closes the longest possible cycle with those before it;
here each edge is a *circulant* of ``lift`` edges that are turned copies of one another [2]_. What a
decoder does with its messages is exact on a tree, so short cycles are what hurts it.

All of it is integer arithmetic with a generator of its own (SplitMix64 of `protocols.bits`): both
ends of a link, on any machine, grow the same code.

References
----------
.. [1] X.-Y. Hu, E. Eleftheriou, D. M. Arnold, IEEE Trans. Inf. Theory 51, 386 (2005).
.. [2] Z. Li, B. V. K. V. Kumar, Asilomar Conference 2004, p. 1990.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.bits import GOLDEN, mix64
from protocols.compiled import lane_kernel

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]

AVOIDED_EDGES = 12
"""Cycles up to this length are avoided where there is room. Measured at 4 kbit: a third fewer
failures where few blocks fail than with 6, and none fewer with 18."""


@lane_kernel
def join_turned(lanes: Bytes, shift: int, joined: Bytes) -> None:
    """Add the marks of ``lanes`` to ``joined``, both (lift,); lane ``shift`` comes first."""
    tail, ahead = lanes[shift:], joined[: lanes.size - shift]
    for lane in range(tail.size):
        ahead[lane] |= tail[lane]
    start, behind = lanes[:shift], joined[lanes.size - shift :]
    for lane in range(shift):
        behind[lane] |= start[lane]


@lane_kernel
def mark_bits(
    edges: int, rows: Ints, columns: Ints, shifts: Ints, near_checks: Bytes, near_bits: Bytes
) -> None:
    """Mark the bits of all marked checks.

    Parameters
    ----------
    edges : int
        Number of block edges placed so far.
    rows, columns, shifts : int32
        Of each: its lane ``k`` joins lane ``k`` of the row to lane ``k + shift`` of the column.
    near_checks, near_bits : (rows, lift) and (columns, lift) uint8
        Marks, zero or one.
    """
    lift = near_bits.shape[1]
    is_marked = np.empty(near_checks.shape[0], dtype=np.bool_)
    for row in range(is_marked.size):
        is_marked[row] = near_checks[row].any()
    for edge in range(edges):
        if is_marked[rows[edge]]:
            join_turned(near_checks[rows[edge]], lift - shifts[edge], near_bits[columns[edge]])


@lane_kernel
def mark_checks(
    edges: int, rows: Ints, columns: Ints, shifts: Ints, near_bits: Bytes, near_checks: Bytes
) -> None:
    """Mark the checks of all marked bits; parameters as of `mark_bits`."""
    for edge in range(edges):
        join_turned(near_bits[columns[edge]], shifts[edge], near_checks[rows[edge]])


@lane_kernel
def has_free(is_taken: Bytes, near_checks: Bytes) -> bool:
    """Whether a row that is not taken has a check that is not near."""
    for row in range(is_taken.size):  # noqa: SIM110 (numba knows no any() of a generator)
        if not is_taken[row] and not near_checks[row].all():
            return True
    return False


@lane_kernel
def mark_near(
    first: int,
    edges: int,
    rows: Ints,
    columns: Ints,
    shifts: Ints,
    is_taken: Bytes,
    near_bits: Bytes,
    near_checks: Bytes,
    last_checks: Bytes,
) -> None:
    """Mark in ``near_checks`` what is too near to lane 0 of a column for its next edge.

    ``first`` is its first edge. What closes a cycle of at most `AVOIDED_EDGES` is too near; if that
    is everything, what closes a cycle of two edges less, and so on; if what closes one of 4 is
    everything, nothing. The other arrays of marks are room.
    """
    lift = near_bits.shape[1]
    near_bits[:] = 0
    near_checks[:] = 0
    last_checks[:] = 0
    for edge in range(first, edges):
        last_checks[rows[edge], (lift - shifts[edge]) % lift] = 1
    for _ in range(AVOIDED_EDGES // 2 - 1):
        mark_bits(edges, rows, columns, shifts, last_checks, near_bits)
        mark_checks(edges, rows, columns, shifts, near_bits, last_checks)
        if not has_free(is_taken, last_checks):
            return
        for row in range(near_checks.shape[0]):  # array to array compiles for seconds
            for column in range(near_checks.shape[1]):
                near_checks[row, column] = last_checks[row, column]


@lane_kernel
def draw(state: NDArray[np.uint64], size: int) -> int:
    """Next number below ``size`` (1 to 2^31) of the generator in ``state`` (1,)."""
    state[0] += GOLDEN
    return int(((mix64(state[0]) >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


@lane_kernel
def nth_zero(marks: Bytes, number: int) -> int:
    """Index of zero number ``number`` (from 0) of ``marks``."""
    for k in range(marks.size):
        if not marks[k]:
            if number == 0:
                return k
            number -= 1
    return -1


@lane_kernel
def choose_row(
    is_taken: Bytes, near_checks: Bytes, row_degrees: Ints, state: NDArray[np.uint64]
) -> int:
    """A row with a free check, drawn among those of the lowest degree."""
    chosen, lowest, count = -1, 0, 0
    for row in range(is_taken.size):
        if is_taken[row] or near_checks[row].all():
            continue
        if count == 0 or row_degrees[row] < lowest:
            lowest, count = row_degrees[row], 0
        if row_degrees[row] == lowest:
            count += 1
            if draw(state, count) == 0:
                chosen = row
    return chosen


@lane_kernel
def grow(
    degrees: Ints,
    row_count: int,
    lift: int,
    seed: np.uint64,
    rows: Ints,
    columns: Ints,
    shifts: Ints,
) -> None:
    """Place all edges of a code.

    Parameters
    ----------
    degrees : (C,) int32
        Of each block column, ascending, 2 to ``row_count``; fewer than ``row_count`` twos. Column
        ``c`` of degree 2 joins rows ``c`` and ``c + 1`` unturned: a staircase, which has no cycle.
    row_count, lift : int
        Block rows; lanes.
    seed : int
        Of the choices between equals.
    rows, columns, shifts : (sum of degrees,) int32
        Receive the edges, column by column.
    """
    state = np.full(1, seed, dtype=np.uint64)
    row_degrees = np.zeros(row_count, dtype=np.int32)
    is_taken = np.zeros(row_count, dtype=np.uint8)
    near_bits = np.zeros((degrees.size, lift), dtype=np.uint8)
    near_checks = np.zeros((row_count, lift), dtype=np.uint8)
    last_checks = np.zeros((row_count, lift), dtype=np.uint8)
    twos = 0
    while twos < degrees.size and degrees[twos] == 2:
        twos += 1
    edge = 0
    for column in range(degrees.size):
        is_taken[:] = 0
        first = edge
        for step in range(degrees[column]):
            shift = 0
            if degrees[column] == 2:
                row = column * (row_count - 1) // twos + step
            else:
                mark_near(
                    first, edge, rows, columns, shifts, is_taken, near_bits, near_checks,
                    last_checks,
                )  # fmt: skip
                row = choose_row(is_taken, near_checks, row_degrees, state)
                free = lift - near_checks[row].sum()
                lane = nth_zero(near_checks[row], draw(state, free))
                shift = (lift - lane) % lift
            rows[edge], columns[edge], shifts[edge] = row, column, shift
            row_degrees[row] += 1
            is_taken[row] = 1
            edge += 1
