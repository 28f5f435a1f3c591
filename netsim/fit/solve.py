"""The fit itself: bounded least squares, and what the data say about each number.

Everything here is in coordinates divided by their natural steps (`Number.step`), so that "small"
means the same for rates, losses and contrasts.

References
----------
.. [1] M. A. Branch, T. F. Coleman, Y. Li, SIAM J. Sci. Comput. 21, 1 (1999): the trust-region
   reflective method of `scipy.optimize.least_squares`.
.. [2] W. H. Press et al., Numerical Recipes, 3rd ed., section 15.4: covariance from the singular
   values of the design matrix; small ones are combinations that the data leave open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from netsim.fit.problem import Problem

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

TOLERANCE = 1e-10
"""Relative change of the sum of squares, the coordinates and the gradient at the end."""
MAX_STEPS = 300
"""A good fit takes five to twenty."""
OPEN = 1e-6
"""A combination whose singular value is below this share of the largest is not seen by the data;
`Problem.jacobian` is exact to about 1e-6 of a number's own effect, see there."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the sum of squares is smallest.

    Attributes
    ----------
    coordinates : (N,) float64
        Of the free numbers.
    jacobian : (D, N) float64
        Change of the deviation of each datum, in sigmas, per natural step of each number.
    is_converged : bool
        False if it was given up.
    evaluations : int
        Of the twin.
    """

    coordinates: Vector
    jacobian: Matrix
    is_converged: bool
    evaluations: int


def solve(problem: Problem) -> Solution:
    """Minimise the squared deviations of ``problem``, from its start."""
    count = 0

    def residuals(coordinates: Vector) -> Vector:
        nonlocal count
        count += 1
        return problem.residuals(coordinates)

    found = least_squares(
        residuals,
        problem.origin,
        bounds=problem.bounds,
        method="trf",
        x_scale=problem.steps,
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        gtol=TOLERANCE,
        max_nfev=MAX_STEPS,
    )
    jacobian = problem.jacobian(found.x)
    return Solution(found.x, jacobian, found.status > 0, count + 2 * jacobian.shape[1])


def prior_jacobian(problem: Problem) -> Matrix:
    """Change of each prior's deviation per natural step of each number."""
    rows = [
        np.where(np.arange(len(problem.numbers)) == index, number.step / number.prior, 0.0)
        for index, number in enumerate(problem.numbers)
        if number.prior is not None
    ]
    return np.array(rows).reshape(-1, len(problem.numbers))


def covariance(jacobian: Matrix) -> tuple[Matrix, Matrix]:
    """Covariance of the scaled coordinates, and the combinations that are left open.

    Parameters
    ----------
    jacobian : (M, N) float64
        Of the data, and of the priors if they count.

    Returns
    -------
    covariance : (N, N) float64
        Over the combinations that are not open.
    open_directions : (K, N) float64
        Orthonormal rows: moving along one of them changes nothing.
    """
    values, directions = _singular(jacobian)
    is_open = values <= OPEN * values.max(initial=0.0)
    seen = directions[~is_open] / values[~is_open, None]
    return seen.T @ seen, directions[is_open]


def faint_directions(jacobian: Matrix) -> list[tuple[float, Vector]]:
    """Combinations that the data see, but hardly.

    Returns
    -------
    list of (float, (N,) float64)
        Sigmas by which all data together change, below 1, and the combination, whose largest entry
        is one natural step; faintest first.
    """
    values, directions = _singular(jacobian)
    seen = values > OPEN * values.max(initial=0.0)
    largest = np.abs(directions).max(axis=1, initial=0.0)
    effects = values[seen] / largest[seen]
    rows = directions[seen] / largest[seen, None]
    return [(float(effects[i]), rows[i]) for i in np.argsort(effects) if effects[i] < 1.0]


def _singular(jacobian: Matrix) -> tuple[Vector, Matrix]:
    """Singular values, padded with zeros to one per column, and the direction (row) of each."""
    _, values, directions = np.linalg.svd(jacobian, full_matrices=True)
    padded = np.zeros(jacobian.shape[1])
    padded[: len(values)] = values
    return padded, directions
