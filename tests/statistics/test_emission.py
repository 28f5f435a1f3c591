"""Thinned emission against theory and against a reference that draws every pair."""

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.physics.emission import sample_pairs, sample_poisson_times, split_rates
from tests.support.bounds import assert_binomial, assert_mean, assert_poisson, assert_same_mean
from tests.support.photons import run_photons
from tests.support.topologies import two_user_topology
from tests.unit.netsim.physics.helpers import KAPPA_PER_PS, generator

SECOND_PS = 10**12


def emit_everything(
    rng: Generator, rate_hz: float, transmittances: tuple[float, float], span_ps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Reference: all pairs with both times, and which photons survive; nothing is thinned."""
    born_ps = rng.uniform(0, span_ps, rng.poisson(rate_hz * span_ps / 1e12))
    delay_ps = rng.laplace(0.0, 1 / KAPPA_PER_PS, born_ps.size)
    first, second = (rng.random(born_ps.size) < t for t in transmittances)
    return born_ps, born_ps + delay_ps, first, second


def emit_thinned(
    rng: Generator, rate_hz: float, transmittances: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """One second of one process, both channels to one user each; the first photons are pairs."""
    one, other = transmittances
    rates = split_rates(rate_hz, [one], [other])
    born_ps = sample_poisson_times(rng, float(rates.pairs_hz[0, 0]), 0, SECOND_PS)
    photons = sample_pairs(rng, born_ps, KAPPA_PER_PS)
    alone = [
        sample_poisson_times(rng, float(rate_hz[0]), 0, SECOND_PS)
        for rate_hz in (rates.first_hz, rates.second_hz)
    ]
    first_ps, second_ps = map(np.concatenate, zip(photons, alone, strict=True))
    return first_ps, second_ps, born_ps.size


def near(first_ps: NDArray[np.float64], second_ps: NDArray[np.float64], window_ps: float) -> int:
    """Pairs of events of two streams within half a window of each other."""
    second_ps = np.sort(second_ps)
    low = np.searchsorted(second_ps, first_ps - window_ps / 2)
    high = np.searchsorted(second_ps, first_ps + window_ps / 2)
    return int((high - low).sum())


@pytest.mark.slow
def test_thinned_emission_is_the_unthinned_one() -> None:
    """Singles, pairs and correlations at several windows agree with drawing every pair."""
    rate_hz, transmittances = 5e6, (0.08, 0.03)
    first_ps, second_ps, pairs = emit_thinned(generator(1), rate_hz, transmittances)
    all_first_ps, all_second_ps, first, second = emit_everything(
        generator(2), rate_hz, transmittances, SECOND_PS
    )
    assert_same_mean(first_ps.size, int(first.sum()))
    assert_same_mean(second_ps.size, int(second.sum()))
    assert_same_mean(pairs, int((first & second).sum()))
    for window_ps in (300.0, 2_000.0, 30_000.0):
        thinned = near(first_ps.astype(np.float64), second_ps.astype(np.float64), window_ps)
        assert_same_mean(thinned, near(all_first_ps[first], all_second_ps[second], window_ps))


def test_rates_are_those_of_the_losses() -> None:
    """Counts of one second are Poisson with means R T_a T_b, R T_a, R T_b."""
    first_ps, second_ps, pairs = emit_thinned(generator(3), 2e6, (0.3, 0.1))
    assert_poisson(pairs, 2e6 * 0.03)
    assert_poisson(first_ps.size, 2e6 * 0.3)
    assert_poisson(second_ps.size, 2e6 * 0.1)


def test_emission_is_poissonian() -> None:
    """Gaps are exponential and counts per microsecond have variance equal to their mean."""
    times_ps = sample_poisson_times(generator(4), 3e6, 0, SECOND_PS)
    gaps_ps = np.diff(times_ps).astype(np.float64)
    assert_mean(gaps_ps, 1e12 / 3e6, 1e12 / 3e6)
    assert_binomial(int((gaps_ps < 100_000.5).sum()), gaps_ps.size, 1 - np.exp(-0.3000015))
    counts = np.bincount(times_ps // 1_000_000, minlength=1_000_000)
    # Fano factor: of N Poisson counts it has standard deviation sqrt(2 / N).
    assert abs(counts.var() / counts.mean() - 1) < 5 * np.sqrt(2 / counts.size)


def test_biphoton_delay_is_two_sided_exponential() -> None:
    """Density (kappa / 2) exp(-kappa |t|): mean of |t| 0.796 ns, 71.5 % within 1 ns, no side."""
    first_ps, second_ps, pairs = emit_thinned(generator(5), 2e5, (1.0, 1.0))
    delay_ps = (second_ps - first_ps).astype(np.float64)
    assert pairs > 190_000
    assert_mean(np.abs(delay_ps), 1 / KAPPA_PER_PS, 1 / KAPPA_PER_PS)
    for half_ps in (200, 1000, 3000):
        # Delays are rounded: less than half_ps means below half_ps - 1/2.
        share = 1 - np.exp(-KAPPA_PER_PS * (half_ps - 0.5))
        assert_binomial(int((np.abs(delay_ps) < half_ps).sum()), pairs, share)
    apart = delay_ps[delay_ps != 0]
    assert_binomial(int((apart > 0).sum()), apart.size, 0.5)


def test_noise_is_uncorrelated_light() -> None:
    """Noise photons of a channel click at rate times transmittance, whoever else is there."""
    run = run_photons(
        two_user_topology(rate_hz=0.0, etas=(0.5, 0.2), noise_hz=(1e5, 3e5)), duration_s=1.0
    )
    # The topology's one pump has 1 mW in a chip without loss.
    assert_poisson(run.world.singles["alice"], 5e4)
    assert_poisson(run.world.singles["bob"], 6e4)
