"""Products and solutions of small matrices in compiled kernels.

Written out, as compiled ``@`` and `numpy.linalg` need scipy, and their sums differ between
processors; in loops, as slices take many times as long to compile.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

Matrix = NDArray[np.float64]


@kernel
def product(left: Matrix, right: Matrix) -> Matrix:
    """(n, k) times (k, m)."""
    result = np.zeros((left.shape[0], right.shape[1]))
    for row in range(left.shape[0]):
        for column in range(right.shape[1]):
            for k in range(left.shape[1]):
                result[row, column] += left[row, k] * right[k, column]
    return result


@kernel
def applied(matrix: Matrix, vector: Matrix) -> Matrix:
    """(n, k) times (k,)."""
    result = np.zeros(matrix.shape[0])
    for row in range(matrix.shape[0]):
        for k in range(matrix.shape[1]):
            result[row] += matrix[row, k] * vector[k]
    return result


@kernel
def solution(matrix: Matrix, right: Matrix) -> Matrix:
    """(n, m) float64 X with ``matrix`` (n, n) X = ``right`` (n, m).

    Gauss elimination with the largest pivot of each column; ZeroDivisionError if all are zero.
    """
    left, result = matrix.copy(), right.copy()
    size = left.shape[0]
    for column in range(size):
        pivot = column
        for row in range(column + 1, size):
            if abs(left[row, column]) > abs(left[pivot, column]):
                pivot = row
        exchange(left, column, pivot)
        exchange(result, column, pivot)
        for row in range(column + 1, size):
            factor = left[row, column] / left[column, column]
            subtract(left, row, factor, column)
            subtract(result, row, factor, column)
    for row in range(size - 1, -1, -1):
        for k in range(row + 1, size):
            subtract(result, row, left[row, k], k)
        for k in range(result.shape[1]):
            result[row, k] /= left[row, row]
    return result


@kernel
def exchange(matrix: Matrix, one: int, other: int) -> None:
    """Exchange two rows."""
    for k in range(matrix.shape[1]):
        matrix[one, k], matrix[other, k] = matrix[other, k], matrix[one, k]


@kernel
def subtract(matrix: Matrix, row: int, factor: float, other: int) -> None:
    """Take so many times another row off a row."""
    for k in range(matrix.shape[1]):
        matrix[row, k] -= factor * matrix[other, k]
