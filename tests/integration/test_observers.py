"""An observer of a third party on a fibre: registered once, he runs in `netsim.simulate`."""

import math

import pytest

import netsim
from netsim.topology.network import build_network
from netsim.topology.observers import ObserverSpec
from tests.support.bounds import Z_SIGMA, assert_same_mean
from tests.support.observers import Counter, observed, registered

DURATION_S = 4.0
DARKS_HZ = 4 * 100.0
DEAD_SHARE = 0.003
"""60 kHz a detector and 25 ns take 0.15 % of the clicks."""


@pytest.mark.slow
def test_a_whole_run_with_somebody_who_counts() -> None:
    """He sees what Bob will lose; users, lane and link find what they find without him."""
    topology = netsim.load_topology("two_user", overrides=["protocol.round_s=2"])
    counter = Counter()
    plain = netsim.simulate(topology, duration_s=DURATION_S, seed=1)
    with registered("counter", lambda: counter):
        seen_by = observed(topology, ObserverSpec(kind="counter", user="bob"))
        seen = netsim.simulate(seen_by, duration_s=DURATION_S, seed=1)

    for one, other in zip(seen.users, plain.users, strict=True):
        assert_same_mean(one.singles, other.singles)
    (lane,), (other_lane,) = seen.lanes, plain.lanes
    assert_same_mean(lane.sifted_bits, other_lane.sifted_bits)
    assert_same_mean(lane.errors, other_lane.errors)
    assert all(link.net_key_bps > 0 for link in seen.links)

    (way,) = build_network(seen_by).channels_of("bob")
    behind = way.stretches[1].transmittance
    assert 0.3 < behind < 0.4
    lit = next(user.singles for user in seen.users if user.name == "bob") - DARKS_HZ * DURATION_S
    expected = counter.photons * behind
    sigma = math.sqrt(expected + DARKS_HZ * DURATION_S)
    assert abs(lit - expected) < Z_SIGMA * sigma + DEAD_SHARE * expected
