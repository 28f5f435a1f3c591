"""The oracles against figures that others gave: printed, published, or closed forms."""

import math

import pytest

from tests.oracles import biphoton, fock, resend, tails, times
from tests.oracles.lane import Station, run_lane

JITTER_PS = 70.0 / times.FWHM_PER_SIGMA * math.sqrt(2.0)
"""Of the difference of two detectors of 70 ps full width at half maximum."""


@pytest.mark.parametrize(
    ("lengths_km", "window_ps", "lorentzian", "flat_top"),
    [
        ((50, 50), 500, 0.427, 0.368),
        ((50, 50), 2000, 0.915, 0.998),
        ((50, 0), 500, 0.699, 0.741),
        ((50, -50), 500, 1.000, 0.996),
        ((12.6, 0), 130, 0.615, 0.661),
    ],
)
def test_dispersed_pairs_in_a_window(
    lengths_km: tuple[float, float], window_ps: float, lorentzian: float, flat_top: float
) -> None:
    """A referee's integrals for 100 GHz, 17 ps/nm/km at 1550 nm and detectors of 70 ps.

    A fibre of the opposite dispersion is written as a negative length.
    """
    beta_ps2 = biphoton.dispersion_ps2(ps_per_nm_km=17, length_km=sum(lengths_km))
    for shape, share in (("lorentzian", lorentzian), ("flat-top", flat_top)):
        found = biphoton.window_share(
            shape, linewidth_hz=100e9, window_ps=window_ps, beta_ps2=beta_ps2, jitter_ps=JITTER_PS
        )
        assert found == pytest.approx(share, abs=1e-3)


def test_pairs_of_a_ring_in_a_window() -> None:
    """Without dispersion and jitter: 1 - exp(-kappa W / 2), 0.715 for 200 MHz and 2 ns."""
    found = biphoton.window_share("lorentzian", linewidth_hz=200e6, window_ps=2000)
    assert found == pytest.approx(1.0 - math.exp(-math.pi * 200e6 * 2e-9), abs=1e-3)


def test_mismatched_interferometers() -> None:
    """A wide window leaves (1 + kappa d / 2) exp(-kappa d / 2); a narrow one more of the fringe."""
    kappa = 2.0 * math.pi * 200e6 * 1e-12
    closed = (1.0 + kappa * 500.0 / 2.0) * math.exp(-kappa * 500.0 / 2.0)
    wide = biphoton.mismatched_fringe(linewidth_hz=200e6, window_ps=40_000, mismatch_ps=500)
    narrow = biphoton.mismatched_fringe(linewidth_hz=200e6, window_ps=2000, mismatch_ps=500)
    assert wide == pytest.approx(closed, abs=1e-4)
    assert narrow > closed + 5e-4


def test_channels_that_share_partners_are_correlated() -> None:
    """A chain of amplitudes 2, 1, 1, 2: g2 = 1 + 16/25; one channel alone: 2, whatever feeds it."""
    chain = {(0, 2): 2.0, (0, 3): 1.0, (1, 2): 1.0, (1, 3): 2.0}
    assert fock.correlation(chain, 4, 2, 3) == pytest.approx(1.0 + 16.0 / 25.0)
    assert fock.correlation(chain, 4, 2, 2) == pytest.approx(2.0)
    apart = {(0, 2): 2.0, (1, 3): 2.0}
    assert fock.correlation(apart, 4, 2, 3) == pytest.approx(1.0)


@pytest.mark.parametrize(("difference_ps", "bits"), [(10, 0.020), (20, 0.077), (50, 0.38)])
def test_times_tell_detectors_apart(difference_ps: float, bits: float) -> None:
    """Lamas-Linares and Kurtsiefer 2007, for detectors of 70 ps."""
    found = times.leak_bits(difference_ps, jitter_fwhm_ps=70.0)
    assert found == pytest.approx(bits, rel=0.03)


def test_a_tail_by_hand() -> None:
    """Of five balls, two of them marked, two are drawn: no marked one in 3 of 10 draws."""
    assert float(tails.hypergeometric_at_most(5, 2, 2, 0)) == pytest.approx(0.3)
    assert float(tails.hypergeometric_at_most(5, 2, 2, 1)) == pytest.approx(0.9)


def test_a_lane_without_loss_gives_half_of_its_pairs() -> None:
    """Franson: half of the pairs are central, half of those sifted, and none of them wrong."""
    perfect = Station(survival=1.0)
    tally = run_lane(
        1,
        duration_s=0.4,
        pairs_hz=50_000,
        contrast=1.0,
        linewidth_hz=5e9,
        window_ps=2000,
        stations=(perfect, perfect),
    )
    assert tally.singles[0] == pytest.approx(20_000, abs=4 * math.sqrt(20_000))
    assert tally.coincidences == pytest.approx(10_000, abs=5 * math.sqrt(10_000))
    assert tally.sifted == pytest.approx(5_000, abs=5 * math.sqrt(5_000))
    accidental = 25_000**2 * 2e-9 * 0.4 * 4 * 0.5
    assert tally.errors <= accidental + 5 * math.sqrt(accidental) + 1


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_caught_and_resent_photons(share: float) -> None:
    """A referee's figures: QBER p / 4 with polarisations; p / (4 - p) with interferometers.

    There the central peak falls to 1 - p / 4, and at p = 1 the peaks are 1:4:6:4:1.
    """
    phases_rad = (0.0, math.pi / 2)
    polarised = resend.figures(share, [resend.polariser(phase) for phase in phases_rad])
    slotted = resend.figures(share, [resend.interferometer(phase) for phase in phases_rad])
    assert polarised.qber == pytest.approx(share / 4, abs=1e-12)
    assert polarised.sifted == pytest.approx(1 / 2)
    assert slotted.qber == pytest.approx(share / (4 - share), abs=1e-12)
    assert slotted.sifted == pytest.approx((1 - share / 4) / 4)
    peaks = [
        share * a + (1 - share) * b for a, b in zip((1, 4, 6, 4, 1), (0, 4, 8, 4, 0), strict=True)
    ]
    assert slotted.peaks == pytest.approx([peak / 16 for peak in peaks])
