"""Two detectors and the basis in a delay: peaks, bits of both bases, and what is refused."""

import math

import pytest

import netsim
from netsim.errors import ConfigError
from netsim.physics.encodings.delayed import DelayedBasis
from netsim.physics.encodings.interface import joints_of
from netsim.physics.encodings.joint import Window
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.shapes import PairShape
from netsim.simulation.photons import count_photons
from netsim.simulation.scoring import DifferenceHistogram
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict
from tests.support.bounds import assert_binomial, assert_poisson

DELAY_PS = 3700.0
KIND = (
    "qnsp.source.linewidth_hz=50e9",
    "receivers.bench.kind=delayed-basis",
    "receivers.bench.z.delay_ps=0.0",
    f"receivers.bench.x.delay_ps={DELAY_PS}",
)
MIXED = "protocol.security=asymptotic-mixed"


def two_users(*overrides: str) -> TopologySpec:
    """The shipped network of two users, with such receivers and broad photons."""
    return netsim.load_topology("two_user", overrides=[*KIND, MIXED, *overrides])


def test_joint_of_two() -> None:
    """Half of the pairs in the middle, each basis by its contrasts; a quarter at either side."""
    z, x = BasisOptics(0.0, ConstantPhase(0.0), 0.9), BasisOptics(3700.0, ConstantPhase(1.57), 0.6)
    encoding = DelayedBasis(Optics(0.5, z, x))
    same, other = joints_of(encoding, encoding)[0]
    assert sorted((peak.offset_ps, peak.weight) for peak in same.peaks) == [
        (-3700.0, 0.25),
        (0.0, 0.25),
        (0.0, 0.25),
        (3700.0, 0.25),
    ]
    assert (same.sign, other.sign) == (1, -1)
    window = Window(2000.0, 0.0, PairShape(1e12), 50.0)
    coherent, everything = same.shares(window)
    assert everything == pytest.approx(0.5, abs=1e-6)
    assert coherent == pytest.approx(0.25 * (0.9**2 + 0.6**2), abs=1e-6)


def test_one_heap_of_both_bases() -> None:
    """Simulated as by the twin and by hand: half of the pairs, errors the mean of both bases."""
    topology = two_users("receivers.bench.z.contrast=0.8")
    (lane,) = predict(build_network(topology)).lanes
    (plain,) = predict(build_network(two_users())).lanes
    lost = (1.0 - plain.visibility / (1.0 - plain.accidental_hz / plain.sifted_hz)) / 2.0
    by_hand = (0.5 * (0.8**2 + 1.0) * (1 - 2 * lost)) * (lane.true_hz / lane.sifted_hz)
    assert lane.visibility == pytest.approx(by_hand, abs=1e-9)
    assert lane.x_hz == 0.0
    histogram = DifferenceHistogram(("alice", "bob"), low_ps=-15_000, bin_ps=200, bins=150)
    found = count_photons(topology, duration_s=1.0, seed=3, histograms=[histogram])
    counts = found.lanes[0].counts
    assert_poisson(counts.sifted_bits, lane.sifted_hz)
    assert_binomial(counts.errors, counts.sifted_bits, lane.qber)
    assert counts.sifted_bits == counts.coincidences > 3000


def test_bits_agree_in_both_bases() -> None:
    """One basis without contrast leaves the errors of the other: 25 %, whichever it is."""
    for basis in ("z", "x"):
        topology = two_users(f"receivers.bench.{basis}.contrast=0.0")
        (lane,) = predict(build_network(topology)).lanes
        assert lane.qber == pytest.approx(0.26, abs=0.015)
        counts = count_photons(topology, duration_s=0.5, seed=4).lanes[0].counts
        assert_binomial(counts.errors, counts.sifted_bits, lane.qber)


REFUSED = [
    (("protocol.security=asymptotic",), "protocol.security", "does not tell its bases"),
    (("receivers.bench.bell={share=0.5}",), "receivers.bench.bell", "told apart"),
    (
        ('observers=[{kind="intercept-resend", user="bob", share=0.5}]',),
        "observers.0.kind",
        "does not tell its bases",
    ),
    (("receivers.bench.z.delay_ps=3700.0",), "receivers.bench", "none in z"),
    (("receivers.bench.x.phase_rad=0.0",), "receivers.bench", "both bases have to agree"),
    (("protocol.window_ps=7400",), "protocol.window_ps", "reaches the side peaks, 3700"),
]


@pytest.mark.parametrize(("overrides", "path", "reason"), REFUSED)
def test_refused(overrides: tuple[str, ...], path: str, reason: str) -> None:
    """What would have to know the basis, and optics with which bits do not agree."""
    with pytest.raises(ConfigError) as caught:
        two_users(*overrides)
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert reason in faults[path]


def test_bases_come_equally_often() -> None:
    """Nobody could tell which basis has more errors than the other."""
    with pytest.raises(ConfigError, match=r"z_probability is 0\.5 where nobody can tell"):
        two_users("receivers.bench.z_probability=0.6", "protocol.basis=biased")


def test_parties_make_key_of_the_heap() -> None:
    """As much as N [1 - h(Q)] less the leak, from both bases; keys of both ends are the same."""
    run = netsim.simulate(two_users("protocol.round_s=2.0"), duration_s=2.0, seed=1)
    (link,) = run.links
    (lane,) = run.lanes
    qber = lane.errors / lane.sifted_bits
    entropy = -qber * math.log2(qber) - (1 - qber) * math.log2(1 - qber)
    bits = lane.sifted_bits
    assert 0.9 < link.counts.deposited_bits / (bits * (1.0 - 2.2 * entropy) - 64) < 1.02
