"""Small matrices in kernels, against numpy's own."""

import numpy as np
import pytest

from protocols.bbm92.matrices import applied, product, solution


@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_of_numpy(seed: int) -> None:
    """Products of any shapes; solutions of covariances whose scales are far apart."""
    rng = np.random.default_rng(seed)
    left, right, vector = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=4)
    assert product(left, right) == pytest.approx(left @ right, rel=1e-12, abs=1e-12)
    assert applied(left, vector) == pytest.approx(left @ vector, rel=1e-12, abs=1e-12)
    scales = 10.0 ** rng.uniform(-3, 6, 3)
    root = rng.normal(size=(3, 3))
    covariance = scales[:, None] * (root @ root.T) * scales
    asked = covariance @ rng.normal(size=(3, 3))
    before = covariance.copy(), asked.copy()
    found = solution(covariance, asked)
    assert covariance @ found == pytest.approx(asked, rel=1e-6, abs=1e-9 * np.abs(asked).max())
    assert np.array_equal(covariance, before[0])
    assert np.array_equal(asked, before[1])


def test_a_pivot_may_be_zero() -> None:
    """Rows are exchanged where the first one begins with nothing."""
    matrix = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 4.0]])
    assert solution(matrix, np.eye(3)) == pytest.approx(np.linalg.inv(matrix))


def test_no_solution_is_an_error() -> None:
    """Never infinite numbers in silence."""
    with pytest.raises(ZeroDivisionError):
        solution(np.ones((3, 3)), np.eye(3))
