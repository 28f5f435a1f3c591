"""The random walk of a clock has the Allan deviation it was asked for."""

import numpy as np
import pytest

from netsim.physics.clock import GRID_PS, Clock
from netsim.units import PS_PER_S
from tests.support.bounds import Z_SIGMA
from tests.unit.netsim.physics.helpers import generator

ALLAN_DEVIATION = 7e-11


def phase_errors_ps(
    seconds: int, step_ps: int, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Local minus true time of a clock that is right but for its walk."""
    clock = Clock(
        generator(seed),
        offset_bound_ps=0,
        rate_bound_ppm=0.0,
        allan_deviation_1s=ALLAN_DEVIATION,
    )
    times_ps = range(0, seconds * PS_PER_S, step_ps)
    return np.array([clock.local_ps(time_ps) - time_ps for time_ps in times_ps], dtype=np.float64)


@pytest.mark.parametrize("averaging_s", [1, 10])
def test_allan_deviation_is_that_of_white_frequency_noise(averaging_s: int) -> None:
    """sigma_y(tau) = sigma_y(1 s) / sqrt(tau), from second differences of the phase."""
    phases_ps = phase_errors_ps(20_000, averaging_s * PS_PER_S, seed=1)
    second = np.diff(phases_ps, n=2) * 1e-12
    variance = float((second**2).mean()) / (2 * averaging_s**2)
    expected = ALLAN_DEVIATION**2 / averaging_s
    # For white frequency noise the estimate from N differences has a relative variance of 3 / N.
    assert abs(variance / expected - 1) < Z_SIGMA * np.sqrt(3 / second.size)


def test_walk_is_gaussian_and_independent() -> None:
    """Steps of the grid have the variance sigma_y(1 s)^2 T, no kurtosis and no memory."""
    steps_ps = np.diff(phase_errors_ps(1000, GRID_PS, seed=2))
    # Local times are whole picoseconds: each phase carries a variance of 1/12.
    expected_ps2 = ALLAN_DEVIATION**2 * GRID_PS * PS_PER_S + 1 / 6
    size = steps_ps.size
    assert abs(steps_ps.var() / expected_ps2 - 1) < Z_SIGMA * np.sqrt(2 / size)
    assert abs((steps_ps**4).mean() / expected_ps2**2 - 3) < Z_SIGMA * np.sqrt(96 / size)
    memory = float((steps_ps[1:] * steps_ps[:-1]).mean()) / expected_ps2
    assert abs(memory + 1 / 12 / expected_ps2) < Z_SIGMA / np.sqrt(size)


def test_drift_is_the_rate() -> None:
    """Over 10000 s the walk adds 7 ns of standard deviation to the gain of a rate of 0.3 ppm."""
    clock = Clock(
        generator(3),
        offset_bound_ps=0,
        rate_bound_ppm=1.0,
        allan_deviation_1s=ALLAN_DEVIATION,
        rate_ppm=0.3,
    )
    gained_ps = clock.local_ps(10_000 * PS_PER_S) - 10_000 * PS_PER_S
    sigma_ps = ALLAN_DEVIATION * np.sqrt(10_000) * 1e12
    assert abs(gained_ps - 3_000_000_000) < Z_SIGMA * sigma_ps
