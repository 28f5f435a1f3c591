"""Correlated processes of the product against Fock states and first-order coherence."""

import cmath
import math
from itertools import pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray

import netsim
from netsim.devices.qnsp import emission_plan
from netsim.errors import ConfigError
from netsim.physics.bunching import bunch_share
from netsim.physics.source import PairSource
from netsim.simulation.photons import count_photons
from netsim.topology.load import parse_topology
from netsim.topology.network import Network, build_network
from netsim.topology.receiver import InterferometerSpec, ReceiverSpec
from netsim.topology.shipped import shipped_bytes
from netsim.topology.source import PairFactorSpec, PumpSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, UserSpec
from netsim.topology.timeline import Timeline
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.prediction import predict
from netsim.units import db_from_transmittance
from tests.oracles import bunches, fock
from tests.support.bounds import assert_poisson
from tests.support.fan2025 import calibrated_elsewhere
from tests.support.topologies import fibre_spec, receiver_spec, topology_spec
from tests.unit.netsim.physics.helpers import generator

LINEWIDTH_HZ = 2e9
SECOND_PS = 10**12


def ring(*labels: int, **changes: object) -> RingSourceSpec:
    """A ring with 1 mW in each pump and no loss, Gaussian as rings are."""
    source = RingSourceSpec(
        brightness_hz_per_mw2=1e6,
        linewidth_hz=LINEWIDTH_HZ,
        comb_spacing_labels=2,
        facet_loss_db=0.0,
        escape_loss_db=0.0,
        contrast=1.0,
        pumps=tuple(PumpSpec(channel=f"C{label}", power_mw=1.0) for label in labels),
    )
    return source.model_copy(update=changes)


def users(
    source: RingSourceSpec,
    labels: dict[int, str],
    receiver: ReceiverSpec | None = None,
    transmittance: float = 0.05,
) -> TopologySpec:
    """Channels to users without fibres."""
    channels = tuple(
        DeliveredChannelSpec(
            channel=f"C{label}", user=user, loss_db=db_from_transmittance(transmittance)
        )
        for label, user in labels.items()
    )
    names = dict.fromkeys(labels.values())
    return topology_spec(
        source,
        channels,
        {"bench": receiver or receiver_spec()},
        tuple(UserSpec(name=name, receiver="bench", fibre=fibre_spec()) for name in names),
    )


ALL = {26: "dave", 30: "dave", 38: "alice", 42: "bob", 50: "charlie", 54: "charlie"}


def amplitudes(network: Network) -> tuple[dict[tuple[int, int], complex], dict[str, int]]:
    """Pair operator of all processes, and the mode of each channel."""
    modes: dict[str, int] = {}
    for process in network.processes:
        for channel in process.channels:
            modes.setdefault(channel, len(modes))
    found: dict[tuple[int, int], complex] = {}
    for process in network.processes:
        one, other = process.channels
        found[modes[one], modes[other]] = math.sqrt(process.rate_hz)
    return found, modes


def flux_hz(network: Network, channel: str) -> float:
    """Photons of a channel."""
    return math.fsum(p.rate_hz * p.channels.count(channel) for p in network.processes)


def g2_of(network: Network, one: str, other: str) -> float:
    """At equal times, of the product."""
    bunching = network.bunching(one, other)
    if bunching is None:
        return 1.0
    return 1.0 + bunching.strength_hz2 / (flux_hz(network, one) * flux_hz(network, other))


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_every_two_channels_of_two_pumps(factor: float) -> None:
    """All that are no partners, by Fock states; also where processes differ."""
    special = (PairFactorSpec(channels=("C38", "C54"), factor=factor),)
    network = build_network(users(ring(34, 46, pairs=special), ALL))
    operator, modes = amplitudes(network)
    partners = {frozenset(process.channels) for process in network.processes}
    seen = 0
    for one, other in product((f"C{label}" for label in ALL), repeat=2):
        if frozenset((one, other)) in partners:
            continue
        expected = fock.correlation(operator, len(modes), modes[one], modes[other])
        assert g2_of(network, one, other) == pytest.approx(expected, rel=1e-9), (one, other)
        seen += 1
    assert seen == 36 - 2 * 7


@pytest.mark.parametrize(
    ("one", "other", "g2"),
    [
        ("C38", "C38", 2.0),
        ("C42", "C54", 1.444),
        ("C30", "C42", 1.444),
        ("C30", "C54", 1.028),
        ("C50", "C54", 1.0),
    ],
)
def test_figures_of_a_referee(one: str, other: str, g2: float) -> None:
    """Two equal pumps, in either order of the channels."""
    network = build_network(users(ring(34, 46), ALL))
    assert g2_of(network, one, other) == pytest.approx(g2, abs=5e-4)
    assert g2_of(network, other, one) == g2_of(network, one, other)


