"""The formulas of the twin against integrals, limits and fixed points."""

import math

import numpy as np
import pytest

from netsim.physics.rates import (
    ERFC_DIRECT_LIMIT,
    accidentals_hz,
    arrival_rate_hz,
    dead_time_survival,
    kappa_per_ps,
    mismatch_contrast,
    mismatch_visibility,
    silence,
    window_share,
)

LINEWIDTH_HZ = 200e6


def test_window_of_2_ns_holds_the_known_share() -> None:
    """1 - exp(-kappa W / 2) = 0.715 for 200 MHz and 2 ns; 1/kappa = 0.796 ns."""
    share = window_share(window_ps=2000, offset_ps=0, linewidth_hz=LINEWIDTH_HZ, spread_ps=0)
    assert share == pytest.approx(1 - math.exp(-0.4 * math.pi), rel=1e-12)
    assert share == pytest.approx(0.715, abs=5e-4)
    assert 1 / kappa_per_ps(LINEWIDTH_HZ) == pytest.approx(796, abs=0.5)


@pytest.mark.parametrize("spread_ps", [10.0, 42.0, 500.0, 5_000.0, 100_000.0])
@pytest.mark.parametrize("offset_ps", [0.0, 700.0, -3_000.0, 10_000.0])
def test_window_share_is_the_convolution(spread_ps: float, offset_ps: float) -> None:
    """Against a numerical convolution of the exponential with the Gaussian."""
    kappa = kappa_per_ps(LINEWIDTH_HZ)
    delays_ps = np.linspace(-30_000, 30_000, 600_001)
    density = kappa / 2 * np.exp(-kappa * np.abs(delays_ps))
    edges = [
        np.array([math.erf(x) for x in (edge - offset_ps - delays_ps[::20]) / spread_ps / 2**0.5])
        for edge in (-1000.0, 1000.0)
    ]
    inside = np.interp(delays_ps, delays_ps[::20], (edges[1] - edges[0]) / 2)
    expected = float(np.trapezoid(density * inside, delays_ps))
    share = window_share(
        window_ps=2000, offset_ps=offset_ps, linewidth_hz=LINEWIDTH_HZ, spread_ps=spread_ps
    )
    assert share == pytest.approx(expected, rel=2e-4, abs=1e-12)


@pytest.mark.parametrize("spread_ps", [0.0, 1.0, 42.0, 1e6])
def test_shares_of_neighbouring_windows_add_up_to_one(spread_ps: float) -> None:
    """Windows that tile the axis hold every pair once, whatever the jitter."""
    shares = [
        window_share(
            window_ps=2e5, offset_ps=2e5 * k, linewidth_hz=LINEWIDTH_HZ, spread_ps=spread_ps
        )
        for k in range(-60, 61)
    ]
    assert math.fsum(shares) == pytest.approx(1.0, rel=1e-9)


def test_mismatch_contrast_is_the_overlap_of_shifted_amplitudes() -> None:
    """Against the integral of exp(-kappa |t| / 2) exp(-kappa |t - d| / 2)."""
    kappa = kappa_per_ps(LINEWIDTH_HZ)
    times_ps = np.linspace(-40_000, 40_000, 800_001)
    for mismatch_ps in (0.0, 100.0, -1000.0, 4000.0):
        product = np.exp(-kappa / 2 * (np.abs(times_ps) + np.abs(times_ps - mismatch_ps)))
        overlap = float(np.trapezoid(product, times_ps)) * kappa / 2
        contrast = mismatch_contrast(mismatch_ps, kappa_per_ps(LINEWIDTH_HZ))
        assert contrast == pytest.approx(overlap, rel=1e-6)


def test_dead_time_of_50_ns_at_1_mhz_keeps_95_percent() -> None:
    """1 / (1 + r tau) = 1 / 1.05, and no dead time keeps all."""
    assert dead_time_survival(1e6, dead_time_ps=50_000) == pytest.approx(1 / 1.05, rel=1e-12)
    assert dead_time_survival(1e6, dead_time_ps=0) == 1.0
    assert arrival_rate_hz(1e6, dead_time_ps=50_000) == pytest.approx(1e6)  # no afterpulses


