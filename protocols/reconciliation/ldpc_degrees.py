"""Degree distributions of the LDPC codes: which share of the bits enters how many checks.

Data, and how a code of any rate gets its degrees from them; knows nothing of graphs. How close an
irregular code comes to Shannon's bound is decided here [1]_: regular ones stop at f = 1.35 (QBER
2 %) to 1.15 (11 %), these at 1.02 to 1.06.

`ROWS` - 1 block columns have degree 2 and are a staircase (`protocols.reconciliation.ldpc_growth`):
as many as there can be without a cycle among them. The rows of `SHARES` tell how the others are
shared out. They were found by ``benchmarks/design_ldpc.py`` for the binary symmetric channel:
differential evolution, judged by density evolution [1]_ with a kind of edges for each degree, as
the growth makes them. Checks are concentrated: their degrees hardly differ. The comment at each row
gives the highest error rate that an endless code of that row corrects, and the f there.

References
----------
.. [1] T. Richardson, A. Shokrollahi, R. Urbanke, IEEE Trans. Inf. Theory 47, 619 (2001).
"""

import numpy as np
from numpy.typing import NDArray

ROWS = 64
"""Block rows of every code."""

SCALE = 10_000
"""Rates and shares are in units of 1 / SCALE: integers, the same on any machine."""

SHARES: dict[int, dict[int, int]] = {
    1200: {3: 5619, 9: 2287, 36: 913},  # 0.0151, f 1.060
    1700: {3: 5528, 11: 2305, 53: 493},  # 0.0238, f 1.047
    2400: {3: 5131, 11: 2051, 48: 455},  # 0.0375, f 1.041
    3300: {3: 4655, 11: 1523, 36: 573},  # 0.0576, f 1.039
    4700: {3: 3659, 12: 1297, 48: 418},  # 0.0964, f 1.027
    6200: {3: 2612, 13: 942, 41: 343},  # 0.1496, f 1.018
}
"""Checks per bit to the share of the bits of each degree above 2."""


def block_degrees(columns: int) -> NDArray[np.int32]:
    """Degrees of the block columns of a code of `ROWS` block rows.

    Parameters
    ----------
    columns : int
        More than `ROWS`.

    Returns
    -------
    (columns,) int32
        Ascending, `ROWS` - 1 twos first, then by shares interpolated between the two nearest rows
        of `SHARES`.
    """
    others = columns - (ROWS - 1)
    counts = _rounded(_interpolated(ROWS * SCALE**2 // columns), others)
    degrees = [degree for degree, count in sorted(counts.items()) for _ in range(count)]
    return np.array([2] * (ROWS - 1) + degrees, dtype=np.int32)


def _interpolated(rate: int) -> dict[int, int]:
    """Shares at ``rate``, in units of 1 / SCALE^2 as it is; the outermost row beyond the table."""
    rates = sorted(SHARES)
    above = next((row for row in rates if row * SCALE >= rate), rates[-1])
    below = next((row for row in reversed(rates) if row * SCALE <= rate), rates[0])
    low, high = SHARES[below], SHARES[above]
    span = (above - below) * SCALE
    weight = rate - below * SCALE if span else 0
    return {
        degree: low.get(degree, 0) * SCALE
        + (high.get(degree, 0) - low.get(degree, 0)) * SCALE * weight // (span or 1)
        for degree in sorted(low.keys() | high.keys())
    }


def _rounded(shares: dict[int, int], columns: int) -> dict[int, int]:
    """Whole numbers of columns that add up: the largest remainders are rounded up."""
    total = sum(shares.values())
    counts = {degree: share * columns // total for degree, share in shares.items()}
    left = columns - sum(counts.values())
    by_remainder = sorted(shares, key=lambda degree: (-(shares[degree] * columns % total), degree))
    for degree in by_remainder[:left]:
        counts[degree] += 1
    return counts
