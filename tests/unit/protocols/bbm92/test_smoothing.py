"""The kernels that read a course, held against the array functions that say the same."""

import numpy as np
import pytest

from protocols.bbm92.lanes import count_about, residuals_about
from protocols.bbm92.smoothing import course_ps, differences_ps
from protocols.link import PS_PER_S


@pytest.mark.parametrize("knots", [0, 1, 2, 7])
def test_a_course_is_a_parabola_and_lines_between_knots(knots: int) -> None:
    """As `numpy.interp` has it, before, between and after the knots, whatever the order."""
    rng = np.random.default_rng(knots)
    zero_ps, state = 3 * PS_PER_S, np.array([120.0, -7.5e3, 40.0])
    knots_s = np.sort(rng.uniform(-1, 1, knots))
    beyond_ps = rng.normal(0, 500, knots)
    times_ps = zero_ps + rng.integers(-2 * PS_PER_S, 2 * PS_PER_S, 300)
    elapsed_s = (times_ps - zero_ps) / PS_PER_S
    expected_ps = np.polynomial.polynomial.polyval(elapsed_s, state * [1.0, 1.0, 0.5])
    if knots:
        expected_ps += np.interp(elapsed_s, knots_s, beyond_ps)
    found_ps = course_ps(times_ps, zero_ps, state, knots_s, beyond_ps)
    assert found_ps == pytest.approx(expected_ps, abs=1e-9, rel=1e-12)


def test_residuals_are_those_within_half_a_window_of_a_peak() -> None:
    """Peak by peak, each in order; the lower edge belongs to a window, the upper one does not."""
    peaks_ps = np.array([-1_000, 0, 150])
    differences_ps = np.array([-1_100, -1_000, -901, -900, 99, 100, 249, 250, 5_000])
    at, values_ps = residuals_about(peaks_ps, differences_ps, 100)
    assert at.tolist() == [0, 1, 2, 4, 4, 5, 6]
    assert values_ps.tolist() == [-100.0, 0.0, 99.0, 99.0, -51.0, -50.0, 99.0]
    assert count_about(peaks_ps, differences_ps, 100) == 7


def test_differences_are_about_the_course_and_a_shift() -> None:
    """Own time less announced time less the parabola less the shift, to the picosecond."""
    announced_ps = np.array([0, PS_PER_S, 2 * PS_PER_S])
    own_ps = np.array([1_000, PS_PER_S + 1_110, 2 * PS_PER_S + 1_333])
    state, none = np.array([1_000.0, 100.0, 20.0]), np.empty(0)
    announced, own = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])
    found_ps = differences_ps(announced_ps, own_ps, announced, own, 0.4, 0, state, none, none)
    assert found_ps.tolist() == [0, 0, 93, -PS_PER_S - 130]
