"""Beam splitter, detectors: efficiency, jitter, dark counts, dead time, afterpulses."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.physics.detector import (
    DetectorSettings,
    DetectorState,
    detect_photons,
    register_clicks,
    sample_dark_counts,
)
from netsim.physics.emission import sample_poisson_times
from netsim.topology.receiver import DetectorSpec
from tests.support.bounds import Z_SIGMA, assert_binomial, assert_mean, assert_poisson
from tests.support.photons import run_photons
from tests.support.topologies import receiver_spec, two_user_topology
from tests.unit.netsim.physics.helpers import (
    analyser,
    detectors,
    generator,
    measured,
    pack,
    photon_frame,
)

SECOND_PS = 10**12


def registered(
    candidates: NDArray[np.int64], settings: DetectorSettings, seed: int
) -> NDArray[np.int64]:
    """Clicks of one second."""
    clicks, _ = register_clicks(
        generator(seed), candidates, DetectorState(), settings, stop_ps=SECOND_PS
    )
    return clicks


@pytest.mark.parametrize("z_probability", [0.5, 0.3])
def test_beam_splitter_ports_and_paths(z_probability: float) -> None:
    """Z gets its share, either port and either path half of it, independently."""
    size = 200_000
    frame = photon_frame(np.zeros(size, dtype=np.int64))
    arrivals = measured(generator(1), frame, analyser(z_probability=z_probability))
    for basis, share in ((0, z_probability), (1, 1 - z_probability)):
        for port in (0, 1):
            here = arrivals & 3 == 2 * basis + port
            for late_ps in (0, 10_000):
                assert_binomial(int((here & (arrivals >> 2 == late_ps)).sum()), size, share / 4)


def test_efficiencies_of_the_four_detectors() -> None:
    """Each detector clicks at its own efficiency, whatever the best of the four is."""
    efficiencies = (0.9, 0.45, 0.6, 0.2)
    receiver = receiver_spec(
        *(
            DetectorSpec(efficiency=e, dark_rate_hz=0.0, jitter_fwhm_ps=0.0, dead_time_ps=0)
            for e in efficiencies
        )
    )
    run = run_photons(
        two_user_topology(rate_hz=400_000.0, receivers=(receiver, receiver)), duration_s=1.0
    )
    counts = np.bincount(run.all_clicks("alice") & 3, minlength=4).tolist()
    for count, efficiency in zip(counts, efficiencies, strict=True):
        assert_poisson(count, 400_000 * 0.5 / 4 * efficiency)


def test_jitter_is_gaussian() -> None:
    """Mean, standard deviation and the share within one sigma are those of a Gaussian."""
    size, sigma_ps = 200_000, 30.0
    arrivals = pack(np.full(size, 10**9, dtype=np.int64), 2)
    moved = detect_photons(generator(2), arrivals, detectors(jitter_sigma_ps=(0, 0, sigma_ps, 0)))
    late_ps = ((moved >> 2) - 10**9).astype(np.float64)
    assert_mean(late_ps, 0.0, sigma_ps)
    # Rounding to whole picoseconds adds a variance of 1/12.
    expected_ps2 = sigma_ps**2 + 1 / 12
    assert abs(late_ps.var() - expected_ps2) < Z_SIGMA * expected_ps2 * math.sqrt(2 / size)
    share = math.erf(30.5 / sigma_ps / math.sqrt(2))
    assert_binomial(int((np.abs(late_ps) <= 30).sum()), size, share)


def test_jitter_of_a_receiver_is_that_of_its_fwhm() -> None:
    """Coincidences spread by both users' jitter: 2.355 sigma is the FWHM of the data sheet."""
    receiver = receiver_spec(
        DetectorSpec(efficiency=1.0, dark_rate_hz=0.0, jitter_fwhm_ps=400.0, dead_time_ps=0)
    )
    # A very broad line: pairs are simultaneous, all spread is jitter.
    topology = two_user_topology(
        rate_hz=50_000.0, etas=(1.0, 1.0), receivers=(receiver, receiver), linewidth_hz=1e12
    )
    run = run_photons(topology, duration_s=1.0)
    alice, bob = (run.all_clicks(user) >> 2 for user in ("alice", "bob"))
    at = np.minimum(np.searchsorted(bob, alice - 1500), bob.size - 1)
    late_ps = (bob[at] - alice)[np.abs(bob[at] - alice) < 1500].astype(np.float64)
    sigma2_ps2 = 2 * (400.0 / 2.354_820_045) ** 2 + 1 / 6
    # Accidentals: 50 kHz in 3 ns, 1.5e-4 of the pairs, with a variance 13 times as large.
    assert late_ps.size > 20_000
    tolerance_ps2 = Z_SIGMA * sigma2_ps2 * math.sqrt(2 / late_ps.size) + 4e-3 * sigma2_ps2
    assert abs(late_ps.var() - sigma2_ps2) < tolerance_ps2


