"""Detectors that are off for a while, darks and all, at every level."""

import math

import numpy as np
import pytest

import netsim
from netsim.kernel.trace import MemorySink
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict_epochs
from tests.support.photons import run_photons
from tests.support.slow import slow_but

OFF_S, ON_S, LIGHT_S = 2.0, 4.0, 6.0


def cycled(*overrides: str) -> TopologySpec:
    """Bob's detectors are off for a third of the time."""
    events = (
        f'events=[{{time_s={OFF_S}, kind="detectors-off", user="bob"}}, '
        f'{{time_s={ON_S}, kind="detectors-on", user="bob"}}]'
    )
    return netsim.load_topology("two_user", overrides=[events, "protocol.round_s=1", *overrides])


def test_no_click_while_they_are_off() -> None:
    """Darks of 100 kHz: none between the two events, as late as the light of these comes."""
    noisy = cycled("receivers.bench.detectors.0.dark_rate_hz=1e5")
    times_s = run_photons(noisy, duration_s=LIGHT_S, seed=1).all_clicks("bob") / 4e12
    late_s = 1e-3
    assert not np.any((times_s > OFF_S + late_s) & (times_s < ON_S))
    on = np.count_nonzero(times_s < OFF_S)
    again = np.count_nonzero(times_s > ON_S + late_s)
    assert abs(on - again * OFF_S / (LIGHT_S - ON_S - late_s)) < 5 * math.sqrt(2 * on)


@pytest.mark.parametrize("level", slow_but(("rate",), ("photon", "rate")))
def test_rounds_end_and_begin_again(level: str) -> None:
    """A third of the sifted bits is missing, as the twin says; key before and after."""
    topology, sink = cycled(), MemorySink()
    run = netsim.simulate(topology, duration_s=LIGHT_S, seed=1, fidelity=level, sink=sink)
    twin, whole = (
        predict_epochs(tuple(Timeline(each, stop_ps=6 * 10**12).epochs()))
        for each in (topology, netsim.load_topology("two_user"))
    )
    assert twin.lanes[0].sifted_hz == pytest.approx(whole.lanes[0].sifted_hz * 2 / 3, rel=1e-9)
    (alice, bob), (always_alice, always_bob) = twin.users, whole.users
    assert bob.singles_hz == pytest.approx(always_bob.singles_hz * 2 / 3, rel=1e-9)
    assert alice.singles_hz == pytest.approx(always_alice.singles_hz, rel=1e-9)
    (lane,) = run.lanes
    expected = LIGHT_S * twin.lanes[0].sifted_hz
    assert abs(lane.sifted_bits - expected) < 4 * math.sqrt(expected)
    usable_s = [
        line["time_ps"] / 1e12
        for line in sink.events
        if line["event"] == "block_usable" and line["end"] == "alice"
    ]
    assert min(usable_s) < OFF_S + 0.5
    assert max(usable_s) > ON_S + 1.0
    assert not [time_s for time_s in usable_s if OFF_S + 1.5 < time_s < ON_S + 0.5]
