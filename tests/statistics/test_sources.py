"""Sources, splitters and polarisation receivers from clicks, against twin and theory."""

import math

import numpy as np
import pytest

from netsim.physics.thermal import fresh_field, sample_thermal_times, thermal_g2
from netsim.simulation.photons import PhotonCounts, count_photons
from netsim.topology.receiver import DetectorSpec, InterferometerSpec, ReceiverSpec
from netsim.topology.source import CrystalSourceSpec, PumpSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, UserSpec
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.prediction import predict
from netsim.units import db_from_transmittance
from tests.support.bounds import Z_SIGMA, assert_poisson
from tests.support.topologies import (
    IDEAL_DETECTOR,
    PERFECT_CLOCK,
    fibre_spec,
    receiver_spec,
    topology_spec,
)
from tests.unit.netsim.physics.helpers import KAPPA_PER_PS, generator

SECOND_PS = 10**12


def ring(*labels: int, contrast: float = 0.95, **changes: object) -> RingSourceSpec:
    """A lossless ring with 1 mW in each pump."""
    source = RingSourceSpec(
        brightness_hz_per_mw2=1e5,
        linewidth_hz=200e6,
        comb_spacing_labels=2,
        facet_loss_db=0.0,
        escape_loss_db=0.0,
        contrast=contrast,
        pumps=tuple(PumpSpec(channel=f"C{label}", power_mw=1.0) for label in labels),
    )
    return source.model_copy(update=changes)


def crystal(rate_hz: float, *, contrast: float, linewidth_hz: float = 1e11) -> CrystalSourceSpec:
    """A lossless crystal that makes ``rate_hz`` pairs in every two channels."""
    return CrystalSourceSpec(
        kind="spdc",
        brightness_hz_per_mw=rate_hz,
        pump_power_mw=1.0,
        sum_labels=80,
        linewidth_hz=linewidth_hz,
        coupling_loss_db=0.0,
        contrast=contrast,
    )


def polarisation(*detectors: DetectorSpec, z_probability: float = 0.5) -> ReceiverSpec:
    """A polarisation receiver with a perfect clock."""
    return ReceiverSpec(
        kind="polarisation",
        z_probability=z_probability,
        excess_loss_db=0.0,
        z=InterferometerSpec(phase_rad=0.0),
        x=InterferometerSpec(phase_rad=math.pi / 2),
        detectors=detectors or (IDEAL_DETECTOR,),
        tick_ps=1,
        clock=PERFECT_CLOCK,
    )


def network(
    source: RingSourceSpec | CrystalSourceSpec,
    channels: dict[int, tuple[str, ...]],
    receiver: ReceiverSpec,
    *,
    transmittance: float = 0.3,
    window_ps: int = 2000,
) -> TopologySpec:
    """Users with equal hardware and no fibre; several users of a channel share a splitter."""
    names = list(dict.fromkeys(user for users in channels.values() for user in users))
    return topology_spec(
        source,
        tuple(
            DeliveredChannelSpec(
                channel=f"C{label}", users=users, loss_db=db_from_transmittance(transmittance)
            )
            for label, users in channels.items()
        ),
        {"bench": receiver},
        tuple(UserSpec(name=name, receiver="bench", fibre=fibre_spec()) for name in names),
        window_ps=window_ps,
    )


def assert_twin(found: PhotonCounts) -> None:
    """Singles of every user and every pair of detectors of every lane, two-sided at 5 sigma."""
    (epoch,) = found.epochs
    prediction = predict(epoch.network)
    for user, clicks in found.singles.items():
        assert_poisson(int(clicks.sum()), prediction.singles_hz(user) * found.duration_s)
    for lane in found.lanes:
        true_hz, accidental_hz = detector_rates_hz(epoch.network, lane.lane)
        expected = (true_hz + accidental_hz) * found.duration_s
        for count, mean in zip(lane.matches.ravel(), expected.ravel(), strict=True):
            assert_poisson(int(count), float(mean))


def test_three_pumps_agree_with_the_twin() -> None:
    """Six sums, three users, every pair of detectors."""
    topology = network(
        ring(34, 46, 52), {38: ("ann",), 42: ("ben",), 44: ("cem",), 54: ("cem",)}, receiver_spec()
    )
    found = count_photons(topology, duration_s=2, seed=3)
    assert {lane.lane.users for lane in found.lanes} == {
        ("ann", "ben"), ("ann", "cem"), ("ben", "cem"),
    }  # fmt: skip
    assert_twin(found)


