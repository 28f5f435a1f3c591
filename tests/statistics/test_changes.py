"""Light that follows the changes of the network: counts against the twin over all epochs."""

import math

import numpy as np
import pytest

from netsim.simulation.photons import count_photons
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict_epochs
from tests.support.bounds import assert_poisson

EVENTS = """[
  {time_s = 0.51234, kind = "cut", user = "bob"},
  {time_s = 1.2, kind = "power", channel = "C34", power_mw = 0.2},
  {time_s = 1.7, kind = "repair", user = "bob"},
  {time_s = 2.0, kind = "deliver", channel = "C54", users = ["alice"]},
  {time_s = 2.5, kind = "attenuate", user = "dave", extra_loss_db = 3.0},
  {time_s = 3.0, kind = "leave", user = "charlie"},
  {time_s = 3.5, kind = "join", user = "charlie"}
]"""


def changing(*overrides: str) -> TopologySpec:
    """The four-user network with every kind of event."""
    events = " ".join(EVENTS.split())
    return load_topology("fan2025_four_user", overrides=[f"events={events}", *overrides])


@pytest.mark.slow
@pytest.mark.parametrize("frame_s", ["0.05", "0.013", "0.5"])
def test_counts_follow_the_states(frame_s: str) -> None:
    """Singles, sifted bits and errors are the twin's mean over all epochs, whatever the frames."""
    found = count_photons(changing(f"frame_s={frame_s}"), duration_s=4, seed=21)
    assert len(found.epochs) == 8
    assert sum(epoch.length_ps for epoch in found.epochs) == found.duration_ps
    prediction = predict_epochs(found.epochs)
    for user, clicks in found.singles.items():
        assert_poisson(int(clicks.sum()), prediction.singles_hz(user) * 4)
    # C54 at Alice arrives with C38: one lane of hers with Dave.
    assert ("C38+C54", "C30+C26") in {lane.lane.channels for lane in found.lanes}
    assert len(found.lanes) == len(prediction.lanes)
    for lane in found.lanes:
        expected = prediction.lane(lane.lane.channels, lane.lane.users)
        assert_poisson(lane.counts.sifted_bits, expected.sifted_hz * 4)
        wrong = 0.0 if math.isnan(expected.qber) else expected.qber * expected.sifted_hz
        assert_poisson(lane.counts.errors, wrong * 4)


def test_light_stops_at_the_very_time_of_a_cut() -> None:
    """No photon born after the cut arrives, all born before do."""
    topology = load_topology(
        "two_user",
        overrides=[
            'events=[{time_s = 0.5, kind = "cut", user = "bob"}]',
            "receivers.bench.detectors.0.dark_rate_hz=0",
        ],
    )
    whole = count_photons(topology, duration_s=1, seed=5)
    half = count_photons(topology, duration_s="0.5", seed=5)
    assert np.array_equal(whole.singles["bob"], half.singles["bob"])
    assert whole.singles["alice"].sum() > 1.9 * half.singles["alice"].sum()
