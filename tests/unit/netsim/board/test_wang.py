"""Partial meshes of Wang 2026 by events, and what its printed ranges leave open."""

import math

import pytest

from netsim.board.experiments.wang2026 import EXTRA, PLACES_DB, SLICES, slice_of_a
from netsim.board.partial_meshes import (
    PART_S,
    in_parts,
    is_odd,
    least_left,
    mean_keys_bps,
    with_links,
)
from netsim.board.printed_ranges import BAD, COUPLINGS, GOOD, LOSSES_DB, key_range, more_db, placed
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


HERALDED = 0.15
SINGLES_HZ = {"alice": 60_771.0 / 2, "charlie": 84_235.0 / 5}
"""Of one channel, as printed."""


def seen(user: str, end: int) -> float:
    """Share of its photons that a user sees, at an end of what is printed."""
    return HERALDED * 10 ** (-LOSSES_DB[user][end] / 10) * COUPLINGS[end]


def left(qber: float) -> float:
    """Key of a sifted bit: 1 - 2.2 h(Q)."""
    return 1 + 2.2 * (qber * math.log2(qber) + (1 - qber) * math.log2(1 - qber))


def by_hand_bps(first: float, second: float, pairs_hz: float, channels: int) -> float:
    """Key of a link by shares seen: half of the pairs, and clicks by chance in 250 ps.

    Channels of both users are multiplied; of 100 ps of jitter the window holds 99.7 %.
    """
    by_chance = 2 * channels * pairs_hz * 250e-12
    qber = (0.025 + by_chance / 2) / (1 + by_chance)
    return 0.5 * pairs_hz * first * second * (1 + by_chance) * left(qber)


def test_places_ask_for_what_the_notes_say() -> None:
    """Pair rate and A's share by the key of A-C and both singles, B's by that of A-B."""
    pairs_hz = 0.5 * math.prod(SINGLES_HZ.values()) * 0.57 / 77.32
    assert pairs_hz == pytest.approx(1.9e6, rel=0.02)
    assert SINGLES_HZ["alice"] / pairs_hz == pytest.approx(0.016, abs=5e-4)
    assert [seen("alice", end) for end in (BAD, GOOD)] == pytest.approx([0.0079, 0.0147], abs=5e-5)
    asked = 153.2 / (0.5 * SINGLES_HZ["alice"] * 0.51)
    assert asked == pytest.approx(0.020, abs=5e-4)
    assert [seen("bob", end) for end in (BAD, GOOD)] == pytest.approx([0.0061, 0.0177], abs=5e-5)


def test_users_in_place_have_the_keys_of_a_formula() -> None:
    """A and B at their good ends, C by its singles; the singles of A stay."""
    whole, part = (
        predict(build_network(placed(topology, PLACES_DB)))
        for topology in (load_topology("wang2026"), slice_of_a())
    )
    singles_hz = {user.name: user.singles_hz for user in part.users}
    plain = predict(build_network(slice_of_a()))
    (before_hz,) = (user.singles_hz for user in plain.users if user.name == "alice")
    assert singles_hz["alice"] == pytest.approx(before_hz, rel=1e-3)
    assert singles_hz["charlie"] / 5 == pytest.approx(SINGLES_HZ["charlie"], rel=5e-3)
    assert more_db("charlie", GOOD) < PLACES_DB["charlie"] < 0.0
    pairs_hz = SINGLES_HZ["alice"] / seen("alice", GOOD)
    alice, bob = (seen(user, GOOD) for user in ("alice", "bob"))
    key_bps = whole.lane(("C35", "C33")).skr_bps
    assert key_bps == pytest.approx(by_hand_bps(alice, bob, pairs_hz, 25), rel=0.05)
    charlie = SINGLES_HZ["charlie"] / pairs_hz
    key_bps = part.lane(("C36", "C32")).skr_bps
    assert key_bps == pytest.approx(by_hand_bps(alice, charlie, pairs_hz, 10), rel=0.05)


def test_slices_share_no_user() -> None:
    """Three links each; A-B adds half as many channels to A and B, whose errors rise by that."""
    topology = load_topology("wang2026")
    network = build_network(with_links(topology, SLICES))
    trios = ({"alice", "charlie", "dave"}, {"bob", "frank", "grace"})
    assert len(network.lanes) == 6
    assert all(any(trio >= {*lane.users} for trio in trios) for lane in network.lanes)
    pairs_hz = 2.78e6
    by_hand = left((0.025 + 6 * pairs_hz * 250e-12) / (1 + 12 * pairs_hz * 250e-12)) / left(
        (0.025 + 4 * pairs_hz * 250e-12) / (1 + 8 * pairs_hz * 250e-12)
    )
    assert least_left(topology, SLICES, EXTRA) == pytest.approx(by_hand, abs=0.01)