def test_dark_counts() -> None:
    """Each detector has its own Poisson rate of dark counts."""
    rates_hz = (10_000.0, 40_000.0, 0.0, 25_000.0)
    darks = sample_dark_counts(generator(3), np.array(rates_hz), SECOND_PS, 3 * SECOND_PS)
    assert darks[0] >> 2 >= SECOND_PS
    assert darks[-1] >> 2 < 3 * SECOND_PS
    for which, rate_hz in enumerate(rates_hz):
        times_ps = darks[darks & 3 == which] >> 2
        assert_poisson(times_ps.size, 2 * rate_hz)
        assert_poisson(int((times_ps < 2 * SECOND_PS).sum()), rate_hz)


@pytest.mark.parametrize(("rate_hz", "dead_time_ps"), [(1e6, 50_000), (3e6, 400_000), (1e5, 0)])
def test_dead_time_survival(rate_hz: float, dead_time_ps: int) -> None:
    """A Poisson input r leaves r / (1 + r tau): renewal theory, variance N / (1 + r tau)^2."""
    candidates = pack(sample_poisson_times(generator(4), rate_hz, 0, SECOND_PS), 1)
    clicks = registered(candidates, detectors(dead_time_ps=(0, dead_time_ps, 0, 0)), 5)
    load = 1 + rate_hz * dead_time_ps * 1e-12
    expected = rate_hz / load
    assert abs(clicks.size - expected) < Z_SIGMA * math.sqrt(expected) / load + 1


def test_dead_time_spares_other_detectors() -> None:
    """A click blinds its own detector only: two streams are thinned as if alone."""
    rng = generator(6)
    streams = [pack(sample_poisson_times(rng, 1e6, 0, SECOND_PS), which) for which in (0, 3)]
    settings = detectors(dead_time_ps=(300_000,) * 4)
    together = registered(np.sort(np.concatenate(streams)), settings, 7)
    for which, stream in zip((0, 3), streams, strict=True):
        alone = registered(stream, settings, 7)
        assert np.array_equal(together[together & 3 == which], alone)


@pytest.mark.parametrize("probability", [0.02, 0.4])
def test_afterpulse_probability(probability: float) -> None:
    """Isolated clicks become clusters of mean 1 / (1 - q), q = p exp(-dead time / decay)."""
    dead_time_ps, decay_ps = 50_000, 100_000.0
    seeds = 100_000
    candidates = pack(np.arange(seeds, dtype=np.int64) * 10_000_000, 2)
    settings = detectors(
        dead_time_ps=(0, 0, dead_time_ps, 0),
        afterpulse_probability=(0, 0, probability, 0),
        afterpulse_decay_ps=(1, 1, decay_ps, 1),
    )
    clicks = registered(candidates, settings, 8)
    q = probability * math.exp(-dead_time_ps / decay_ps)
    # A cluster is geometric: variance q / (1 - q)^2.
    sigma = math.sqrt(seeds * q) / (1 - q)
    assert abs(clicks.size - seeds / (1 - q)) < Z_SIGMA * sigma + 1
    gaps_ps = np.diff(clicks >> 2)
    late_ps = gaps_ps[gaps_ps < 5_000_000].astype(np.float64)
    assert late_ps.min() >= dead_time_ps
    # Beyond the dead time the exponential starts anew. Gaps to the next seed are far longer.
    from_cause = late_ps[np.isin((clicks >> 2)[:-1][gaps_ps < 5_000_000] % 10_000_000, [0])]
    assert_mean(from_cause - dead_time_ps, decay_ps, decay_ps)