def test_three_pumps_that_are_not_locked() -> None:
    """Evenly spaced pumps: amplitudes with the phases of the lasers, averaged over these."""
    labels = (28, 40, 52)
    network = build_network(users(ring(*labels), {36: "ann", 48: "ben", 60: "cem"}))
    for one, other in (("C36", "C48"), ("C36", "C60"), ("C48", "C60")):
        bunching = network.bunching(one, other)
        assert bunching is not None
        excess = np.mean([excess_at(network, labels, (0.0, *p), one, other) for p in phases(7)])
        assert bunching.strength_hz2 == pytest.approx(excess, rel=1e-9)


def phases(steps: int) -> list[tuple[float, float]]:
    """A grid of two phases, on which all harmonics that occur average out."""
    grid = [2.0 * math.pi * k / steps for k in range(steps)]
    return list(product(grid, grid))


def excess_at(
    network: Network, pumps: tuple[int, ...], phases_rad: tuple[float, ...], one: str, other: str
) -> float:
    """G2 - n_c n_d of Fock states, where the lasers have these phases."""
    _, modes = amplitudes(network)
    operator: dict[tuple[int, int], complex] = {}
    fields = [cmath.rect(1.0, phase) for phase in phases_rad]
    for process in network.processes:
        total = sum(int(channel[1:]) for channel in process.channels)
        # The square of the sum of all fields, 1 MHz per mW^2: sqrt(m) = 1 or 2.
        operator[modes[process.channels[0]], modes[process.channels[1]]] = 1e3 * sum(
            a * b
            for (p, a), (q, b) in product(zip(pumps, fields, strict=True), repeat=2)
            if p + q == total
        )
    n_one, n_other = (
        sum(abs(xi) ** 2 for pair, xi in operator.items() if modes[channel] in pair)
        for channel in (one, other)
    )
    g2 = fock.correlation(operator, len(modes), modes[one], modes[other])
    return (g2 - 1.0) * n_one * n_other


@pytest.mark.parametrize(
    ("one", "other", "excess"),
    [
        pytest.param(38, 38, 1.0, marks=pytest.mark.slow),
        pytest.param(42, 54, 16 / 36, marks=pytest.mark.slow),
        pytest.param(30, 42, 16 / 36, marks=pytest.mark.slow),
        pytest.param(30, 54, 1 / 36, marks=pytest.mark.slow),
        pytest.param(50, 54, 0.0, marks=pytest.mark.slow),
    ],
)
def test_g2_of_emitted_photons(one: int, other: int, excess: float) -> None:
    """Photons as they leave the source, unheralded, in bins of 40 ps; rates unchanged."""
    delivered = {label: f"u{label}" for label in (one, other)}
    topology = users(ring(34, 46, brightness_hz_per_mw2=1e7), delivered, transmittance=0.1)
    timeline = Timeline(topology, stop_ps=SECOND_PS)
    network = timeline.network_at(0)
    rngs: dict[str, np.random.Generator] = {}

    def stream(name: str) -> np.random.Generator:
        return rngs.setdefault(name, generator(100 + len(rngs)))

    kappa = 2e-12 * math.pi * LINEWIDTH_HZ
    source = PairSource(timeline.outlets, stream, kappa_per_ps=kappa)
    plan = emission_plan(network, timeline.process_indices)
    seconds = 0.6
    light = source.emit(0, [(0, round(seconds * SECOND_PS), plan)])
    times = {outlet[0]: np.sort(frame.times_ps) for outlet, frame in light.items()}
    for channel, found in times.items():
        # Bunching widens the scatter by the photons per coherence time, some per cent.
        mean = 0.1 * flux_hz(network, channel) * seconds
        assert abs(found.size - mean) < 5.0 * 1.05 * math.sqrt(mean)
    edges = np.arange(0, 601, 40)
    counts = differences(times[f"C{one}"], times[f"C{other}"], edges)
    floor = 0.01 * flux_hz(network, f"C{one}") * flux_hz(network, f"C{other}") * seconds * 4e-11
    sides = 1 if one == other else 2
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        g2 = bunches.mean_g2(LINEWIDTH_HZ, float(low), float(high), excess)
        assert_poisson(int(count), sides * floor * g2)
    g2 = bunches.mean_g2(LINEWIDTH_HZ, 0.0, 600.0, excess)
    assert_poisson(int(counts.sum()), sides * floor * (edges.size - 1) * g2)


