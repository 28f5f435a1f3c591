"""Which numbers the data cannot tell apart, said in terms of as few numbers as possible.

An open direction is a combination of numbers that changes no datum, to first order. Any basis of
them is as good as any other to algebra; to a reader the sparse one is best: "these two, together".
Each row of a reduced echelon form of a basis has as few entries as its pivots allow; many orders of
the pivots are tried, and the sparsest rows are kept [1]_.

References
----------
.. [1] T. F. Coleman, A. Pothen, SIAM J. Alg. Disc. Meth. 7, 527 (1986) and 8, 544 (1987): sparsest
   null bases are hard to find; greedy choice among fundamental ones is the usual way.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

ORDERS = 300
"""Orders of the pivots that are tried; the same ones every time."""
NOTHING = 1e-4
"""An entry below this share of the largest one is rounding."""
INDEPENDENT = 1e-3
"""Smallest singular value that a new row must add."""


def sparse_basis(directions: Matrix) -> Matrix:
    """Basis of the same space whose rows have few entries, sparsest first.

    Parameters
    ----------
    directions : (K, N) float64
        Orthonormal rows.

    Returns
    -------
    (K, N) float64
        The largest entry of each row is 1 in size, the first of those positive.
    """
    if not len(directions):
        return directions
    orders = np.random.default_rng(0)
    found: dict[bytes, Vector] = {}
    for _ in range(ORDERS):
        for row in _echelon(directions, orders.permutation(directions.shape[1])):
            found.setdefault(np.sign(row).tobytes(), row)
    by_size = sorted(found.values(), key=lambda row: (np.count_nonzero(row), tuple(row == 0.0)))
    return _independent(by_size, len(directions))


def _echelon(directions: Matrix, order: NDArray[np.int64]) -> Matrix:
    """Reduce to echelon form, with the earliest columns of ``order`` as pivots that are sound."""
    rows = directions.copy()
    for rank in range(len(rows)):
        sizes = np.abs(rows[rank:, order])
        column = order[np.argmax(sizes.max(axis=0) > np.sqrt(NOTHING) * sizes.max())]
        best = rank + int(np.argmax(np.abs(rows[rank:, column])))
        rows[[rank, best]] = rows[[best, rank]]
        rows[rank] /= rows[rank, column]
        others = np.arange(len(rows)) != rank
        rows[others] -= np.outer(rows[others, column], rows[rank])
    return np.array([_normal(row) for row in rows])


def _normal(row: Vector) -> Vector:
    scaled = row / np.abs(row).max()
    clean = np.where(np.abs(scaled) > NOTHING, scaled, 0.0)
    first = clean[np.argmax(np.abs(clean) > 1.0 - NOTHING)]
    return np.asarray(clean * np.sign(first))


def _independent(candidates: list[Vector], count: int) -> Matrix:
    """First ``count`` rows that are no combinations of those before them."""
    chosen: list[Vector] = []
    for row in candidates:
        if np.linalg.svd(np.array([*chosen, row]), compute_uv=False)[-1] > INDEPENDENT:
            chosen.append(row)
        if len(chosen) == count:
            break
    return np.array(chosen)
