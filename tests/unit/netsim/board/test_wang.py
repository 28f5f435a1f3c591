"""Partial meshes of Wang 2026 by events, and what its printed ranges leave open."""

import math

import pytest

from netsim.board.partial_meshes import PART_S, in_parts, is_odd, mean_keys_bps
from netsim.board.printed_ranges import COUPLINGS, LOSSES_DB, key_range
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict


def test_each_link_stands_in_one_part() -> None:
    """Eight links, then the other seven; key of each is half of what its part alone makes."""
    topology = in_parts({})
    lit = [
        {lane.channels for lane in network.lanes if any(p.process.rate_hz for p in lane.parts)}
        for network in Timeline(topology, stop_ps=round(2 * PART_S * 1e12)).networks
    ]
    delivered = [
        {way.channel for way in network.channels}
        for network in Timeline(topology, stop_ps=round(2 * PART_S * 1e12)).networks
    ]
    assert all(len(each) == 15 for each in lit)
    assert not delivered[0] & delivered[1]
    assert [len(each) for each in delivered] == [16, 14]
    whole = load_topology("wang2026")
    kept = tuple(spec for spec in whole.qnsp.channels if is_odd(spec.channel))
    alone = whole.model_copy(update={"qnsp": whole.qnsp.model_copy(update={"channels": kept})})
    keys_bps = mean_keys_bps(topology)
    assert len(keys_bps) == 15
    assert min(keys_bps.values()) > 0.0
    for lane in predict(build_network(alone)).lanes:
        assert keys_bps[lane.channels] == pytest.approx(lane.skr_bps / 2, rel=1e-9)


def test_ranges_of_a_link() -> None:
    """The middle lies within; as A's singles are given, its own end is but fewer accidentals."""
    topology = load_topology("wang2026")
    middle = predict(build_network(topology)).lane(("C35", "C33")).skr_bps
    found = key_range(topology, ("alice", "bob"), ("C35", "C33"))
    assert found.worst_bps < middle < found.best_bps
    of_bob = key_range(topology, ("bob",), ("C35", "C33"))
    assert of_bob.best_bps < found.best_bps < 1.15 * of_bob.best_bps
    low_db, high_db = LOSSES_DB["bob"]
    swing = 10 ** ((high_db - low_db) / 10) * COUPLINGS[0] / COUPLINGS[1]
    # Accidentals of a brighter link cost a little of its key.
    assert of_bob.best_bps / of_bob.worst_bps == pytest.approx(swing, rel=0.2)
    assert math.isclose(sum(LOSSES_DB["bob"]) / 2, 9.6)
