"""Ways segment by segment, and what of them lies ahead of whom."""

import math
from itertools import pairwise

import pytest

from netsim.topology.load import load_topology, parse_topology
from netsim.topology.network import build_network
from netsim.topology.observers import ObserverSpec
from netsim.topology.shipped import shipped_topologies
from netsim.topology.specs import TopologySpec
from netsim.topology.ways import DeliveredChannel, Place
from tests.support.observers import observed
from tests.unit.netsim.topology.texts import TWO_USERS, damaged

SHIPPED = "fan2025_four_user"


def way(topology: TopologySpec, channel: str = "C54", user: str = "charlie") -> DeliveredChannel:
    """One way of a topology."""
    found = build_network(topology).channel(channel, user)
    assert found is not None
    return found


def on_fibre(*positions: float, user: str = "charlie") -> TopologySpec:
    """The shipped network with observers who let pass."""
    observers = [ObserverSpec(kind="pass", user=user, position=place) for place in positions]
    return observed(load_topology(SHIPPED), *observers)


def test_segments_are_listed_from_the_source_to_the_detector() -> None:
    """Every loss has its name, in the order in which a photon meets it."""
    names = [segment.name for segment in way(load_topology(SHIPPED)).segments]
    assert names == [
        "source exit",
        "pump rejection",
        "demultiplexer",
        "splitter",
        "patch fibre",
        "entry",
        "fibre",
        "extra loss",
        "receiver",
        "best detector",
    ]


@pytest.mark.parametrize("name", shipped_topologies())
def test_a_way_is_the_product_of_its_segments(name: str) -> None:
    """So are its three places; a delay is the sum of the segments'."""
    for found in build_network(load_topology(name)).channels:
        product = math.prod(segment.transmittance for segment in found.segments)
        assert found.transmittance == pytest.approx(product, rel=1e-12)
        places = (found.provider_transmittance, found.fibre_transmittance)
        assert found.transmittance == places[0] * places[1] * found.receiver_transmittance
        assert found.delay_ps == math.fsum(segment.delay_ps for segment in found.segments)
        assert found.folded_transmittance == found.transmittance
        assert [stretch.delay_ps for stretch in found.stretches] == [round(found.delay_ps)]


def test_splitters_divide_and_dark_fibres_let_nothing_in() -> None:
    """Shares: one over the number of users; nothing through a cut fibre or to an absent user."""
    text = damaged(TWO_USERS, 'user = "alice"', 'users = ["alice", "bob"]')
    cut = load_topology("two_user", overrides=["users.bob.fibre.is_cut=true"])
    away = load_topology("two_user", overrides=["users.bob.is_present=false"])
    (splitter,) = [
        segment
        for segment in build_network(parse_topology(text)).channels[0].segments
        if segment.name == "splitter"
    ]
    assert splitter.transmittance == 0.5
    for topology in (cut, away):
        (dark,) = build_network(topology).channels_of("bob")
        (entry,) = [segment for segment in dark.segments if segment.name == "entry"]
        assert entry.transmittance == dark.transmittance == 0.0


def test_an_observer_parts_folded_loss_from_what_acts_behind() -> None:
    """Ahead of a place lie provider and fibre up to it; behind it the rest, detectors included."""
    whole = way(load_topology(SHIPPED))
    for position in (0.0, 0.3, 1.0):
        found = way(on_fibre(position))
        fibre = load_topology(SHIPPED).user("charlie").fibre
        fibre_db = fibre.attenuation_db_per_km * fibre.length_m / 1e3
        ahead, behind = found.stretches
        through = whole.provider_transmittance * 10 ** (-fibre_db * position / 10)
        assert ahead.transmittance == pytest.approx(through, rel=1e-12)
        assert ahead.transmittance * behind.transmittance == pytest.approx(
            whole.transmittance, rel=1e-12
        )
        assert found.transmittance == pytest.approx(whole.transmittance, rel=1e-12)


def test_several_observers_part_a_way_in_order() -> None:
    """Stretches follow each other without gaps, and what they spread adds up to the whole."""
    whole, found = way(load_topology(SHIPPED)), way(on_fibre(0.7, 0.2, 0.7))
    stretches = found.stretches
    assert [s.observers for s in found.segments if s.name == "fibre"] == [0, 1, 2, 3]
    assert math.prod(s.transmittance for s in stretches) == pytest.approx(whole.transmittance)
    assert sum(s.delay_ps for s in stretches) == round(whole.delay_ps)
    for before, after in pairwise(stretches):
        assert after.start_ps == before.start_ps + before.delay_ps
    assert stretches[2].delay_ps == 0
    assert found.dispersion_ps2 == pytest.approx(whole.dispersion_ps2)
    assert whole.dispersion_ps2 < -20.0


def test_extra_loss_lies_behind_everybody_and_a_cut_ahead() -> None:
    """Who sits at the far end still sees what an attenuator takes; a cut leaves him nothing."""
    lossy = ["users.charlie.fibre.extra_loss_db=10"]
    spec = ObserverSpec(kind="pass", user="charlie", position=1.0)
    plain = way(on_fibre(1.0))
    attenuated = way(observed(load_topology(SHIPPED, overrides=lossy), spec))
    assert attenuated.folded_transmittance == plain.folded_transmittance
    assert attenuated.transmittance == pytest.approx(plain.transmittance / 10)
    cut = ["users.charlie.fibre.is_cut=true"]
    dark = way(observed(load_topology(SHIPPED, overrides=cut), spec))
    assert dark.folded_transmittance == 0.0
    assert dark.stretches[1].transmittance == plain.stretches[1].transmittance


def test_others_are_not_touched() -> None:
    """An observer on one fibre changes no way of another user."""
    assert way(on_fibre(0.5, user="dave")) == way(load_topology(SHIPPED))
    assert all(s.observers == 0 for s in way(on_fibre(0.5, user="dave")).segments)
    assert {s.place for s in way(on_fibre(0.5)).segments if s.observers} == {
        Place.FIBRE,
        Place.RECEIVER,
    }


def test_raman_light_of_an_opaque_fibre() -> None:
    """A fibre of more decibels than a float has joins nothing, and fails nothing."""
    raman = "{power_mw=1.0, coefficient_per_km_nm=1e-9, bandwidth_nm=0.8, is_backward=true}"
    overrides = (
        f"users.1.fibre.raman={raman}",
        "users.1.fibre.length_m=1e6",
        "users.1.fibre.attenuation_db_per_km=100.0",
    )
    network = build_network(load_topology("two_user", overrides=overrides))
    assert [found.noise_hz for found in network.channels] == [0.0, 0.0]