def test_splitter_shares_pairs_and_noise() -> None:
    """A channel split to two users: half the pairs of each link, all accidentals counted."""
    split = network(ring(40), {38: ("ann", "amy"), 42: ("ben", "bob")}, receiver_spec())
    found = count_photons(split, duration_s=4, seed=4)
    assert len(found.lanes) == 4
    assert_twin(found)
    whole = count_photons(
        network(ring(40), {38: ("ann",), 42: ("ben",)}, receiver_spec()), duration_s=4, seed=5
    )
    quarter = [int(lane.matches.sum()) for lane in found.lanes]
    assert sum(quarter) / int(whole.lanes[0].matches.sum()) == pytest.approx(1.0, abs=0.05)


def test_self_pairs_split_between_two_users() -> None:
    """Both photons in one channel: a splitter makes a link of them, and the twin knows."""
    source = ring(34, 46, self_pairs="deliver")
    found = count_photons(
        network(source, {40: ("ann", "ben")}, receiver_spec()), duration_s=2, seed=6
    )
    (lane,) = found.lanes
    assert lane.lane.channels == ("C40", "C40")
    assert_twin(found)


def test_channels_that_arrive_together_are_one_lane() -> None:
    """Two channel pairs of one link without a patch fibre: one window with the pairs of both."""
    source = crystal(1e5, contrast=0.97)
    found = count_photons(
        network(source, {36: ("ann",), 38: ("ann",), 42: ("ben",), 44: ("ben",)}, polarisation()),
        duration_s=2,
        seed=7,
    )
    (lane,) = found.lanes
    assert lane.lane.channels == ("C36+C38", "C44+C42")
    assert_twin(found)


def test_polarisation_has_no_side_peaks_and_all_pairs_interfere() -> None:
    """Every pair is in the one peak, with QBER (1 - V0) / 2 in both bases."""
    rate_hz, eta, contrast = 50_000.0, 0.3, 0.94
    topology = network(
        crystal(rate_hz, contrast=contrast), {38: ("ann",), 42: ("ben",)}, polarisation()
    )
    found = count_photons(topology, duration_s=10, seed=8)
    (lane,) = found.lanes
    assert_twin(found)
    singles_hz = rate_hz * eta
    accidental_hz = singles_hz**2 * 2e-9 / 2
    true_hz = rate_hz * eta**2 / 2
    assert_poisson(lane.counts.sifted_bits, (true_hz + accidental_hz) * 10)
    errors_hz = true_hz * (1 - contrast) / 2 + accidental_hz / 2
    assert_poisson(lane.counts.errors, errors_hz * 10)


def neumann(  # noqa: PLR0917 - the formula's own letters
    rate_hz: float,
    etas: tuple[float, float],
    darks_hz: tuple[float, float],
    dead_s: tuple[float, float],
    window_s: float,
    jitter_share: float,
) -> tuple[float, float, float, float]:
    """Singles of either side, true coincidences and accidentals of Neumann et al. (2021).

    Phys. Rev. A 104, 022406: S^t = B eta, S^m = (S^t + DC) / (1 + (S^t + DC) t), CC^t = B eta_A
    eta_B thinned by both dead times, eta_t the share within the window, CC^acc = S^m_A S^m_B W.
    Each side has four detectors of equal share, so that dead time acts on a quarter of the rate.
    """
    measured, survival = [], []
    for eta, dark_hz, dead in zip(etas, darks_hz, dead_s, strict=True):
        each_hz = rate_hz * eta / 4 + dark_hz
        survival.append(1 / (1 + each_hz * dead))
        measured.append(4 * each_hz * survival[-1])
    # A click counts if none of the four detectors has clicked within the dead time before. Pairs
    # blind both sides at once: for the shorter of the two dead times they count once, not twice.
    live = [share**4 for share in survival]
    both_hz = rate_hz * math.prod(etas) * math.prod(survival)
    together = math.prod(live) * math.exp(both_hz * min(dead_s))
    true_hz = rate_hz * math.prod(etas) * together * jitter_share
    counted = [hz * share**3 for hz, share in zip(measured, survival, strict=True)]
    return measured[0], measured[1], true_hz, math.prod(counted) * window_s


