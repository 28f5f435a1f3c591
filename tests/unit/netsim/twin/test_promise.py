"""What is promised is what a link's own run makes: light for the clocks, pads for the votes."""

import pytest

import netsim
from netsim.plan.topology import dim_links, link_rates_bps
from netsim.simulation.coincidence.table import CoincidenceTable
from netsim.topology.network import Network, build_network
from netsim.twin.agreement import agree
from netsim.twin.prediction import predict
from netsim.twin.promise import authentication_bits

USERS = ("alice", "bob")


def network(loss_db: float, *overrides: str) -> Network:
    """Two users with that much further loss in one fibre."""
    loss = f"users.bob.fibre.extra_loss_db={loss_db}"
    return build_network(netsim.load_topology("two_user", overrides=(loss, *overrides)))


@pytest.mark.parametrize(("loss_db", "is_promised"), [(24.0, True), (30.0, False)])
def test_no_key_is_promised_below_the_light_that_clocks_need(
    loss_db: float, is_promised: bool
) -> None:
    """The formula gives key on either side of the limit; the link's run only on one."""
    net = network(loss_db)
    prediction = predict(net)
    (lane,) = prediction.lanes
    assert (lane.coincidences_hz >= 6.5) is is_promised
    assert link_rates_bps(prediction)[USERS] > 0
    assert (USERS not in dim_links(prediction)) is is_promised
    agreement = agree(net, USERS)
    assert ((agreement.expected_key_bits or 0) > 0) is is_promised
    assert any("clocks are hardly found" in note for note in agreement.notes) is not is_promised


CLOCKS = pytest.mark.parametrize(
    ("offset_bound_ps", "is_promised"), [(1_000_000_000, True), (450_000_000_000, False)]
)
"""97 pairs/s and 3 by chance among 183 and 6 kHz, within 2 and 800 ms: 15 and 100 pairs/s do."""


def wide_clocks(offset_bound_ps: int) -> Network:
    """Two users with such clocks, whose light has key in either case."""
    return network(15.0, f"receivers.bench.clock.offset_bound_ps={offset_bound_ps}")


@CLOCKS
def test_no_key_is_promised_where_other_clicks_hide_the_pairs(
    offset_bound_ps: int, *, is_promised: bool
) -> None:
    """Twin, plan and the levels without photons agree on which light is enough."""
    net = wide_clocks(offset_bound_ps)
    prediction = predict(net)
    (lane,) = prediction.lanes
    assert lane.coincidences_hz == pytest.approx(100, abs=1)
    assert lane.skr_bps > 0
    assert (lane.coincidences_hz > lane.light.lockable_hz) is is_promised
    assert (USERS not in dim_links(prediction)) is is_promised
    told = "100 coincidences/s on the best lane, and clocks are hardly found below 10"
    assert any(told in note for note in agree(net, USERS).notes) is not is_promised
    assert CoincidenceTable.of(net, 0).is_seen.tolist() == [is_promised]


def test_a_window_full_of_chance_is_not_matched() -> None:
    """80 pairs/s and 148 by chance, in peaks that clocks are found by: parties drop such a lane.

    Photon by photon two seeds of 120 s in rounds of 20 s sift nothing.
    """
    net = network(
        17.0,
        "protocol.window_ps=4000",
        "receivers.bench.detectors.*.dark_rate_hz=30000",
        "receivers.bench.clock.offset_bound_ps=1000000",
        "receivers.bench.clock.rate_bound_ppm=0.02",
    )
    (lane,) = predict(net).lanes
    assert lane.coincidences_hz > 1.3 * lane.light.lockable_hz
    assert not lane.light.stays_lit
    assert CoincidenceTable.of(net, 0).is_seen.tolist() == [False]


def test_clocks_are_found_by_the_whole_peak() -> None:
    """With a window of half the width fewer pairs in it do, by what it holds less of the peak.

    Half of the coincidences are sifted.
    """
    wide, narrow = (
        predict(network(15.0, f"protocol.window_ps={width_ps}")).lanes[0]
        for width_ps in (2_000, 1_000)
    )
    kept = narrow.true_hz / wide.true_hz
    assert 0.5 < kept < 0.8
    wide_hz, narrow_hz = (
        lane.light.lockable_hz - 2 * lane.accidental_hz for lane in (wide, narrow)
    )
    assert narrow_hz == pytest.approx(kept * wide_hz, rel=0.01)


def test_rounds_that_authentication_eats_up_are_told() -> None:
    """A round of 0.5 s makes 100 bits less than its two tags take, and the run says so as well."""
    overrides = ("protocol.round_s=0.5", "classical.extra_length_m=0")
    net = network(6.0, *overrides)
    agreement = agree(net, USERS)
    assert 0 < (agreement.expected_key_bits or 0) < authentication_bits(agreement.profile)
    assert any("are too short: authentication takes 256 bits" in note for note in agreement.notes)
    run = netsim.simulate(net.topology, duration_s=3, seed=1)
    (link,) = run.links
    assert link.net_key_bps < 0
    assert "net key is negative: authentication took" in link.notes
