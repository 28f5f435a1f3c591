"""Fits of the paper's kind: fringes with Monte Carlo errors, lines and parabolas.

It knows numbers only. All fits are linear least squares, done for many resamplings at once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsim.kernel.rng import RngTree
from netsim.studies.estimates import Estimate

RESAMPLINGS = 1000
"""Monte Carlo repetitions of a fit: Fan et al. 2025, Results, "1000-time Monte Carlo method"."""

SEED = 1
"""Of all resamplings; each has a stream of its own."""

Floats = NDArray[np.float64]
Fit = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Fringe:
    """n(alpha) = mean [1 + V cos(alpha + phase)] fitted to counts."""

    mean: float
    visibility: Estimate
    phase_rad: Estimate

    def at(self, alphas_rad: Sequence[float]) -> tuple[float, ...]:
        """The fitted curve."""
        v, phase = self.visibility.value, self.phase_rad.value
        return tuple(self.mean * (1.0 + v * math.cos(alpha + phase)) for alpha in alphas_rad)


def fit_fringe(
    rng: np.random.Generator,
    alphas_rad: Sequence[float],
    counts: Sequence[int],
    twin: Sequence[float],
) -> Fringe:
    """Fit a fringe of free mean, visibility and phase to counts, and the same to the twin's.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the resamplings.
    alphas_rad : (N,) sequence of float
        At least three different phases.
    counts : (N,) sequence of int
        Coincidences at each; the same light everywhere.
    twin : (N,) sequence of float
        What the twin expects.

    Returns
    -------
    Fringe
        Errors are standard deviations over `RESAMPLINGS` Poisson resamplings of the counts, as in
        the paper; the phase lies in (-pi, pi].
    """
    model = np.stack((np.ones(len(alphas_rad)), np.cos(alphas_rad), np.sin(alphas_rad)))
    solve: Floats = np.linalg.pinv(model.T)

    def fit(values: Floats) -> Floats:
        mean, cosine, sine = solve @ values
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack((mean, np.hypot(cosine, sine) / mean, np.arctan2(-sine, cosine)))

    found, expected = fit(np.asarray(counts, dtype=float)), fit(np.asarray(twin, dtype=float))
    drawn = fit(rng.poisson(counts, (RESAMPLINGS, len(counts))).T.astype(float))
    turned = np.angle(np.exp(1j * (drawn[2] - found[2])))
    return Fringe(
        mean=float(found[0]),
        visibility=Estimate(float(found[1]), float(np.std(drawn[1])), float(expected[1])),
        phase_rad=Estimate(float(found[2]), float(np.sqrt(np.mean(turned**2))), float(expected[2])),
    )


def fit_line(x: ArrayLike, y: Sequence[Estimate]) -> tuple[Estimate, Estimate]:
    """Intercept and slope of a straight line, weighted by the errors of ``y``.

    The twin's values are fitted with the same weights.
    """
    x = np.asarray(x, dtype=float)
    weights = np.array([1.0 / (point.sigma or math.inf) for point in y])
    model = np.stack((np.ones_like(x), x)).T * weights[:, None]
    solve = np.linalg.pinv(model)
    values = solve @ (weights * [point.value for point in y])
    twins = solve @ (weights * [point.twin or 0.0 for point in y])
    errors = np.sqrt(np.diag(solve @ solve.T))
    intercept, slope = (
        Estimate(float(value), float(error), float(twin))
        for value, error, twin in zip(values, errors, twins, strict=True)
    )
    return intercept, slope


def crossing(
    rng: np.random.Generator, x: ArrayLike, y: Sequence[Estimate], level: float
) -> Estimate:
    """Where a weighted straight line through ``y`` reaches ``level``; error by resampling."""
    x = np.asarray(x, dtype=float)
    weights = np.array([1.0 / (point.sigma or math.inf) for point in y])
    solve = np.linalg.pinv(np.stack((np.ones_like(x), x)).T * weights[:, None])

    def fit(values: Floats) -> Floats:
        intercept, slope = solve @ (weights * values.T).T
        return np.asarray((level - intercept) / slope)

    return _resampled(rng, y, fit)


def peak(rng: np.random.Generator, x: ArrayLike, y: Sequence[Estimate]) -> Estimate:
    """Where a parabola through ``y`` has its extremum; error by resampling."""
    x = np.asarray(x, dtype=float)
    solve = np.linalg.pinv(np.stack((np.ones_like(x), x, x * x)).T)

    def fit(values: Floats) -> Floats:
        _, slope, bend = solve @ values
        return np.asarray(-slope / (2.0 * bend))

    return _resampled(rng, y, fit)


def _resampled(rng: np.random.Generator, y: Sequence[Estimate], fit: Fit) -> Estimate:
    """A fit, its error over Gaussian resamplings (half of the central 68 %), and the twin's."""
    values = np.array([point.value for point in y])
    sigmas = np.array([point.sigma or 0.0 for point in y])
    drawn = fit((values + sigmas * rng.standard_normal((RESAMPLINGS, values.size))).T)
    low, high = np.quantile(drawn, (0.1587, 0.8413))
    twin = fit(np.array([point.twin or 0.0 for point in y]))
    return Estimate(float(fit(values)), float(high - low) / 2.0, float(twin))


def reduced_chi_square(counts: Sequence[int], mean: float) -> Estimate:
    """Chi-square per degree of freedom of Poisson counts against a constant; 1 if they are flat.

    The constant is the counts' own mean, which costs one degree of freedom; ``mean`` is what the
    twin expects and serves as the variance.
    """
    values = np.asarray(counts, dtype=float)
    freedom = values.size - 1
    chi_square = float(((values - values.mean()) ** 2).sum() / mean) if mean > 0.0 else math.nan
    return Estimate(chi_square / freedom, math.sqrt(2.0 / freedom), 1.0)


def generator(name: str) -> np.random.Generator:
    """A fresh generator, the same for the same name."""
    return RngTree(SEED).stream(name)
