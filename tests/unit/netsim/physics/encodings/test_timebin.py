"""Time bins of a pulsed source: slots, fringe, multi-pairs, gates, and what is published."""

import math

import numpy as np
import pytest

import netsim
from netsim.errors import ConfigError
from netsim.frames import PairLedger, PhotonFrame
from netsim.physics.emission import sample_born
from netsim.physics.encodings.interface import PairSource, joints_of
from netsim.physics.encodings.joint import Window
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.slots import SlotReader
from netsim.physics.encodings.timebin import TimeBin
from netsim.physics.pulses import Pulses
from netsim.physics.shapes import PairShape
from netsim.plan.hardware import Hardware
from netsim.simulation.photons import count_photons
from netsim.topology.network import Network, build_network
from netsim.topology.processes import PairProcess
from netsim.topology.specs import TopologySpec
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.prediction import LanePrediction, predict
from netsim.units import FWHM_PER_SIGMA
from protocols.tags import DETECTOR_BITS
from tests.oracles.pulsed import Bench, count, outcomes, slots_and_ports
from tests.support.bounds import assert_binomial, assert_poisson
from tests.support.photons import run_photons

KIND = (
    "qnsp.source.statistics=poisson",
    "qnsp.source.linewidth_hz=50e9",
    "qnsp.source.pulses={slot_ps=1000, period_ps=3000, width_fwhm_ps=100.0}",
    "receivers.bench.kind=time-bin",
    "receivers.bench.z.delay_ps=0.0",
    "receivers.bench.x.delay_ps=1000.0",
    "protocol.window_ps=1000",
    "users.*.fibre.dispersion_ps_per_nm_km=0.0",
)


def two_users(*overrides: str) -> TopologySpec:
    """The shipped network of two users, with pulses and slots."""
    return netsim.load_topology("two_user", overrides=[*KIND, *overrides])


def lane_of(topology: TopologySpec) -> LanePrediction:
    """The only one, by the twin."""
    (lane,) = predict(build_network(topology)).lanes
    return lane


def table_hz(network: Network) -> np.ndarray:
    """(4, 4) float64: all coincidences by the twin."""
    true_hz, accidental_hz = detector_rates_hz(network, network.lanes[0])
    return true_hz + accidental_hz


def encoding(phase_rad: float, contrast: float) -> TimeBin:
    """An interferometer of 1 ns."""
    z = BasisOptics(0.0, ConstantPhase(0.0))
    return TimeBin(Optics(0.5, z, BasisOptics(1000.0, ConstantPhase(phase_rad), contrast)))


@pytest.mark.parametrize(
    ("phases_rad", "pair_rad", "contrasts"),
    [
        ((0.0, 0.0), 0.0, (1.0, 1.0, 1.0)),
        ((math.pi / 2, math.pi / 2), 0.0, (1.0, 1.0, 1.0)),
        ((0.3, 1.1), -0.7, (0.9, 0.8, 0.7)),
    ],
)
def test_joints_are_those_of_a_state_vector(
    phases_rad: tuple[float, float], pair_rad: float, contrasts: tuple[float, float, float]
) -> None:
    """All sixteen outcomes of two photons, without blur."""
    first, second = (
        encoding(phase_rad, contrast)
        for phase_rad, contrast in zip(phases_rad, contrasts, strict=False)
    )
    shape = PairShape(50e9, pulses=Pulses(1000, 3000, 0.0))
    pairs = PairProcess(("C38", "C42"), 1e6, contrasts[2], pair_rad)
    window = Window(1000.0, 0.0, shape, 0.0)
    found = [
        [
            joint.share(pairs, (first.phase_rad(i, 38, 0), second.phase_rad(j, 42, 0)), window)
            * first.share(i)
            * second.share(j)
            for j, joint in enumerate(row)
        ]
        for i, row in enumerate(joints_of(first, second))
    ]
    table = slots_and_ports(phases_rad, pair_rad, math.prod(contrasts))
    np.testing.assert_allclose(found, outcomes(table), atol=1e-12)