def differences(
    first: NDArray[np.int64], second: NDArray[np.int64], edges: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Distances of all photons of one array and another; of one array, each two once."""
    counts = np.zeros(edges.size - 1, dtype=np.int64)
    alike = first is second or np.array_equal(first, second)
    start, stop = (
        np.searchsorted(second, first + reach) for reach in (-int(edges[-1]), int(edges[-1]))
    )
    for step in range(int((stop - start).max())):
        chosen = start + step < stop
        apart = second[start[chosen] + step] - first[chosen]
        apart = apart[apart > 0] if alike else np.abs(apart)
        counts += np.histogram(apart, bins=edges)[0]
    return counts


PHASES = [(0.0, 0.0), (math.pi / 2, math.pi / 2), (0.3, 1.1)]


@pytest.mark.parametrize(
    ("window_ps", "delays_ps"),
    [
        pytest.param(200, (4000.0, 4060.0), marks=pytest.mark.slow),
        pytest.param(2000, (4000.0, 4000.0), marks=pytest.mark.slow),
        pytest.param(200, (4000.0, 4000.0), marks=pytest.mark.slow),
        pytest.param(2000, (4000.0, 4060.0), marks=pytest.mark.slow),
    ],
)
def test_bunches_behind_interferometers(window_ps: int, delays_ps: tuple[float, float]) -> None:
    """What a Gaussian source adds to each pair of detectors of the twin, by sums over paths."""
    z_rad, x_rad = 0.4, 1.9
    receivers = tuple(
        receiver_spec(
            z=InterferometerSpec(delay_ps=delay, phase_rad=z_rad),
            x=InterferometerSpec(delay_ps=delay, phase_rad=x_rad),
        )
        for delay in delays_ps
    )
    topology = users(ring(34, 46), {42: "ann", 50: "ann", 54: "ben"}, receivers[0])
    topology = topology.model_copy(
        update={
            "receivers": {"bench": receivers[0], "other": receivers[1]},
            "users": (
                topology.users[0],
                topology.users[1].model_copy(update={"receiver": "other"}),
            ),
            "protocol": topology.protocol.model_copy(update={"window_ps": window_ps}),
        }
    )
    # 42 and 50 make no pairs with 54; 38 does, and stands for a lane.
    topology = with_lane(topology)
    excess = bunch_rates(topology)
    strength = (4e6) ** 2 * 0.05**2 * 1e-12
    for one, other in product(range(4), repeat=2):
        rads = [(z_rad, x_rad)[detector // 2] for detector in (one, other)]
        signs = [1 - 2 * (detector % 2) for detector in (one, other)]
        integral_ps = bunches.excess_coincidences(
            linewidth_hz=LINEWIDTH_HZ,
            window_ps=window_ps,
            delays_ps=delays_ps,
            phases_rad=(rads[0], rads[1]),
            signs=(signs[0], signs[1]),
        )
        # A photon goes to either basis with probability 1/2.
        assert excess[one, other] == pytest.approx(strength * integral_ps / 4.0, rel=2e-3, abs=1e-4)


def with_lane(topology: TopologySpec) -> TopologySpec:
    """Another channel of the first user, so dim that it only makes the lane."""
    lane = DeliveredChannelSpec(channel="C38", user="ann", loss_db=200.0)
    qnsp = topology.qnsp.model_copy(update={"channels": (*topology.qnsp.channels, lane)})
    return topology.model_copy(update={"qnsp": qnsp})


def bunch_rates(topology: TopologySpec) -> NDArray[np.float64]:
    """(4, 4) float64: correlated coincidences of the only lane, of which none are of pairs."""
    network = build_network(topology)
    (lane,) = network.lanes
    correlated, _ = detector_rates_hz(network, lane)
    return correlated


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["franson", "polarisation"])
def test_clicks_of_a_gaussian_source(kind: str) -> None:
    """Every two detectors in a window without pairs, and singles, at two-sided 5 sigma.

    With phases that are not those of BBM92 and of one process, so that a sign would show.
    """
    delay_ps = {"franson": 4000.0, "polarisation": 0.0}[kind]
    receiver = receiver_spec(
        z=InterferometerSpec(delay_ps=delay_ps, phase_rad=0.3),
        x=InterferometerSpec(delay_ps=delay_ps, phase_rad=1.4),
        kind=kind,
    )
    special = (PairFactorSpec(channels=("C38", "C54"), phase_rad=1.5, contrast=0.95),)
    source = ring(34, 46, brightness_hz_per_mw2=8e6, pairs=special)
    topology = with_lane(users(source, {42: "ann", 54: "ben"}, receiver, transmittance=0.2))
    protocol = topology.protocol.model_copy(update={"window_ps": 200})
    found = count_photons(
        topology.model_copy(update={"protocol": protocol}), duration_s=1.5, seed=3
    )
    (epoch,), (lane,) = found.epochs, found.lanes
    prediction = predict(epoch.network)
    for user, clicks in found.singles.items():
        mean = prediction.singles_hz(user) * found.duration_s
        assert abs(int(clicks.sum()) - mean) < 5.0 * 1.05 * math.sqrt(mean)
    correlated, accidental = (
        rates * found.duration_s for rates in detector_rates_hz(epoch.network, lane.lane)
    )
    for count, mean in zip(lane.matches.ravel(), (correlated + accidental).ravel(), strict=True):
        assert_poisson(int(count), float(mean))
    # The fringe by itself, in X: another sign of a phase would turn it.
    signs = np.array([[1.0, -1.0], [-1.0, 1.0]])
    in_x = lane.matches[2:, 2:]
    fringe, sigma = float((signs * correlated[2:, 2:]).sum()), math.sqrt(in_x.sum())
    assert abs((signs * in_x).sum() - fringe) < 4.0 * sigma
    assert fringe > 7.0 * sigma


def test_polarised_light_has_two_modes() -> None:
    """Half of the pairs in each: g2(0) = 1 + 1/2."""
    plate = InterferometerSpec(phase_rad=0.0)
    receiver = receiver_spec(kind="polarisation", z=plate, x=plate)
    network = build_network(users(ring(34, 46), ALL, receiver))
    assert g2_of(network, "C38", "C38") == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("link", "excess_hz", "z_qber", "x_qber"),
    [
        (("alice", "charlie"), 4.45, 0.0765, 0.0933),
        (("alice", "dave"), 4.04, 0.0637, 0.0735),
        (("bob", "charlie"), 3.15, 0.0749, 0.0865),
        (("bob", "dave"), 5.32, 0.0821, 0.1016),
    ],
)
def test_first_calculation_of_a_referee(
    link: tuple[str, str], excess_hz: float, z_qber: float, x_qber: float
) -> None:
    """The four users without patch fibres, with his numbers: excess and QBER by basis.

    The referee counts clicks within dead times of others, of which there are 1.1 %.
    """
    text = calibrated_elsewhere(shipped_bytes("fan2025_four_user").decode())
    prediction = predict(build_network(parse_topology(text, overrides=EARLIER)))
    (lane,) = (lane for lane in prediction.lanes if lane.users == link)
    assert lane.bunched_hz == pytest.approx(excess_hz, rel=0.015)
    assert lane.z_qber == pytest.approx(z_qber, abs=6e-4)
    assert lane.x_qber == pytest.approx(x_qber, abs=6e-4)


EARLIER = ["qnsp.source.statistics=gaussian", "qnsp.channels.C50.patch_delay_ps=0"]


def test_a_patch_fibre_takes_bunches_out_of_the_window() -> None:
    """C50 is 40 ns late in the shipped network: what it shares with others falls elsewhere."""
    prediction = predict(build_network(netsim.load_topology("fan2025_four_user")))
    bunched = {lane.users: lane.bunched_hz for lane in prediction.lanes}
    assert bunched["alice", "charlie"] < 1e-6
    assert bunched["bob", "charlie"] < 1e-6
    assert bunched["alice", "dave"] > 3.0


def test_a_source_without_photons_to_bunch_is_refused() -> None:
    """Every photon arrives with its partner: nothing is left to be bunched."""
    topology = users(ring(40), {38: "ann", 42: "ben"}, transmittance=1.0)
    with pytest.raises(ConfigError, match="too few photons"):
        Timeline(topology, stop_ps=SECOND_PS)


def test_other_statistics_have_no_bunches() -> None:
    """Neither Poissonian nor thermal sources correlate channels."""
    for statistics in ("poisson", "thermal"):
        network = build_network(users(ring(34, 46, statistics=statistics), ALL))
        assert network.bunchings == ()
        assert all(lane.bunched_hz == 0.0 for lane in predict(network).lanes)


def test_a_share_of_a_window_with_jitter() -> None:
    """g^2 in a window of which both edges are blurred, by integration over jitter and delay."""
    times, g = bunches.coherence(LINEWIDTH_HZ)
    step = times[1] - times[0]
    near = np.abs(times) < 3000.0
    density = g[near] ** 2 / (g**2).sum()
    for (low, high), sigma in product(pairwise((-150.0, 50.0, 400.0)), (0.0, 60.0)):
        inside = np.array(
            [
                0.5
                * (
                    math.erf((high - t) / max(sigma, 1e-9) / math.sqrt(2.0))
                    - math.erf((low - t) / max(sigma, 1e-9) / math.sqrt(2.0))
                )
                for t in times[near]
            ]
        )
        share = bunch_share(
            window_ps=high - low,
            offset_ps=-(high + low) / 2.0,
            linewidth_hz=LINEWIDTH_HZ,
            spread_ps=sigma,
        )
        assert share == pytest.approx(float((density * inside).sum()), abs=2e-3 * step)
