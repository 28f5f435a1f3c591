"""Two-photon interference: peaks, fringes, bases, and a Bell test, all from clicks."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.frames import ClickFrame
from netsim.physics.rates import mismatch_contrast
from netsim.simulation.scoring import DifferenceHistogram
from netsim.topology.network import build_network
from netsim.topology.receiver import InterferometerSpec
from netsim.topology.specs import TopologySpec
from tests.support.bounds import Z_SIGMA, assert_binomial, assert_poisson
from tests.support.fan2025 import CALIBRATED_ETAS, four_user_topology
from tests.support.photons import PhotonRun, run_photons
from tests.support.topologies import NANOWIRE, receiver_spec, two_user_topology
from tests.unit.netsim.physics.helpers import KAPPA_PER_PS

RATE_HZ, ETA = 100_000.0, 0.6
WINDOW_PS = 2000


def umi(
    phase_rad: float, *, delay_ps: float = 10_000.0, contrast: float = 1.0
) -> InterferometerSpec:
    """One interferometer."""
    return InterferometerSpec(delay_ps=delay_ps, phase_rad=phase_rad, contrast=contrast)


def franson(
    *,
    first: tuple[float, float] = (0.0, math.pi / 2),
    second: tuple[float, float] = (0.0, math.pi / 2),
    contrast: float = 0.95,
    phase_rad: float = 0.0,
) -> TopologySpec:
    """Two users with the given phases in Z and X, ideal but for the contrast of the pairs."""
    return two_user_topology(
        rate_hz=RATE_HZ,
        etas=(ETA, ETA),
        contrast=contrast,
        phase_rad=phase_rad,
        receivers=(
            receiver_spec(z=umi(first[0]), x=umi(first[1])),
            receiver_spec(z=umi(second[0]), x=umi(second[1])),
        ),
    )


def coincidences(run: PhotonRun) -> NDArray[np.int64]:
    """(2, 2, 2): clicks within the central window, by basis of either user and equal ports."""
    alice, bob = run.all_clicks("alice"), run.all_clicks("bob")
    low = np.searchsorted(bob >> 2, (alice >> 2) - WINDOW_PS // 2)
    high = np.searchsorted(bob >> 2, (alice >> 2) + WINDOW_PS // 2)
    counts = np.zeros((2, 2, 2), dtype=np.int64)
    hits = np.repeat(np.arange(alice.size), high - low)
    partners = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True) if b > a])
    same = 1 - ((alice[hits] ^ bob[partners]) & 1)
    np.add.at(counts, ((alice[hits] >> 1) & 1, (bob[partners] >> 1) & 1, same), 1)
    return counts


def accidental_share() -> float:
    """Share of accidentals in the central window of one pair of bases."""
    true_hz = RATE_HZ * ETA**2 / 2 * -math.expm1(-KAPPA_PER_PS * WINDOW_PS / 2)
    accidental_hz = (RATE_HZ * ETA) ** 2 * WINDOW_PS * 1e-12
    return accidental_hz / (true_hz + accidental_hz)


def assert_fringe(
    counts: NDArray[np.int64], visibility: float, phases: Sequence[Sequence[float]]
) -> None:
    """Equal ports in each pair of bases: (1 + V cos(sum of phases)) / 2, less accidentals."""
    for one in (0, 1):
        for other in (0, 1):
            fringe = visibility * (1 - accidental_share()) * math.cos(phases[one][other])
            different, same = counts[one, other].tolist()
            assert different + same > 2000
            assert_binomial(same, different + same, (1 + fringe) / 2)


@pytest.mark.parametrize("phase_rad", [0.0, 0.7, math.pi / 2, 2.5, math.pi, -1.2])
def test_fringe(phase_rad: float) -> None:
    """Ports agree with (1 + V0 cos(phi_u + phi_v + phi_0)) / 2 in Z-Z, Z-X, X-Z and X-X."""
    run = run_photons(franson(phase_rad=phase_rad), duration_s=1.0, seed=11)
    quarter = math.pi / 2
    phases = [
        [phase_rad, phase_rad + quarter],
        [phase_rad + quarter, phase_rad + 2 * quarter],
    ]
    assert_fringe(coincidences(run), 0.95, phases)


def test_bases_correlate_anticorrelate_or_do_neither() -> None:
    """By convention Z-Z agrees, X-X disagrees and mixed bases are blind, with perfect contrast."""
    counts = coincidences(run_photons(franson(contrast=1.0), duration_s=1.0, seed=12))
    wrong = accidental_share() / 2
    assert_binomial(int(counts[0, 0, 0]), int(counts[0, 0].sum()), wrong)
    assert_binomial(int(counts[1, 1, 1]), int(counts[1, 1].sum()), wrong)
    for one, other in ((0, 1), (1, 0)):
        assert_binomial(int(counts[one, other, 1]), int(counts[one, other].sum()), 0.5)


def test_contrasts_multiply() -> None:
    """V = V0 c_u c_v times what a delay mismatch d leaves, (1 + kappa d / 2) exp(-kappa d / 2)."""
    mismatch_ps = 2000.0
    topology = two_user_topology(
        rate_hz=RATE_HZ,
        etas=(ETA, ETA),
        contrast=0.9,
        receivers=(
            receiver_spec(z=umi(0.0, contrast=0.8), z_probability=1.0),
            receiver_spec(
                z=umi(0.0, contrast=0.7, delay_ps=10_000 + mismatch_ps), z_probability=1.0
            ),
        ),
    )
    counts = coincidences(run_photons(topology, duration_s=1.0, seed=13))
    visibility = 0.9 * 0.8 * 0.7 * mismatch_contrast(mismatch_ps, KAPPA_PER_PS)
    # Half of the central peak is shifted by the mismatch, which doubles the share of accidentals
    # to 1e-3: 0.05 sigma.
    visibility *= 1 - accidental_share()
    assert_binomial(int(counts[0, 0, 1]), int(counts[0, 0].sum()), (1 + visibility) / 2)
    assert visibility < 0.33


def test_singles_are_flat_under_a_phase() -> None:
    """Each detector of each user clicks at R eta / 4, whatever the phase: no single fringe."""
    for step in range(6):
        phase_rad = step * math.pi / 3
        run = run_photons(
            franson(first=(phase_rad, phase_rad + 1), contrast=1.0), duration_s=0.5, seed=20 + step
        )
        for user in ("alice", "bob"):
            counts = np.bincount(run.all_clicks(user) & 3, minlength=4)
            for count in counts.tolist():
                assert_poisson(count, RATE_HZ * ETA / 4 * 0.5)


def test_ports_of_side_peaks_are_independent() -> None:
    """Pairs on unequal paths, 10 ns apart, agree as often as not, with perfect contrast."""
    run = run_photons(franson(contrast=1.0), duration_s=1.0, seed=14)
    alice, bob = run.all_clicks("alice"), run.all_clicks("bob")
    for late_ps in (-10_000, 10_000):
        shifted = bob - (late_ps << 2)
        at = np.searchsorted(shifted >> 2, (alice >> 2) - 1000)
        at = np.minimum(at, bob.size - 1)
        near = np.abs((shifted[at] >> 2) - (alice >> 2)) < 1000
        z = near & (alice & 2 == 0) & (bob[at] & 2 == 0)
        assert z.sum() > 1200
        assert_binomial(int(((alice ^ bob[at])[z] & 1 == 0).sum()), int(z.sum()), 0.5)


def test_chsh() -> None:
    """Random settings 0, pi/2 against -pi/4, pi/4 give S = 2 sqrt(2) V: above 2 by 60 sigma.

    Hidden bits per photon, one for each basis, can give at most 2.
    """
    visibility = 0.95
    topology = franson(
        first=(0.0, math.pi / 2), second=(-math.pi / 4, math.pi / 4), contrast=visibility
    )
    counts = coincidences(run_photons(topology, duration_s=2.0, seed=15))
    totals = counts.sum(axis=2)
    correlations = (counts[:, :, 1] - counts[:, :, 0]) / totals
    s = correlations[0, 0] + correlations[0, 1] + correlations[1, 0] - correlations[1, 1]
    expected = 2 * math.sqrt(2) * visibility * (1 - accidental_share())
    sigma = math.sqrt(float(((1 - correlations**2) / totals).sum()))
    assert abs(s - expected) < Z_SIGMA * sigma
    assert s > 2 + 20 * sigma


def test_order_of_measurement_does_not_matter() -> None:
    """Whoever measures first, the fringe and the singles are the same."""
    topology = franson(phase_rad=0.4)
    # The user with the shorter fibre measures first; here both have none and order is that of
    # the file, so that exchanging the users exchanges the order.
    swapped = topology.model_copy(update={"users": topology.users[::-1]})
    for spec in (topology, swapped):
        counts = coincidences(run_photons(spec, duration_s=1.0, seed=16))
        phases = [[0.4, 0.4 + math.pi / 2], [0.4 + math.pi / 2, 0.4 + math.pi]]
        assert_fringe(counts, 0.95, phases)


def peak(histogram: DifferenceHistogram, centre_ps: int, half_ps: int) -> int:
    """Counts within ``half_ps`` of ``centre_ps``."""
    left_ps = histogram.edges_ps[:-1]
    inside = (left_ps >= centre_ps - half_ps) & (left_ps < centre_ps + half_ps)
    return int(histogram.counts[inside].sum())


def test_three_peaks_one_two_one() -> None:
    """Arrival differences have peaks 1:2:1 at -10, 0 and 10 ns, and nothing else but floor."""
    duration_s, half_ps = 1.0, 4000
    run = run_photons(franson(), duration_s=duration_s, seed=17)
    histogram = DifferenceHistogram(("alice", "bob"), low_ps=-30_000, bin_ps=100, bins=600)
    for user in ("alice", "bob"):
        for frame in run.clicks[user]:
            histogram.add(user, frame)
    histogram.finish()
    pairs = RATE_HZ * ETA**2 * duration_s * -math.expm1(-KAPPA_PER_PS * half_ps)
    floor = (RATE_HZ * ETA) ** 2 * 2 * half_ps * 1e-12 * duration_s
    for centre_ps, share in ((-10_000, 0.25), (0, 0.5), (10_000, 0.25)):
        # Tails of the neighbours: 1e-3 of a peak at most, 0.1 sigma.
        assert_poisson(peak(histogram, centre_ps, half_ps), share * pairs + floor)
    for centre_ps in (-22_000, 22_000):
        assert_poisson(peak(histogram, centre_ps, half_ps), floor)


@pytest.mark.slow
def test_two_lanes_of_charlie_and_dave_are_two_sets_of_peaks() -> None:
    """Two sets of peaks 1:2:1 lie 40 ns (the patch fibre) apart, each with its own rate."""
    duration_s, half_ps, users = 10.0, 2000, ("charlie", "dave")
    topology = four_user_topology()
    lanes = build_network(topology).lanes_of(users)
    first_ps, last_ps = (round(lane.delay_ps) for lane in lanes)
    histogram = DifferenceHistogram(users, low_ps=first_ps - 20_000, bin_ps=100, bins=800)

    def add(user: str, frame: ClickFrame) -> None:
        if user in users:
            histogram.add(user, frame)

    run = run_photons(topology, duration_s=duration_s, seed=18, on_clicks=add)
    singles = [run.world.singles[user] for user in users]
    floor = singles[0] * singles[1] * 2 * half_ps * 1e-12 / duration_s
    dead = 1 - sum(singles) / duration_s / 4 * NANOWIRE.dead_time_ps * 1e-12
    for lane in lanes:
        etas = CALIBRATED_ETAS[lane.channels[0]] * CALIBRATED_ETAS[lane.channels[1]]
        (part,) = lane.parts
        pairs = part.process.rate_hz * etas * duration_s * -math.expm1(-KAPPA_PER_PS * half_ps)
        centre_ps = round(lane.delay_ps)
        for late_ps, share in ((-10_000, 0.25), (0, 0.5), (10_000, 0.25)):
            expected = share * pairs * dead + floor
            assert_poisson(peak(histogram, centre_ps + late_ps, half_ps), expected)
    # Dispersion adds a little: 53.5 ps per km of Charlie's fibre, 54.8 ps per km of Dave's.
    assert 40_000 < last_ps - first_ps < 40_200
    for low_ps, centre_ps in ((first_ps - 20_000, first_ps), (last_ps - 20_000, last_ps)):
        left_ps = histogram.edges_ps[:-1]
        here = (left_ps >= low_ps) & (left_ps < low_ps + 40_000)
        tallest_ps = left_ps[here][np.argmax(histogram.counts[here])] + 50
        assert abs(int(tallest_ps) - centre_ps) <= 300
