"""Detuned pumps, lit channels and leaking lasers in a whole network: twin, photons, all levels."""

import math

import pytest

import netsim
from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.simulation.photons import count_photons
from netsim.topology.network import build_network
from netsim.topology.source import RingSourceSpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import Prediction, predict, predict_epochs
from tests.support.bounds import assert_binomial, assert_poisson

POISSON = "qnsp.source.statistics=poisson"
LINEWIDTH_HZ = 200e6


def twin(*overrides: str) -> Prediction:
    """Of the shipped two users."""
    return predict(build_network(netsim.load_topology("two_user", overrides=[POISSON, *overrides])))


def test_pumps_beside_their_resonances() -> None:
    """Power in the ring twice a Lorentzian, and the energy that the photons' resonances miss."""
    kelvin = 0.01
    free = twin(f"qnsp.source.detuning={{temperature_k={kelvin}, is_locked=false}}")
    off = 2.0 * 2.5e9 * kelvin / LINEWIDTH_HZ
    expected = 1.0 / (1.0 + off**2) ** 3
    assert free.lanes[0].true_hz / twin().lanes[0].true_hz == pytest.approx(expected, rel=2e-3)


def test_pumps_that_follow_the_ring_turn_the_phase() -> None:
    """No light is lost, but the sum frequency moves: 2 pi 10 ns (df + df) of phase."""
    kelvin, plain = 0.001, twin()
    locked = twin(f"qnsp.source.detuning={{temperature_k={kelvin}}}")
    turned = math.cos(2.0 * math.pi * 10e-9 * 2.0 * 2.5e9 * kelvin)
    assert locked.lanes[0].true_hz == pytest.approx(plain.lanes[0].true_hz, rel=1e-9)
    assert locked.lanes[0].visibility == pytest.approx(plain.lanes[0].visibility * turned, rel=1e-9)
    topology = netsim.load_topology(
        "two_user", overrides=[POISSON, f"qnsp.source.detuning={{temperature_k={kelvin}}}"]
    )
    counts = count_photons(topology, duration_s=2.0, seed=1).lanes[0].counts
    assert_binomial(counts.errors, counts.sifted_bits, locked.lanes[0].qber)


def test_a_ring_that_warms_up_and_is_caught_by_its_lock() -> None:
    """Half of the time off resonance: the twin's mean, and the rounds of the rate level."""
    events = (
        'events=[{time_s=10.0, kind="detune", temperature_k=0.04, is_locked=false}, '
        '{time_s=20.0, kind="detune", temperature_k=0.0, is_locked=true}]'
    )
    topology = netsim.load_topology(
        "two_user", overrides=[POISSON, events, "protocol.round_s=5", "qnsp.source.detuning={}"]
    )
    (lane,) = predict_epochs(tuple(Timeline(topology, stop_ps=20 * 10**12).epochs())).lanes
    share = 1.0 / (1.0 + (2.0 * 2.5e9 * 0.04 / LINEWIDTH_HZ) ** 2) ** 3
    assert lane.true_hz / twin().lanes[0].true_hz == pytest.approx((1 + share) / 2, rel=1e-2)
    run = netsim.simulate(topology, duration_s=20.0, seed=1, fidelity=Fidelity.RATE)
    assert_poisson(run.lanes[0].sifted_bits, 20.0 * lane.sifted_hz)


def test_a_lit_channel_and_a_leaking_pump_add_their_photons() -> None:
    """As many clicks more as photons reach the detectors, at the twin and photon by photon."""
    raman = {"power_mw": 1e-3, "coefficient_per_km_nm": 2e-9, "bandwidth_nm": 0.8}
    inline = ", ".join(f"{name}={value}" for name, value in raman.items())
    overrides = [POISSON, "qnsp.leakage={isolation_db=110}", f"users.1.fibre.raman={{{inline}}}"]
    topology = netsim.load_topology("two_user", overrides=overrides)
    plain = netsim.load_topology("two_user", overrides=[POISSON])
    fibre = topology.users[1].fibre
    through = 10.0 ** (-fibre.attenuation_db_per_km * fibre.length_m / 1e4)
    receiver = plain.receiver_of(plain.users[1])
    detected = receiver.each_detector[0].efficiency * 10.0 ** (-receiver.excess_loss_db / 10.0)
    joule = 6.62607015e-34 * 299792458.0 / 1550e-9
    scattered = 1e-6 * 2e-9 * fibre.length_m / 1e3 * through * 0.8 / joule
    source = plain.qnsp.source
    assert isinstance(source, RingSourceSpec)
    leaked = math.fsum(pump.power_mw for pump in source.pumps) * 1e-3 * 1e-11 / joule
    added = (scattered + leaked * through) * 10.0 ** (-fibre.extra_loss_db / 10.0) * detected
    more, less = predict(build_network(topology)), predict(build_network(plain))
    found = more.singles_hz("bob") - less.singles_hz("bob")
    # The dead time takes some; the wavelengths of channel and pump are not 1550 nm.
    assert found == pytest.approx(added, rel=0.03)
    assert added > 0.1 * less.singles_hz("bob")
    clicks = int(count_photons(topology, duration_s=1.0, seed=1).singles["bob"].sum())
    assert_poisson(clicks, more.singles_hz("bob"))


def test_a_crystal_has_no_resonances() -> None:
    """Refused when the file is read, by the name of what is wrong."""
    with pytest.raises(ConfigError, match="a crystal has no resonances"):
        netsim.load_topology(
            "wengerowsky2018", overrides=['events=[{time_s=1.0, kind="detune", temperature_k=0.1}]']
        )


def test_tired_detectors_are_known_to_the_twin() -> None:
    """Ten times the pairs and a recovery of 200 ns: clicks and sifted bits of a run."""
    overrides = [
        POISSON,
        "qnsp.source.brightness_hz_per_mw2=5.36e7",
        "receivers.bench.detectors.0.recovery_ps=200000.0",
    ]
    topology = netsim.load_topology("two_user", overrides=overrides)
    predicted = predict(build_network(topology))
    light_s = 0.5
    counts = count_photons(topology, duration_s=light_s, seed=1)
    for user, clicks in counts.singles.items():
        assert_poisson(int(clicks.sum()), light_s * predicted.singles_hz(user))
    sifted = counts.lanes[0].counts.sifted_bits
    assert_poisson(sifted, light_s * predicted.lanes[0].sifted_hz)
    assert predicted.singles_hz("bob") < 0.95 * twin(overrides[1]).singles_hz("bob")