PORT = "{efficiency=%s, dark_rate_hz=3e6, jitter_fwhm_ps=900.0, dead_time_ps=0}"
BLURRED = (
    "qnsp.source.contrast=0.8",
    "qnsp.source.brightness_hz_per_mw=4e7",
    "qnsp.source.pulses={slot_ps=1000, period_ps=7000, width_fwhm_ps=250.0}",
    "receivers.*.gate_ps=800",
    f"receivers.*.detectors=[{PORT % 0.8}, {PORT % 0.3}]",
)


def blurred(*overrides: str) -> TopologySpec:
    """A crystal between two users whose slots mix: jitter, gates, darks and unequal ports."""
    return netsim.load_topology("honjo2008", overrides=[*BLURRED, *overrides])


def test_twin_agrees_with_drawn_events() -> None:
    """Slots that jitter mixes, gates, darks, unequal ports and several pairs a pulse: 5 sigma."""
    lossless = ("qnsp.source.coupling_loss_db=0.0", "receivers.*.excess_loss_db=0.0")
    network, periods = build_network(blurred(*lossless)), 1_000_000
    (process,) = network.processes
    bench = Bench(
        slot_ps=1000.0,
        period_ps=7000.0,
        width_ps=250.0 / FWHM_PER_SIGMA,
        pairs=process.rate_hz * 7000e-12,
        seen=(network.channels[0].transmittance, network.channels[1].transmittance),
        ports=((1.0, 0.375), (1.0, 0.375)),
        darks=(3e6 * 7000e-12, 3e6 * 7000e-12),
        jitters_ps=(900.0 / FWHM_PER_SIGMA, 900.0 / FWHM_PER_SIGMA),
        gate_ps=800.0,
    )
    table = slots_and_ports((math.pi / 2, math.pi / 2), 0.0, 0.8)
    drawn = count(bench, table, periods, np.random.default_rng(5))
    expected = table_hz(network) * periods * 7000e-12
    for seen, mean in zip(drawn.ravel().tolist(), expected.ravel().tolist(), strict=True):
        assert_poisson(round(seen), mean)
    assert drawn.sum() > 40_000


@pytest.mark.parametrize(("is_blurred", "seconds"), [(False, 0.3), (True, 0.2)])
def test_photons_agree_with_the_twin(*, is_blurred: bool, seconds: float) -> None:
    """All sixteen pairs of outcomes, and what each user reads; afterpulses come in any slot."""
    often = "receivers.*.detectors.*.afterpulse_probability=0.1"
    # Fewer clicks: of two in one period the twin counts both, and matching uses one.
    few = ("qnsp.source.brightness_hz_per_mw=1e7", "receivers.*.detectors.*.dark_rate_hz=2e5")
    topology = blurred(often, *few) if is_blurred else two_users()
    network = build_network(topology)
    found = count_photons(topology, duration_s=seconds, seed=3)
    expected = table_hz(network) * seconds
    for seen, mean in zip(
        found.lanes[0].matches.ravel().tolist(), expected.ravel().tolist(), strict=True
    ):
        assert_poisson(seen, mean)
    for user in predict(network).users:
        assert_poisson(int(found.singles[user.name].sum()), user.singles_hz * seconds)


def test_pumps_that_follow_a_warm_ring_turn_the_middle_slot() -> None:
    """By 2 pi (df + df) times a slot: photons and twin; the outer slots keep their errors."""
    kelvin = 0.08
    topology = two_users(f"qnsp.source.detuning={{temperature_k={kelvin}}}")
    turned = math.cos(2.0 * math.pi * 2.0 * 2.5e9 * kelvin * 1e-9)
    plain, locked = table_hz(build_network(two_users())), table_hz(build_network(topology))
    np.testing.assert_allclose(locked[:2], plain[:2], rtol=1e-9)
    equal, all_of_x = np.trace(plain[2:, 2:]), plain[2:, 2:].sum()
    share = 0.5 + turned * (equal / all_of_x - 0.5)
    assert abs(share - equal / all_of_x) > 0.5
    assert np.trace(locked[2:, 2:]) / locked[2:, 2:].sum() == pytest.approx(share, rel=1e-9)
    found = count_photons(topology, duration_s=0.1, seed=3).lanes[0].matches[2:, 2:]
    assert_binomial(int(np.trace(found)), int(found.sum()), share)


