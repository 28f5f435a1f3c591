"""The loops of an LDPC code, compiled: syndromes, and the layered sum-product decoder.

Knows arrays only: no messages, no rates, no party. What a code's arrays mean is told in
`protocols.reconciliation.ldpc_codes`.

The decoder looks for the most likely error pattern with a given syndrome. *Belief* of a bit is the
ratio ``P(wrong) / P(right)`` of all that is known of it, a *message* the factor that one check
contributes. With ratios instead of their logarithms the sum-product rule [1]_ needs no
transcendental function: with ``t = (1 - x) / (1 + x)`` (the tanh of half a log-ratio), a check of
syndrome bit ``s`` sends to each of its bits ``(1 - T) / (1 + T)``, where ``T`` is ``(-1)^s`` times
the product of ``t`` over its *other* bits. Every operation is one of IEEE's, so the result does not
depend on the processor.

*Layered* [2]_: a block row of checks is worked off, and the beliefs brought up to date, before the
next one begins; this takes half the sweeps of updating all at once. The checks of a block row share
no bit, so each step is a loop over lanes that the compiler turns into vector instructions.

References
----------
.. [1] T. Richardson, R. Urbanke, Modern Coding Theory, Cambridge 2008, section 2.5.
.. [2] M. M. Mansour, N. R. Shanbhag, IEEE Trans. VLSI Syst. 11, 976 (2003).
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import lane_kernel

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

ONE = np.float32(1)
MAX_TANH = np.float32(1 - 2**-22)
"""A check is never surer than this: float32 knows nothing between it and 1."""
MIN_BELIEF = np.float32(1e-28)
MAX_BELIEF = np.float32(1e28)
"""Bounds of the beliefs; a belief by a message, and back, stays a normal float32."""


@lane_kernel
def copy_turned(lanes: Floats, shift: int, turned: Floats) -> None:
    """Copy ``lanes`` to ``turned``, both (lift,), so that lane ``shift`` comes first."""
    tail, ahead = lanes[shift:], turned[: lanes.size - shift]
    for lane in range(tail.size):
        ahead[lane] = tail[lane]
    start, behind = lanes[:shift], turned[lanes.size - shift :]
    for lane in range(shift):
        behind[lane] = start[lane]


@lane_kernel
def add_turned(lanes: Bytes, shift: int, parities: Bytes) -> None:
    """Add ``lanes`` to ``parities`` modulo 2, both (lift,), so that lane ``shift`` comes first."""
    tail, ahead = lanes[shift:], parities[: lanes.size - shift]
    for lane in range(tail.size):
        ahead[lane] ^= tail[lane]
    start, behind = lanes[:shift], parities[lanes.size - shift :]
    for lane in range(shift):
        behind[lane] ^= start[lane]


@lane_kernel
def add_row(bits: Bytes, columns: Ints, shifts: Ints, lift: int, parities: Bytes) -> None:
    """Add the parities of one block row to ``parities`` (lift,), modulo 2."""
    for edge in range(columns.size):
        base = columns[edge] * lift
        add_turned(bits[base : base + lift], shifts[edge], parities)


@lane_kernel
def add_syndrome(
    bits: Bytes, starts: Ints, columns: Ints, shifts: Ints, lift: int, syndrome: Bytes
) -> None:
    """Add the parity of every check to ``syndrome`` (rows * lift,), modulo 2."""
    for row in range(starts.size - 1):
        first, last = starts[row], starts[row + 1]
        parities = syndrome[row * lift : (row + 1) * lift]
        add_row(bits, columns[first:last], shifts[first:last], lift, parities)


@lane_kernel
def explains(
    pattern: Bytes,
    syndrome: Bytes,
    starts: Ints,
    columns: Ints,
    shifts: Ints,
    lift: int,
    parities: Bytes,
) -> bool:
    """Whether ``pattern`` has the syndrome; stops at the first block row where it has not.

    ``parities`` (lift,) is room.
    """
    for row in range(starts.size - 1):
        first, last = starts[row], starts[row + 1]
        for bit in range(lift):  # array to array compiles for seconds
            parities[bit] = syndrome[row * lift + bit]
        add_row(pattern, columns[first:last], shifts[first:last], lift, parities)
        if parities.any():
            return False
    return True


@lane_kernel
def take_out(messages: Floats, beliefs: Floats, tanhs: Floats) -> None:
    """Take what the check itself said out of the beliefs, and note their tanhs; all (N,)."""
    for k in range(beliefs.size):
        others = beliefs[k] / messages[k]
        beliefs[k] = others
        tanhs[k] = (ONE - others) / (ONE + others)


@lane_kernel
def multiply_others(tanhs: Floats, signs: Floats, products: Floats, running: Floats) -> None:
    """Product of the sign and all tanhs of a check but one's own, for each edge and lane.

    Parameters
    ----------
    tanhs, products : (edges * lift,) float32
        Edge by edge.
    signs, running : (lift,) float32
        +1 or -1 of each check; room.
    """
    lift = signs.size
    running[:] = signs
    for at in range(0, tanhs.size, lift):
        product, tanh = products[at : at + lift], tanhs[at : at + lift]
        for lane in range(lift):
            product[lane] = running[lane]
            running[lane] *= tanh[lane]
    running[:] = ONE
    for at in range(tanhs.size - lift, -1, -lift):
        product, tanh = products[at : at + lift], tanhs[at : at + lift]
        for lane in range(lift):
            product[lane] *= running[lane]
            running[lane] *= tanh[lane]


@lane_kernel
def put_in(products: Floats, messages: Floats, beliefs: Floats) -> None:
    """Make the new messages, and put them into the beliefs; all (N,).

    A message is kept as it counts: where the belief meets its bound, only as far as up to there.
    What is taken out in the next sweep is then what was put in now. (Otherwise bits of high degree
    end far from what all messages together say, and blocks that should be corrected fail.)
    """
    for k in range(beliefs.size):
        product = min(max(products[k], -MAX_TANH), MAX_TANH)
        others = beliefs[k]
        belief = min(max(others * ((ONE - product) / (ONE + product)), MIN_BELIEF), MAX_BELIEF)
        messages[k] = belief / others
        beliefs[k] = belief


@lane_kernel
def sweep_row(
    beliefs: Floats,
    messages: Floats,
    signs: Floats,
    columns: Ints,
    shifts: Ints,
    lift: int,
    room: Floats,
    running: Floats,
) -> None:
    """Work off one block row: bring the beliefs of all its bits up to date.

    Parameters
    ----------
    beliefs : (columns * lift,) float32
        Of all bits.
    messages : (edges * lift,) float32
        Of this row.
    signs : (lift,) float32
        +1 or -1 of each check, for syndrome bit 0 or 1.
    columns, shifts : (edges,) int32
        Of this row.
    room, running : (3, at least edges * lift) and (lift,) float32
        Room.
    """
    size = columns.size * lift
    turned, tanhs, products = room[0, :size], room[1, :size], room[2, :size]
    for edge in range(columns.size):
        base, at = columns[edge] * lift, edge * lift
        copy_turned(beliefs[base : base + lift], shifts[edge], turned[at : at + lift])
    take_out(messages, turned, tanhs)
    multiply_others(tanhs, signs, products, running)
    put_in(products, messages, turned)
    for edge in range(columns.size):
        base, at = columns[edge] * lift, edge * lift
        copy_turned(turned[at : at + lift], lift - shifts[edge], beliefs[base : base + lift])


@lane_kernel
def decode(
    priors: Floats,
    syndrome: Bytes,
    starts: Ints,
    columns: Ints,
    shifts: Ints,
    lift: int,
    max_sweeps: int,
    pattern: Bytes,
) -> int:
    """Look for the most likely error pattern with the given syndrome.

    Parameters
    ----------
    priors : (columns * lift,) float32
        ``P(wrong) / P(right)`` of each bit, `MIN_BELIEF` to `MAX_BELIEF`: `MIN_BELIEF` for one that
        is known, 1 for one of which nothing is.
    syndrome : (rows * lift,) uint8
        Zeros and ones.
    starts, columns, shifts, lift
        The code.
    max_sweeps : int
        To give up after.
    pattern : (columns * lift,) uint8
        Receives the answer: a one for each bit that is more likely wrong.

    Returns
    -------
    int
        Sweeps made; -1 if ``pattern`` has not the syndrome.
    """
    beliefs = priors.copy()
    messages = np.ones(columns.size * lift, dtype=np.float32)
    signs = ONE - np.float32(2) * syndrome.astype(np.float32)
    widest = 0
    for row in range(starts.size - 1):
        widest = max(widest, starts[row + 1] - starts[row])
    room = np.empty((3, widest * lift), dtype=np.float32)
    running = np.empty(lift, dtype=np.float32)
    parities = np.empty(lift, dtype=np.uint8)
    for sweep in range(max_sweeps + 1):
        for k in range(beliefs.size):
            pattern[k] = beliefs[k] > ONE
        if explains(pattern, syndrome, starts, columns, shifts, lift, parities):
            return sweep
        if sweep == max_sweeps:
            break
        for row in range(starts.size - 1):
            first, last = starts[row], starts[row + 1]
            sweep_row(
                beliefs, messages[first * lift : last * lift],
                signs[row * lift : (row + 1) * lift],
                columns[first:last], shifts[first:last], lift, room, running,
            )  # fmt: skip
    return -1
