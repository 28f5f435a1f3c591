"""Estimates: values, errors and deviations from the twin."""

import math

import numpy as np
import pytest

from netsim.studies.estimates import (
    Estimate,
    lane_estimates,
    mean,
    rate_hz,
    ratio,
    share,
    total,
)
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import LanePrediction, predict

DRAWS = 4000
Z = 5.0


def prediction() -> LanePrediction:
    """What the twin expects of the lane of bob and dave."""
    network = build_network(load_topology("fan2025_four_user"))
    return predict(network).lane(("C42", "C26"))


def test_deviations_of_drawn_counts_are_standard_normal() -> None:
    """Counts drawn from the twin deviate by 0 +- 1 in rate, visibility, QBER and key (z = 5)."""
    rng, expected, light_s = np.random.default_rng(5), prediction(), 1000.0
    bits = rng.poisson(expected.sifted_hz * light_s, DRAWS)
    errors = rng.binomial(bits, expected.qber)
    lanes = [
        lane_estimates(int(n), int(e), expected, light_s) for n, e in zip(bits, errors, strict=True)
    ]
    for field in ("sifted_hz", "visibility", "qber", "skr_bps"):
        values = np.array([getattr(lane, field).deviation for lane in lanes])
        assert abs(values.mean()) < Z / math.sqrt(DRAWS)
        assert abs(values.var() - 1.0) < Z * math.sqrt(2.0 / DRAWS)


def test_visibility_is_one_less_twice_the_error_rate() -> None:
    """Both deviate by as much, in opposite directions; so is what the twin expects."""
    lane = lane_estimates(1000, 90, prediction(), 4.0)
    assert lane.visibility.value == pytest.approx(0.82)
    assert lane.visibility.deviation == pytest.approx(-(lane.qber.deviation or 0.0))
    assert lane.skr_bps.sigma is not None


def test_nothing_counted_has_no_deviation() -> None:
    """No bits: no error rate, no key, and no division by zero."""
    lane = lane_estimates(0, 0, prediction(), 1e-3)
    assert math.isnan(lane.qber.value)
    assert lane.qber.deviation is None
    assert lane.visibility.deviation is None
    assert lane.skr_bps.value == 0.0
    assert lane.sifted_hz.deviation is not None


def test_a_zero_count_has_the_error_that_the_twin_expects() -> None:
    """Nothing where nine were expected lies three errors below."""
    assert rate_hz(0, 0.9, 10.0).deviation == pytest.approx(-3.0)
    assert share(0, 100, 0.5).deviation == pytest.approx(-10.0)


def test_sums_means_and_ratios_carry_their_errors() -> None:
    """Errors add in squares, relative ones in a quotient; the twin is treated alike."""
    one, other = Estimate(10.0, 3.0, 11.0), Estimate(20.0, 4.0, 22.0)
    assert total([one, other]) == Estimate(30.0, 5.0, 33.0)
    assert mean([one, other]) == Estimate(15.0, 2.5, 16.5)
    quotient = ratio(one, other)
    assert quotient.value == 0.5
    assert quotient.sigma == pytest.approx(0.5 * math.hypot(0.3, 0.2))
    assert quotient.twin == 0.5
    assert math.isnan(ratio(one, Estimate(0.0, 1.0, 1.0)).value)


def test_columns_name_value_error_twin_and_deviation() -> None:
    """A table tells all four; without a twin the last two are empty."""
    assert Estimate(1.0, 0.5, 2.0).columns("x") == {
        "x": 1.0, "x_sigma": 0.5, "x_twin": 2.0, "x_deviation": -2.0,
    }  # fmt: skip
    assert Estimate(1.0).columns("x")["x_deviation"] is None