def test_errors_of_poissonian_pairs() -> None:
    """As Honjo et al. print of mu pairs a period: mu / (2 (1 + mu)), 1.9 and 6.14 %."""
    clean = ("qnsp.source.contrast=1.0", "receivers.*.detectors.*.dark_rate_hz=0.0")
    for pairs, printed in ((0.04, 0.019), (0.14, 0.0614)):
        rate = f"qnsp.source.brightness_hz_per_mw={pairs / 3e-9}"
        # Far away, for no pair then silences another.
        far = "users.*.fibre.length_m=50_000"
        lane = lane_of(netsim.load_topology("honjo2008", overrides=[*clean, rate, far]))
        assert lane.qber == pytest.approx(pairs / (2 * (1 + pairs)), abs=2e-5)
        assert lane.qber == pytest.approx(printed, abs=5e-4)
        # Of a Gaussian state of one mode a pulse: n^2 / (n (n + 1) + 2 n^2) of n pairs in each.
        one_mode = "qnsp.source.pulses.modes=1.0"
        lane = lane_of(netsim.load_topology("honjo2008", overrides=[*clean, rate, far, one_mode]))
        assert lane.qber == pytest.approx(pairs / (2 * (1 + 1.5 * pairs)), abs=2e-5)


def test_thermal_pulses_have_more_pairs() -> None:
    """<N_a N_b> of K squeezed modes by their distributions in Fock space; drawn events follow."""
    mean, size = 0.4, 400
    for modes in (1, 2, 5):
        each = mean / modes
        numbers = np.arange(size)
        one = (each / (1 + each)) ** numbers / (1 + each)
        together = one
        for _ in range(modes - 1):
            together = np.convolve(together, one)[:size]
        moment = float((together * numbers**2).sum())
        pulses = Pulses(1000, 3000, 0.0, modes)
        rate_hz = 2 * mean / 3e-9
        assert mean**2 + mean * pulses.gain(rate_hz) == pytest.approx(moment, rel=1e-9)
    topology = two_users("qnsp.source.pulses.modes=1.0", "qnsp.source.pumps.*.power_mw=4.0")
    (lane,) = predict(build_network(topology)).lanes
    poissonian = lane_of(two_users("qnsp.source.pumps.*.power_mw=4.0"))
    assert lane.true_hz / poissonian.true_hz > 1.2
    found = count_photons(topology, duration_s=0.02, seed=8)
    assert_poisson(found.lanes[0].counts.sifted_bits, 0.02 * lane.sifted_hz)
    assert_binomial(found.lanes[0].counts.errors, found.lanes[0].counts.sifted_bits, lane.qber)


