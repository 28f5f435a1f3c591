"""Strengths, places and bins of a lane's peaks, against numpy written out another way."""

import numpy as np
import pytest
from scipy.optimize import minimize

from protocols.bbm92 import fitting
from protocols.bbm92.fitting import (
    COUNT_BIN_PS,
    COUNT_REACH_PS,
    FINE_BIN_PS,
    _fit_strengths,
    _likest,
)
from protocols.bbm92.lanes import GROUP_GAP_PS


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


def test_bins_are_all_of_those_near_any_place() -> None:
    """In order, each once, wherever places come close to each other."""
    rng = np.random.default_rng(1)
    reach = COUNT_REACH_PS // COUNT_BIN_PS
    for spread_ps in (1e3, 1e4, 1e5):
        places_ps = rng.normal(0, spread_ps, 15)
        middles = np.floor(places_ps / COUNT_BIN_PS)
        expected = np.unique(np.add.outer(middles, np.arange(-reach, reach + 1)))
        assert fitting._bins_about(places_ps).tolist() == (COUNT_BIN_PS * expected).tolist()


def test_pairs_are_counted_where_there_are_bins() -> None:
    """In two groups far apart, each asked for once, with gaps that belong to no bin."""
    rng = np.random.default_rng(2)
    one_ps = COUNT_BIN_PS * np.array([-3, -2, 4, 5, 6], dtype=np.float64)
    lows_ps = np.concatenate((one_ps, one_ps + 2 * GROUP_GAP_PS))
    all_ps = np.concatenate(
        [rng.integers(start, start + 8_000, 500) for start in (-3_000, 1_999_000)]
    )
    asked = []

    def differences_ps(low_ps: int, high_ps: int) -> np.ndarray:
        asked.append((low_ps, high_ps))
        return all_ps[(all_ps >= low_ps) & (all_ps < high_ps)]

    counts = fitting._counts_in(lows_ps, differences_ps)
    inside = (all_ps >= lows_ps[:, None]) & (all_ps < lows_ps[:, None] + COUNT_BIN_PS)
    assert counts.tolist() == inside.sum(axis=1).tolist()
    assert counts.sum() > 100
    assert asked == [(-1_500, 3_500), (1_998_500, 2_003_500)]
