"""How residuals about a peak scatter, with others all about it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.scatter import FIRST_SIGMA_PS, Scatter, peak_variance

HALF_PS = 2_500.0


def residuals_ps(seed: int, sigma_ps: float, related: int, unrelated: int) -> NDArray[np.float64]:
    """Of a peak as wide as that, and evenly in the gate."""
    rng = np.random.default_rng(seed)
    even_ps = rng.uniform(-HALF_PS, HALF_PS, rng.poisson(unrelated))
    return np.concatenate((rng.normal(0, sigma_ps, related), even_ps))


@pytest.mark.parametrize(
    ("sigma_ps", "related", "unrelated"),
    [(45.0, 300, 600), (45.0, 3_000, 0), (120.0, 1_000, 1_000), (400.0, 3_000, 300)],
)
def test_a_peak_is_as_wide_as_it_was_drawn(sigma_ps: float, related: int, unrelated: int) -> None:
    """The mean of 100 seeds within 5 %, and none far off."""
    found = [
        peak_variance(residuals_ps(seed, sigma_ps, related, unrelated), HALF_PS, float(unrelated))
        for seed in range(100)
    ]
    assert np.sqrt(np.mean(found)) == pytest.approx(sigma_ps, rel=0.05)
    assert np.sqrt(np.max(found)) < 2 * sigma_ps


@pytest.mark.parametrize("seed", range(20))
def test_without_a_peak_nothing_is_narrow(seed: int) -> None:
    """No gate is narrowed for the few that chance has in the middle."""
    even_ps = residuals_ps(seed, 1.0, 0, 40)
    assert 16 * peak_variance(even_ps, HALF_PS, 40.0) > HALF_PS**2


def test_what_a_gate_holds_is_told_from_what_a_wide_one_holds() -> None:
    """The share, and the variance, of one as wide as five standard deviations of the peak."""
    scatter, half_ps = Scatter(HALF_PS), 250.0
    assert not Scatter(HALF_PS).has_seen
    for seed in range(30):
        scatter.learn(residuals_ps(seed, 50.0, 20_000, 20_000), 20_000.0)
    assert scatter.has_seen
    inside_ps = residuals_ps(99, 50.0, 100_000, 100_000)
    inside_ps = inside_ps[np.abs(inside_ps) < half_ps]
    share, variance = scatter.within(half_ps)
    assert share == pytest.approx(100_000 / inside_ps.size, rel=0.02)
    assert variance == pytest.approx(inside_ps.var(), rel=0.05)
    assert scatter.within(HALF_PS)[1] == pytest.approx(scatter.variance, rel=0.03)


def test_a_gate_has_room_for_what_is_not_known_of_the_course() -> None:
    """Four standard deviations of both together; never more than the wide one."""
    scatter = Scatter(HALF_PS)
    assert scatter.reach_ps(0.0) == HALF_PS < 4 * FIRST_SIGMA_PS
    scatter.learn(residuals_ps(1, 60.0, 100_000, 0), 0.0)
    assert scatter.reach_ps(0.0) == pytest.approx(240, rel=0.02)
    assert scatter.reach_ps(80.0**2) == pytest.approx(400, rel=0.02)
    assert scatter.reach_ps(1e9) == HALF_PS


def test_the_peak_is_learnt_in_a_narrow_gate() -> None:
    """By what a gate of a tenth of the width holds: with a tenth of what is unrelated in the wide.

    Before, the peak was taken to be as wide as a course that was off made it.
    """
    scatter, half_ps = Scatter(HALF_PS), 250.0
    scatter.learn(residuals_ps(1, 200.0, 20_000, 20_000), 20_000.0)
    assert scatter.reach_ps(0.0) == pytest.approx(800, rel=0.05)
    for seed in range(5):
        narrow_ps = residuals_ps(seed, 50.0, 20_000, 20_000)
        scatter.learn_peak(narrow_ps[np.abs(narrow_ps) < half_ps], half_ps, 20_000.0)
    assert scatter.reach_ps(0.0) == pytest.approx(200, rel=0.03)
