"""A source so bright that detectors are blind most of the time: the twin counts what there is."""

import math

import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import predict


@pytest.mark.slow
def test_twin_of_saturated_detectors_agrees_with_the_run() -> None:
    """A thousand times the pairs: 84,900 sifted bits/s of 86 million clicks/s at either user.

    C_i C_j W of all clicks would be 7.2 million. Clicks and sifted bits within four standard
    deviations, those of a dead time of 25 ns below Poisson's. Of a Gaussian source so many photons
    would bunch that detectors are blind less often.
    """
    overrides = ("qnsp.source.brightness_hz_per_mw2=5.36e9", "qnsp.source.statistics=poisson")
    topology = load_topology("two_user", overrides=overrides)
    predicted = predict(build_network(topology))
    (lane,) = predicted.lanes
    run = simulate(topology, duration_s=0.05, seed=3)
    assert run.lanes[0].sifted_bits == pytest.approx(
        0.05 * lane.sifted_hz, abs=4.0 * math.sqrt(0.05 * lane.sifted_hz)
    )
    assert lane.sifted_hz == pytest.approx(84_900, rel=0.01)
    for user, found in zip(predicted.users, run.users, strict=True):
        clicks = 0.05 * user.singles_hz
        assert sum(found.detectors) == pytest.approx(clicks, abs=4.0 * math.sqrt(clicks))
