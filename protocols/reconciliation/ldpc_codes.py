"""Quasi-cyclic LDPC codes: what they are, and how the one code of each shape is grown.

Knows no message and no key. A code is a sparse matrix over GF(2) of `ROWS` block rows and some
block columns; each block is zero or a *circulant*, the unit matrix of ``lift`` rows turned by a
shift. Check ``row * lift + k`` therefore holds, of each block (row, column, shift), the bit
``column * lift + (k + shift) % lift``.

A code is fixed by its *shape* alone: `protocols.reconciliation.ldpc_degrees` gives the degrees,
`protocols.reconciliation.ldpc_growth` the edges, the same at both ends and on any machine. Growing
takes a fraction of a second, seconds below 1 % of errors:
`protocols.reconciliation.ldpc_store` keeps codes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bits import derived_seed
from protocols.reconciliation import ldpc_decoder as kernels
from protocols.reconciliation.ldpc_degrees import ROWS, block_degrees
from protocols.reconciliation.ldpc_growth import grow

MAX_LIFT = 2**15
GROWTH_SEED = 0
"""Public and arbitrary; another value gives other codes, just as good."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a code.

    Attributes
    ----------
    columns : int
        Block columns, more than `ROWS`.
    lift : int
        Bits in a block column and checks in a block row, 1 to 2^15.
    """

    columns: int
    lift: int

    def __post_init__(self) -> None:
        if self.columns <= ROWS or not 0 < self.lift <= MAX_LIFT:
            raise ValueError(f"no code has {self}")

    @property
    def bits(self) -> int:
        """Length of a code word."""
        return self.columns * self.lift

    @property
    def checks(self) -> int:
        """Length of a syndrome."""
        return ROWS * self.lift


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A code by its blocks, row after row.

    Attributes
    ----------
    shape : Shape
        See there.
    starts : (ROWS + 1,) int32
        Blocks ``starts[r]`` to ``starts[r + 1] - 1`` are those of block row ``r``.
    columns, shifts : (blocks,) int32
        Of each block.

    Raises
    ------
    ValueError
        If the arrays describe no code: the compiled loops trust them.
    """

    shape: Shape
    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    shifts: NDArray[np.int32]

    def __post_init__(self) -> None:
        blocks = self.columns.size
        is_code = (
            self.starts.size == ROWS + 1
            and self.shifts.size == blocks
            and self.starts[0] == 0
            and self.starts[-1] == blocks
            and bool(np.all(np.diff(self.starts) > 0))
            and 0 <= self.columns.min() <= self.columns.max() < self.shape.columns
            and 0 <= self.shifts.min() <= self.shifts.max() < self.shape.lift
        )
        if not is_code:
            raise ValueError(f"{blocks} blocks that are no code of {self.shape}")

    def syndrome(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Parity of every check.

        Parameters
        ----------
        bits : (shape.bits,) uint8
            Zeros and ones.

        Returns
        -------
        (shape.checks,) uint8
        """
        parities = np.zeros(self.shape.checks, dtype=np.uint8)
        kernels.add_syndrome(
            bits, self.starts, self.columns, self.shifts, self.shape.lift, parities
        )
        return parities

    def decode(
        self, syndrome: NDArray[np.uint8], *, priors: NDArray[np.float32], max_sweeps: int
    ) -> tuple[NDArray[np.uint8], int]:
        """Most likely error pattern that has ``syndrome``, as `ldpc_decoder.decode` finds it.

        Returns
        -------
        (shape.bits,) uint8, int
            The pattern, and the sweeps made; -1 if the pattern does not have the syndrome.
        """
        pattern = np.empty(self.shape.bits, dtype=np.uint8)
        sweeps = kernels.decode(
            priors, syndrome, self.starts, self.columns, self.shifts, self.shape.lift, max_sweeps,
            pattern,
        )  # fmt: skip
        return pattern, sweeps


def grow_code(shape: Shape) -> Code:
    """Grow the code of a shape."""
    degrees = block_degrees(shape.columns)
    rows, columns, shifts = np.empty((3, int(degrees.sum())), dtype=np.int32)
    seed = derived_seed(GROWTH_SEED, shape.columns * MAX_LIFT + shape.lift)
    grow(degrees, ROWS, shape.lift, np.uint64(seed), rows, columns, shifts)
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(ROWS + 1)).astype(np.int32)
    return Code(shape, starts, columns[order], shifts[order])