@pytest.mark.parametrize("number", range(20))
def test_pair_statistics_are_those_of_neumann(number: int) -> None:
    """Random CW SPDC sources: singles, coincidences, accidentals within 3 sigma, dead time too.

    The one statistical bound below 5 sigma: with 20 fixed seeds and four counts each it is known to
    hold, and it is what was promised.
    """
    rng = np.random.default_rng(1000 + number)
    rate_hz = 10 ** rng.uniform(5.0, 6.0)
    etas = tuple(rng.uniform(0.05, 0.3, 2))
    darks_hz = tuple(10 ** rng.uniform(1.0, 3.5, 2))
    dead_ps = tuple(int(dead) for dead in rng.integers(20_000, 400_000, 2))
    jitter_ps = float(rng.uniform(50.0, 400.0))
    window_ps = int(rng.integers(300, 2000))
    benches = [
        polarisation(
            DetectorSpec(
                efficiency=1.0, dark_rate_hz=dark, jitter_fwhm_ps=jitter_ps, dead_time_ps=dead
            )
        )
        for dark, dead in zip(darks_hz, dead_ps, strict=True)
    ]
    topology = topology_spec(
        crystal(rate_hz, contrast=0.97, linewidth_hz=1e12),
        tuple(
            DeliveredChannelSpec(channel=name, user=user, loss_db=db_from_transmittance(eta))
            for name, user, eta in zip(("C38", "C42"), ("ann", "ben"), etas, strict=True)
        ),
        dict(zip(("one", "other"), benches, strict=True)),
        (
            UserSpec(name="ann", receiver="one", fibre=fibre_spec()),
            UserSpec(name="ben", receiver="other", fibre=fibre_spec()),
        ),
        window_ps=window_ps,
    )
    # Jitter of both sides; the photons' own spread of 0.2 ps is nothing beside it.
    sigma_ps = math.sqrt(2.0) * jitter_ps / (2.0 * math.sqrt(2.0 * math.log(2.0)))
    share = math.erf(window_ps / 2 / (sigma_ps * math.sqrt(2.0)))
    seconds = 2.0
    first_hz, second_hz, true_hz, accidental_hz = neumann(
        rate_hz, etas, darks_hz, (dead_ps[0] * 1e-12, dead_ps[1] * 1e-12), window_ps * 1e-12, share
    )
    found = count_photons(topology, duration_s=seconds, seed=number)
    (lane,) = found.lanes
    for count, mean in (
        (int(found.singles["ann"].sum()), first_hz),
        (int(found.singles["ben"].sum()), second_hz),
        (int(lane.matches.sum()), true_hz + accidental_hz),
    ):
        assert abs(count - mean * seconds) <= 3 * math.sqrt(mean * seconds) + 1
    # Different bases share no information: a half of all matches, the accidentals among them.
    mixed = int(lane.matches[:2, 2:].sum() + lane.matches[2:, :2].sum())
    expected = (true_hz + accidental_hz) / 2 * seconds
    assert abs(mixed - expected) <= 3 * math.sqrt(expected) + 1


def test_accidentals_are_neumanns() -> None:
    """A window that no pair falls into holds S_A S_B W."""
    topology = network(
        crystal(1e6, contrast=0.9), {38: ("ann",), 42: ("ben",)}, polarisation(), transmittance=0.2
    )
    channels = topology.qnsp.channels
    late = channels[1].model_copy(update={"patch_delay_ps": 100_000})
    moved = topology.model_copy(
        update={"qnsp": topology.qnsp.model_copy(update={"channels": (channels[0], late)})}
    )
    found = count_photons(topology, duration_s=2, seed=9)
    shifted = count_photons(moved, duration_s=2, seed=9)
    # The lane of `moved` expects its pairs 100 ns later; score it where `topology` looks.
    assert int(found.lanes[0].matches.sum()) == pytest.approx(
        int(shifted.lanes[0].matches.sum()), rel=0.02
    )
    assert_twin(shifted)


