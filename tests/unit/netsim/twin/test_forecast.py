"""`netsim.predict` is the twin that stands beside every run, and says it quickly."""

import math

import pytest

import netsim
from netsim.errors import ConfigError
from netsim.topology.network import build_network
from netsim.twin.prediction import predict


def test_it_is_the_twin_of_the_runs() -> None:
    """Lane by lane what `netsim.twin.prediction` says of the network."""
    spec = netsim.load_topology("fan2025_four_user")
    forecast = netsim.predict("fan2025_four_user")
    assert forecast.lanes == predict(build_network(spec)).lanes
    assert forecast.skr_bps == pytest.approx(predict(build_network(spec)).total_skr_bps)
    assert netsim.predict(spec) == forecast


def test_links_sum_their_lanes() -> None:
    """Charlie and Dave have two lanes: rates add up, error rates by their bits."""
    link = netsim.predict("fan2025_four_user").link("dave", "charlie")
    one, two = link.lanes
    assert link.sifted_hz == pytest.approx(one.sifted_hz + two.sifted_hz)
    errors_hz = one.sifted_hz * one.qber + two.sifted_hz * two.qber
    assert link.qber == pytest.approx(errors_hz / link.sifted_hz)
    assert link.net_key_bps == pytest.approx((link.key_bits - 256) / 30.0)  # type: ignore[operator]


def test_overrides_change_a_topology_that_is_there_already() -> None:
    """A specification takes them as a file does."""
    spec = netsim.load_topology("two_user")
    changes = {"users.*.fibre.length_m": 20_000}
    assert netsim.predict(spec, overrides=changes) == netsim.predict("two_user", overrides=changes)
    with pytest.raises(ConfigError, match=r"users\.0\.fibre\.length_m"):
        netsim.predict(spec, overrides={"users.*.fibre.length_m": -1})


def test_a_network_that_changes_is_averaged_over_its_light() -> None:
    """Half of the light without a fibre: half of the sifted bits; none of that at first."""
    cut = 'events=[{kind="cut", time_s=5.0, user="bob"}]'
    whole = netsim.predict("two_user").link("alice", "bob")
    half = netsim.predict("two_user", overrides=[cut], duration_s="10s").link("alice", "bob")
    assert half.sifted_hz == pytest.approx(whole.sifted_hz / 2, rel=1e-3)
    assert netsim.predict("two_user", overrides=[cut]).lanes == netsim.predict("two_user").lanes
    assert netsim.predict("two_user", overrides=[cut], duration_s=10).lanes == half.lanes


def test_dark_links_have_no_error_rate_and_no_key() -> None:
    """No pumps, no pairs; dark counts alone are sifted, at half an error each."""
    dark = netsim.predict("two_user", overrides={"qnsp.source.pumps.*.power_mw": 0.0})
    link = dark.link("alice", "bob")
    assert (link.net_key_bps, link.skr_bps) == (0.0, 0.0)
    assert link.qber == pytest.approx(0.5)
    none = {"qnsp.source.pumps.*.power_mw": 0.0, "receivers.*.detectors.*.dark_rate_hz": 0.0}
    assert math.isnan(netsim.predict("two_user", overrides=none).link("alice", "bob").qber)


def test_unknown_pairs_are_a_key_error() -> None:
    """Whom nothing joins."""
    with pytest.raises(KeyError):
        netsim.predict("two_user").link("alice", "carol")
