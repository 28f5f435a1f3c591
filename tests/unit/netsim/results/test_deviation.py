"""Deviations are standard normal when a lane is drawn from its twin."""

import math
from dataclasses import replace

import numpy as np

from netsim.results.deviation import qber_sigma, sifted_sigma, skr_sigma
from netsim.results.run import LaneResult, TwinResult
from netsim.units import PS_PER_S
from tests.unit.netsim.runs import made_up_run

RUNS = 4000
Z = 5.0


def test_deviations_are_standard_normal() -> None:
    """Over 4000 draws of count and errors each deviation has mean 0 and variance 1 (z = 5)."""
    rng = np.random.Generator(np.random.PCG64DXSM(20250101))
    base = made_up_run().lanes[0]
    rate_hz, qber, seconds = 858.0, 0.03393, 600
    entropy = -qber * math.log2(qber) - (1 - qber) * math.log2(1 - qber)
    twin = TwinResult(rate_hz, qber, rate_hz * (1 - 2.2 * entropy))
    bits = rng.poisson(rate_hz * seconds, RUNS)
    errors = rng.binomial(bits, qber)
    lanes = [
        replace(
            base,
            duration_ps=seconds * PS_PER_S,
            sifted_bits=int(n),
            errors=int(e),
            twin=twin,
        )
        for n, e in zip(bits, errors, strict=True)
    ]
    for deviation in (sifted_sigma, qber_sigma, skr_sigma):
        values = np.array([deviation(lane) for lane in lanes], dtype=float)
        assert abs(values.mean()) <= Z / math.sqrt(RUNS)
        assert abs(values.var() - 1) <= Z * math.sqrt(2 / RUNS)


def test_without_an_expectation_there_is_no_deviation() -> None:
    """No expected bits, no error rate, no expected key: None, not a division by zero."""
    lane = made_up_run().lanes[0]
    empty = replace(lane, twin=TwinResult(0.0, 0.0, 0.0))
    assert sifted_sigma(empty) is None
    assert qber_sigma(empty) is None
    assert skr_sigma(empty) is None
    nothing: LaneResult = made_up_run().lanes[1]
    assert qber_sigma(nothing) is None
    assert skr_sigma(nothing) is None