@pytest.mark.parametrize("candidates_hz", [0.0, 1.0, 5e4, 1e7, 1e9])
@pytest.mark.parametrize("dead_time_ps", [0, 1, 25_000, 1_000_000])
@pytest.mark.parametrize("probability", [0.0, 0.05, 0.5])
def test_arrivals_are_the_fixed_point_of_afterpulsing(
    candidates_hz: float, dead_time_ps: int, probability: float
) -> None:
    """Arrivals = candidates + q times registered clicks, q = p exp(-tau / decay)."""
    arrivals_hz = arrival_rate_hz(
        candidates_hz,
        dead_time_ps=dead_time_ps,
        afterpulse_probability=probability,
        afterpulse_decay_ps=1e6,
    )
    clicks_hz = arrivals_hz * dead_time_survival(arrivals_hz, dead_time_ps=dead_time_ps)
    share = probability * math.exp(-dead_time_ps / 1e6)
    assert arrivals_hz == pytest.approx(candidates_hz + share * clicks_hz, rel=1e-9)
    assert arrivals_hz >= candidates_hz


def test_accidentals_of_two_users_are_the_product_of_their_rates() -> None:
    """S_u S_v W for every pair of detectors: 2 x 3 detectors, 2 ns."""
    rates = accidentals_hz(np.array([1e5, 0.0]), np.array([1e5, 2e5, 0.0]), window_ps=2000)
    assert rates == pytest.approx(np.array([[20.0, 40.0, 0.0], [0.0, 0.0, 0.0]]))


def test_visibilities_of_single_pairs_add_up_to_the_contrast() -> None:
    """Weighted by where pairs are seen, behind short or long paths; each at most 1."""
    kappa = kappa_per_ps(LINEWIDTH_HZ)
    times_ps = np.linspace(-40_000, 44_000, 84_001)
    for mismatch_ps in (100.0, -1000.0, 4000.0):
        near, far = (kappa / 2 * np.exp(-kappa * np.abs(times_ps - d)) for d in (0.0, mismatch_ps))
        each = np.array([mismatch_visibility(float(t), mismatch_ps, kappa) for t in times_ps])
        assert each.max() <= 1.0
        mean = float(np.trapezoid((near + far) / 2 * each, times_ps))
        assert mean == pytest.approx(mismatch_contrast(mismatch_ps, kappa), rel=1e-5)


@pytest.mark.parametrize(("arrivals_hz", "silent_ps"), [(1e6, 50_000), (4e6, 300_000), (0.0, 1e6)])
def test_silence_of_a_renewal_process(arrivals_hz: float, silent_ps: float) -> None:
    """Drawn: gaps of a dead time and an exponential; the share of the time with no click before."""
    dead_time_ps = 50_000.0
    found = silence(arrivals_hz, dead_time_ps=dead_time_ps, silent_ps=silent_ps)
    if not arrivals_hz:
        assert found == 1.0
        return
    rng = np.random.default_rng(2)
    gaps_ps = dead_time_ps + rng.exponential(1e12 / arrivals_hz, 400_000)
    share = np.maximum(gaps_ps - silent_ps, 0.0).sum() / gaps_ps.sum()
    assert found == pytest.approx(share, rel=5 * 1.5 / math.sqrt(share * gaps_ps.size))


def test_shares_of_broad_jitter_pass_over_smoothly() -> None:
    """Where the series of the tail begins, jitter of 28 lifetimes, both sides agree to 1e-9."""
    kappa = kappa_per_ps(LINEWIDTH_HZ)
    border_ps = ERFC_DIRECT_LIMIT * math.sqrt(2.0) / kappa
    below, above = (
        window_share(window_ps=20, offset_ps=0, linewidth_hz=LINEWIDTH_HZ, spread_ps=spread_ps)
        for spread_ps in (border_ps * (1 - 1e-9), border_ps * (1 + 1e-3))
    )
    # Broad: the share goes as 1 / spread, but for the second moment 2 / (kappa spread)^2 of pairs.
    ratio = (1 - 1e-9) / (1 + 1e-3)
    assert above / below == pytest.approx(ratio * (1 + 2e-3 / 800.0), rel=1e-7)