@pytest.mark.slow
def test_thermal_pairs_bunch_within_the_coherence_time() -> None:
    """g2 of births is 1 + (1 + kappa t / 2)^2 exp(-kappa t): 2 at once, 1 far away."""
    rng, rate_hz = generator(31), 1e7
    field = fresh_field(rng)
    times_ps = np.concatenate(
        [
            sample_thermal_times(
                rng, rate_hz, KAPPA_PER_PS, k * SECOND_PS // 100, (k + 1) * SECOND_PS // 100, field
            )
            for k in range(12)
        ]
    )
    seconds = 0.12
    assert abs(times_ps.size - rate_hz * seconds) < Z_SIGMA * math.sqrt(rate_hz * seconds) * 1.01
    edges_ps = np.array([0, 200, 500, 1000, 2000, 4000, 20_000])
    counts = np.zeros(edges_ps.size - 1, dtype=np.int64)
    step, near = 1, np.arange(times_ps.size - 1)
    while near.size:
        gaps_ps = times_ps[near + step] - times_ps[near]
        counts += np.histogram(gaps_ps, bins=edges_ps)[0]
        # Only where this neighbour is near the next one can be.
        near = near[(gaps_ps < edges_ps[-1]) & (near + step + 1 < times_ps.size)]
        step += 1
    for low, high, count in zip(edges_ps[:-1], edges_ps[1:], counts, strict=True):
        grid = np.linspace(low, high, 401)
        mean_g2 = float(np.trapezoid(thermal_g2(grid, kappa_per_ps=KAPPA_PER_PS), grid)) / (
            high - low
        )
        assert_poisson(int(count), rate_hz**2 * seconds * (high - low) * 1e-12 * mean_g2)


@pytest.mark.slow
def test_thermal_source_has_the_rates_of_a_poissonian_one() -> None:
    """Singles and coincidences of a weak source hardly change; the bunching is in g2."""
    plain = network(ring(40), {38: ("ann",), 42: ("ben",)}, receiver_spec())
    source = ring(40, statistics="thermal")
    thermal = network(source, {38: ("ann",), 42: ("ben",)}, receiver_spec())
    assert_twin(count_photons(thermal, duration_s=4, seed=11))
    assert_twin(count_photons(plain, duration_s=4, seed=11))


def test_path_errors_shift_lanes_against_each_other() -> None:
    """0.1 ps in one user's interferometers turn each channel's phase by 2 pi (f - f_ref) d."""
    bent = InterferometerSpec(delay_ps=10_000.0, phase_rad=0.0, path_error_ps=0.3)
    receiver = receiver_spec(z=bent)
    topology = network(ring(34, 46), {26: ("ann",), 42: ("ben",), 54: ("cem",)}, receiver)
    found = count_photons(topology, duration_s=4, seed=12)
    assert_twin(found)
    straight = network(ring(34, 46), {26: ("ann",), 42: ("ben",), 54: ("cem",)}, receiver_spec())
    errors = [
        predict(count.epochs[0].network).lane(("C26", "C54")).z_qber
        for count in (found, count_photons(straight, duration_s=0.05, seed=1))
    ]
    assert errors[0] > errors[1] + 0.01


def test_pump_wander_and_phase_noise_lower_the_contrast() -> None:
    """Both are averaged cosines; clicks agree with the twin, which agrees with the formulas."""
    shaky = InterferometerSpec(delay_ps=10_000.0, phase_rad=0.0, phase_noise_rad=0.2)
    pumps = (PumpSpec(channel="C40", power_mw=1.0, frequency_noise_hz=2e6),)
    topology = network(
        ring(40, contrast=1.0, pumps=pumps),
        {38: ("ann",), 42: ("ben",)},
        receiver_spec(z=shaky),
    )
    found = count_photons(topology, duration_s=4, seed=13)
    assert_twin(found)
    lane = predict(found.epochs[0].network).lane(("C38", "C42"))
    pairs_only = lane.true_hz / lane.sifted_hz
    drift = math.exp(-((2 * math.pi * 4e6 * 1e-8) ** 2) / 2)
    assert 1 - 2 * lane.z_qber == pytest.approx(pairs_only * math.exp(-0.04) * drift, rel=1e-4)
    assert 1 - 2 * lane.x_qber == pytest.approx(pairs_only * drift, rel=1e-4)
