"""Fits: what they find of known curves, and whether their errors are right."""

import math

import numpy as np
import pytest

from netsim.studies.estimates import Estimate
from netsim.studies.fits import (
    crossing,
    fit_fringe,
    fit_line,
    generator,
    peak,
    reduced_chi_square,
)

ALPHAS = tuple(2.0 * math.pi * k / 16 for k in range(16))
Z = 5.0


def fringe(mean: float, visibility: float, phase_rad: float) -> list[float]:
    """An exact fringe."""
    return [mean * (1.0 + visibility * math.cos(alpha + phase_rad)) for alpha in ALPHAS]


def test_a_fringe_is_found_with_the_error_that_theory_gives() -> None:
    """Mean, visibility and phase are met; sigma is sqrt((2 - V^2) / N) within 10 %."""
    expected = fringe(1000.0, 0.9, 0.7)
    found = fit_fringe(generator("a"), ALPHAS, [round(n) for n in expected], expected)
    assert found.mean == pytest.approx(1000.0, rel=1e-3)
    assert found.visibility.value == pytest.approx(0.9, abs=1e-3)
    assert found.visibility.twin == pytest.approx(0.9, abs=1e-12)
    assert found.phase_rad.value == pytest.approx(0.7, abs=1e-3)
    theory = math.sqrt((2.0 - 0.9**2) / 16_000)
    assert found.visibility.sigma == pytest.approx(theory, rel=0.1)
    assert found.at(ALPHAS) == pytest.approx(expected, abs=1.0)


def test_visibilities_of_drawn_fringes_deviate_by_their_errors() -> None:
    """300 drawn fringes: mean deviation 0 and variance 1 (z = 5)."""
    rng, expected = np.random.default_rng(7), fringe(400.0, 0.92, -2.0)
    values = np.array(
        [
            fit_fringe(rng, ALPHAS, rng.poisson(expected).tolist(), expected).visibility.deviation
            for _ in range(300)
        ]
    )
    assert abs(values.mean()) < Z / math.sqrt(300)
    assert abs(values.var() - 1.0) < Z * math.sqrt(2.0 / 300)


def test_the_same_name_draws_the_same() -> None:
    """Resamplings depend on the name alone."""
    counts = [round(n) for n in fringe(100.0, 0.8, 0.0)]
    first, again, other = (
        fit_fringe(generator(name), ALPHAS, counts, counts) for name in ("a", "a", "b")
    )
    assert first == again
    assert first.visibility.sigma != other.visibility.sigma


def test_lines_are_weighted() -> None:
    """A point of large error counts little; errors are those of weighted least squares."""
    y = [Estimate(1.0, 0.1, 1.0), Estimate(2.0, 0.1, 2.0), Estimate(50.0, 1e6, 3.0)]
    intercept, slope = fit_line([0.0, 1.0, 2.0], y)
    assert intercept.value == pytest.approx(1.0, abs=1e-6)
    assert slope.value == pytest.approx(1.0, abs=1e-6)
    assert slope.twin == pytest.approx(1.0)
    assert slope.sigma == pytest.approx(math.hypot(0.1, 0.1), rel=1e-6)


def test_crossing_and_peak_are_found() -> None:
    """Of exact curves: where a line meets a level, and where a parabola turns."""
    x = [0.1, 0.2, 0.3, 0.4]
    line = [Estimate(1.0 + 2.0 * v, 0.01, 1.0 + 2.0 * v) for v in x]
    met = crossing(generator("c"), x, line, 1.5)
    assert met.value == pytest.approx(0.25)
    assert met.twin == pytest.approx(0.25)
    # Slope 2, level at the middle: 0.01 / sqrt(4) / 2.
    assert met.sigma == pytest.approx(0.0025, rel=0.15)
    bent = [Estimate(5.0 - (v - 0.27) ** 2, 1e-4, 5.0 - (v - 0.27) ** 2) for v in x]
    assert peak(generator("p"), x, bent).value == pytest.approx(0.27)


def test_flat_counts_have_a_chi_square_of_one() -> None:
    """Poisson counts: 1 within 5 errors; a fringe of 5 % in them is far from it."""
    rng = np.random.default_rng(3)
    flat = reduced_chi_square(rng.poisson(1e5, 200).tolist(), 1e5)
    assert abs(flat.deviation or 99.0) < Z
    wavy = [round(1e5 * (1.0 + 0.05 * math.cos(0.1 * k))) for k in range(200)]
    assert (reduced_chi_square(wavy, 1e5).deviation or 0.0) > 100.0
