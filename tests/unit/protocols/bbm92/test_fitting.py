"""Strengths of lanes and the likest place of a lane, against numpy written out another way."""

import numpy as np
import pytest
from scipy.optimize import minimize

from protocols.bbm92.fitting import FINE_BIN_PS, _fit_strengths, _likest


def test_strengths_are_those_of_the_greatest_likelihood() -> None:
    """One lane: what a search for the maximum of the Poisson likelihood finds, and its value."""
    rng = np.random.default_rng(1)
    shares = np.abs(rng.normal(size=(3, 40, 1)))
    shares /= shares.sum(axis=1, keepdims=True)
    counts = rng.poisson(500.0 * shares[1, :, 0] + 4.0).astype(np.float64)
    likelihoods, strengths = _fit_strengths(shares, counts, 4.0)
    for k in range(3):

        def loss(strength: float, share: np.ndarray = shares[k, :, 0]) -> float:
            expected = 4.0 + strength * share
            return -float((counts * np.log(expected / 4.0) - expected + 4.0).sum())

        best = minimize(lambda x: loss(x[0]), x0=[300.0], bounds=[(0.0, None)], tol=1e-12)
        assert -loss(strengths[k, 0]) == pytest.approx(likelihoods[k], abs=1e-9)
        assert likelihoods[k] == pytest.approx(-best.fun, abs=1e-3)
        assert strengths[k, 0] == pytest.approx(best.x[0], rel=0.01)
    assert likelihoods.argmax() == 1


def test_strengths_of_two_lanes_follow_the_steps_of_expectation_maximisation() -> None:
    """The same steps by sums over whole arrays; no strength below zero."""
    rng = np.random.default_rng(2)
    shares, counts = rng.random((2, 30, 2)) / 15, rng.poisson(6.0, 30).astype(np.float64)
    _, found = _fit_strengths(shares, counts, 5.0)
    strengths = np.full((2, 2), max(counts.sum() - 150.0, 1.0) / 2)
    for _ in range(40):
        expected = 5.0 + (shares * strengths[:, None, :]).sum(axis=2)
        pull = (shares * (counts / expected)[:, :, None]).sum(axis=1)
        strengths *= pull / shares.sum(axis=1)
    assert found == pytest.approx(strengths, rel=1e-9)
    assert found.min() >= 0.0


def test_the_likest_place_is_that_of_the_greatest_correlation() -> None:
    """Of three rates the true one, and the bin from which on pairs lie like the template."""
    rng = np.random.default_rng(3)
    reach_ps, template = 20 * FINE_BIN_PS, np.array([1.0, 4.0, 1.0]) - 2.0
    elapsed_ps = np.sort(rng.integers(0, 10**12, 600))
    differences_ps = np.rint(rng.normal(700.0, 150.0, 600) + 3e-9 * elapsed_ps).astype(np.int64)
    differences_ps[::6] = rng.integers(-reach_ps, reach_ps, 100)
    extras = np.array([0.0, 3e-9, 6e-9])
    scores = []
    for extra in extras:
        places = np.floor((differences_ps - extra * elapsed_ps + reach_ps) / FINE_BIN_PS)
        counts, _ = np.histogram(places, bins=np.arange(41) - 0.5)
        scores.append(np.correlate(counts, template))
    rate, place = divmod(int(np.argmax(scores)), 38)
    assert rate == 1
    assert _likest(differences_ps, elapsed_ps, extras, template, reach_ps) == (rate, place)