def test_births_lie_in_pulses() -> None:
    """Half in either, of the width given, as many in each as of a Poisson process."""
    rng, pulses = np.random.default_rng(4), Pulses(1000, 3000, 40.0)
    times_ps = sample_born(rng, 4e8, 0, 300_000_000, pulses)
    slots, within_ps = np.divmod(times_ps % 3000, 1000)
    assert set(slots.tolist()) == {0, 1}
    assert_binomial(int((slots == 0).sum()), times_ps.size, 0.5)
    assert within_ps.mean() == pytest.approx(500.0, abs=5 * 40 / math.sqrt(times_ps.size) + 0.5)
    assert within_ps.std() == pytest.approx(40.0, rel=5 / math.sqrt(2 * times_ps.size))
    numbers = np.bincount(2 * (times_ps // 3000) + slots, minlength=200_000)
    # Variance of a Poisson variable of mean 0.6, with the error of its estimate.
    error = math.sqrt((0.6 + 2 * 0.6**2) / numbers.size)
    assert numbers.var() == pytest.approx(0.6, abs=5 * error)


def test_reader_tells_slots_and_no_times() -> None:
    """Outcomes by slot and port, periods for times; guards and what lies off a gate are dropped."""
    clicks = [(10_100, 0), (10_900, 1), (11_500, 0), (11_501, 1), (12_999, 0), (13_500, 1)]
    packed = np.array([time_ps << DETECTOR_BITS | port for time_ps, port in clicks])
    pulses = Pulses(1000, 5000, 0.0)
    read = SlotReader(pulses, 10_000).read(packed)
    assert (read >> DETECTOR_BITS).tolist() == [10_000] * 5
    assert (read & 3).tolist() == [0, 0, 1, 2, 3]
    gated = SlotReader(pulses, 10_000, 400.0).read(packed)
    assert (gated & 3).tolist() == [2, 3]
    assert SlotReader(pulses, 10_000).boundary_ps(14_999) == 10_000


def test_clicks_that_count_cannot_have_met_a_blind_detector() -> None:
    """Published periods apart by the dead time: in truth too, from the last slot to the first."""
    for gate, open_ps in (((), 1000), (("receivers.bench.gate_ps=400",), 400)):
        receiver = two_users(*gate).receivers["bench"]
        blind_ps = max(detector.dead_time_ps for detector in receiver.detectors)
        late_ps, early_ps = 2500 + open_ps // 2, 500 - open_ps // 2
        counted_ps = -(-receiver.dead_time_ps // 3000) * 3000
        assert counted_ps - (late_ps - early_ps) >= blind_ps > 0
        assert receiver.dead_time_ps == blind_ps + late_ps - early_ps
    assert netsim.load_topology("two_user").receivers["bench"].dead_time_ps == blind_ps
    never = two_users("receivers.bench.detectors.*.dead_time_ps=0").receivers["bench"]
    assert never.dead_time_ps == 0


def test_nothing_finer_than_a_period_is_published() -> None:
    """Tags of a perfect clock are whole periods in every frame, and none comes too late."""
    clock = "receivers.bench.clock={offset_ps=0, rate_ppm=0.0, allan_deviation_1s=0.0}"
    run = run_photons(two_users(clock, "receivers.bench.tick_ps=1"), duration_s=0.2)
    for user in ("alice", "bob"):
        times_ps = run.all_tags(user) >> DETECTOR_BITS
        assert times_ps.size > 20_000
        assert len(set((times_ps % 3000).tolist())) == 1
        stop_ps = 0
        for tags, clicks in zip(run.tags[user], run.clicks[user], strict=True):
            assert (np.diff(tags.tags) >= 0).all()
            assert ((clicks.times_ps >= stop_ps) & (clicks.times_ps < clicks.stop_ps)).all()
            assert (tags.times_ticks < tags.stop_ticks).all()
            stop_ps = clicks.stop_ps


def test_a_pair_is_measured_twice() -> None:
    """A third photon of one row is nobody's."""
    topology = two_users()
    receiver = topology.receivers["bench"].encoding
    source = PairSource(
        build_network(topology).processes, 50e9, pulses=topology.qnsp.source.pump_pulses
    )
    measurement = receiver.measurement(source)
    ledger = PairLedger.unmeasured(np.zeros(1, dtype=np.int64))
    times_ps, rows = np.array([500]), np.array([0])
    frame = PhotonFrame(0, "C38", times_ps, rows, ledger)
    rng = np.random.default_rng(1)
    for _ in range(2):
        measurement.measure(rng, [frame], time_ps=0)
    with pytest.raises(ValueError, match="a third one was measured"):
        measurement.measure(rng, [frame], time_ps=0)


def test_parties_make_key_of_slots() -> None:
    """From tags to key: N [1 - h(Q)] less the leak, and both ends have the same."""
    run = netsim.simulate(two_users("protocol.round_s=2.0"), duration_s=2.0, seed=1)
    (link,) = run.links
    (lane,) = run.lanes
    qber = lane.errors / lane.sifted_bits
    entropy = -qber * math.log2(qber) - (1 - qber) * math.log2(1 - qber)
    bits = lane.sifted_bits
    assert 0.9 < link.counts.deposited_bits / (bits * (1.0 - 2.2 * entropy) - 64) < 1.02


@pytest.mark.parametrize("fidelity", ["coincidence", "rate"])
def test_other_levels_agree(fidelity: str) -> None:
    """Sifted bits and errors of the levels without photons."""
    topology = two_users("protocol.round_s=2.0")
    expected = lane_of(topology)
    run = netsim.simulate(topology, duration_s=4.0, seed=2, fidelity=fidelity)
    (lane,) = run.lanes
    assert_poisson(lane.sifted_bits, 4.0 * expected.sifted_hz)
    assert_binomial(lane.errors, lane.sifted_bits, expected.qber)


REFUSED = [
    (("receivers.bench.kind=franson", "receivers.bench.z.delay_ps=1000.0"), "receivers.bench.kind"),
    (("receivers.bench.x.delay_ps=900.0",), "receivers.bench.x.delay_ps"),
    (("receivers.bench.z.delay_ps=1000.0",), "receivers.bench"),
    (("receivers.bench.z_probability=0.6",), "receivers.bench"),
    (("receivers.bench.bell={share=0.5}",), "receivers.bench.bell"),
    (("receivers.bench.tick_ps=1600",), "receivers.bench.tick_ps"),
    (
        ("receivers.bench.detectors.0.jitter_fwhm_ps=1100.0",),
        "receivers.bench.detectors.0.jitter_fwhm_ps",
    ),
    (("receivers.bench.detectors.0.delay_ps=7",), "receivers.bench.detectors.0.delay_ps"),
    (("protocol.window_ps=3000",), "protocol.window_ps"),
    (('observers=[{kind="pass", user="bob"}]',), "observers.0.kind"),
    (("qnsp.source.statistics=gaussian",), "qnsp.source"),
    (("qnsp.source.hidden_bits=true",), "qnsp.source"),
    (("qnsp.source.pulses.period_ps=2999",), "qnsp.source.pulses"),
    (("qnsp.source.pulses.width_fwhm_ps=251.0",), "qnsp.source.pulses"),
]


@pytest.mark.parametrize(("overrides", "path"), REFUSED)
def test_refused(overrides: tuple[str, ...], path: str) -> None:
    """What slots do not go with."""
    with pytest.raises(ConfigError) as caught:
        two_users(*overrides)
    assert path in {fault.path for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        (("qnsp.source.linewidth_hz=1e9",), "qnsp.source.pulses.slot_ps"),
        (("qnsp.channels.0.users=['alice', 'bob']",), "qnsp.source.pulses.modes"),
        (
            ("users.1.fibre.dispersion_ps_per_nm_km=170.0",),
            "users.1.fibre.dispersion_ps_per_nm_km",
        ),
    ],
)
def test_light_that_leaves_its_slots(overrides: tuple[str, ...], path: str) -> None:
    """Is refused before a run, whatever the events."""
    changes = [each for each in overrides if "users=" not in each]
    topology = two_users("qnsp.source.pulses.modes=3.0", *changes)
    if changes != list(overrides):
        channel = topology.qnsp.channels[0].model_copy(
            update={"user": None, "users": ("alice", "bob")}
        )
        channels = (channel, topology.qnsp.channels[1])
        qnsp = topology.qnsp.model_copy(update={"channels": channels})
        topology = topology.model_copy(update={"qnsp": qnsp})
    with pytest.raises(ConfigError) as caught:
        count_photons(topology, duration_s=0.1, seed=1)
    assert path in {fault.path for fault in caught.value.faults}


def test_pulses_are_not_planned() -> None:
    """A plan with such a template stops with its reason."""
    with pytest.raises(ConfigError, match="only continuous pumps are planned"):
        _ = Hardware(two_users()).ring


def test_time_bins_need_pulses() -> None:
    """A continuous pump makes no slots; other receivers have none to gate."""
    with pytest.raises(ConfigError, match=r"needs qnsp\.source\.pulses"):
        netsim.load_topology("two_user", overrides=[*KIND[:2], *KIND[3:]])
    with pytest.raises(ConfigError, match="has no slots to gate"):
        netsim.load_topology("two_user", overrides=["receivers.bench.gate_ps=400"])
