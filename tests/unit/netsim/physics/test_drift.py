"""A phase that wanders against theory: Allan variance, what a lock leaves, and its coming back."""

import math
from functools import cache

import numpy as np
import pytest

from netsim.physics.encodings.drift import Drift, DriftingPhase
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.stepped import STEP_PS

STEP_S = STEP_PS * 1e-12
FREE = Drift(0.3, 0.0, 0.0, 2.0, 0.0)


@cache
def sampled(drift: Drift, locked: bool, *, steps: int = 40_000, seed: int = 1) -> np.ndarray:
    """(steps,) float64: a phase about 1 rad at every step."""
    phase = DriftingPhase(
        ConstantPhase(1.0),
        drift,
        np.random.default_rng(seed),
        lambda start, _stop: [(start, locked)],
    )
    return np.array([phase(k * STEP_PS) for k in range(steps)]) - 1.0


@pytest.mark.parametrize("lag", [1, 10, 100])
def test_allan_variance_of_a_free_phase(lag: int) -> None:
    """White noise of the frequency: sigma_y^2(tau) = walk^2 / tau."""
    x = sampled(FREE, locked=False)[::lag]
    tau_s = lag * STEP_S
    second = x[2::2] - 2 * x[1:-1:2] + x[:-2:2]
    found = float(np.mean(second**2)) / (2 * tau_s**2)
    expected = 0.3**2 / tau_s
    assert abs(found / expected - 1) < 4 * math.sqrt(2 / second.size)


@pytest.mark.slow
def test_an_integral_lock_leaves_an_autoregressive_phase() -> None:
    """Variance (walk^2 dt + (i dt r)^2) / (1 - (1 - i dt)^2), in formula and in samples."""
    drift = Drift(0.3, 0.05, 0.0, 5.0, 0.0)
    gain = 5.0 * STEP_S
    expected = (0.3**2 * STEP_S + (gain * 0.05) ** 2) / (1 - (1 - gain) ** 2)
    assert drift.locked_variance == pytest.approx(expected, rel=1e-6)
    x = sampled(drift, locked=True)[1000:]
    # Samples forget within 1 / (i dt) steps: so many of them count once.
    independent = x.size * gain / 2
    assert abs(float(np.mean(x**2)) / expected - 1) < 4 * math.sqrt(2 / independent)


@pytest.mark.slow
def test_all_three_terms_match_their_formula() -> None:
    """The variance by kicks is that of samples, with proportional and derivative terms too."""
    drift = Drift(0.4, 0.02, 0.2, 8.0, 0.0005)
    x = sampled(drift, locked=True)[1000:]
    assert abs(float(np.mean(x**2)) / drift.locked_variance - 1) < 4 * math.sqrt(2 / 1500)


def _locked_from_a_minute_on(start_ps: int, stop_ps: int) -> list[tuple[int, bool]]:
    known = [(0, False), (60 * 10**12, True)]
    later = [state for state in known if start_ps < state[0] < stop_ps]
    return [(start_ps, start_ps >= 60 * 10**12), *later]


def test_a_lock_finds_its_fringe_again() -> None:
    """After 60 s of freedom a second of lock is enough, whatever number of turns has gone."""
    drift = Drift(1.0, 0.0, 0.0, 10.0, 0.0)
    phase = DriftingPhase(
        ConstantPhase(0.0),
        drift,
        np.random.default_rng(4),
        _locked_from_a_minute_on,
    )
    free = [phase(k * 10**12) for k in range(60)]
    assert max(map(abs, free)) > 2.0
    rest = math.remainder(phase(62 * 10**12), 2 * math.pi)
    assert abs(rest) < 5 * math.sqrt(drift.locked_variance)


def test_a_wild_loop_has_no_variance() -> None:
    """Too much gain, or none."""
    assert Drift(0.1, 0.0, 0.0, 250.0, 0.0).locked_variance == math.inf
    assert Drift(0.1, 0.0, 0.0, 0.0, 0.0).locked_variance == math.inf
