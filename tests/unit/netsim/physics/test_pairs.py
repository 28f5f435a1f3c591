"""Formulas of how bright a source is."""

import math

import numpy as np
import pytest

from netsim.physics.pairs import (
    drift_contrast,
    ring_brightness_hz_per_mw2,
    ring_radius_m,
    spectrum_factor,
    walk_off_factor,
)

# A silicon-nitride ring of 200 GHz and Q = 1.25e6 with 0.8 to 1 /(W m), as in physics of Fan et al.
RING = {
    "group_index": 2.1,
    "radius_m": ring_radius_m(free_spectral_range_hz=200e9, group_index=2.1),
    "linewidth_hz": 193.4e12 / 1.25e6,
    "frequency_hz": 193.4e12,
}


def test_ring_of_200_ghz_is_114_micrometres_wide() -> None:
    """One round trip takes a period of the free spectral range."""
    assert RING["radius_m"] == pytest.approx(113.6e-6, rel=1e-3)


def test_brightness_of_the_paper_s_ring() -> None:
    """Azzini's formula gives 2 to 3.4 MHz/mW^2 for such a ring (5.4 were fitted)."""
    low, high = (ring_brightness_hz_per_mw2(gamma_per_w_m=g, **RING) for g in (0.8, 1.0))
    assert 2.0e6 < low < high < 3.7e6
    assert high / low == pytest.approx(1.0 / 0.64)


def test_brightness_scales_as_q_cubed_and_inverse_radius_squared() -> None:
    """B ~ gamma^2 Q^3 / r^2."""
    reference = ring_brightness_hz_per_mw2(gamma_per_w_m=1.0, **RING)
    narrow = ring_brightness_hz_per_mw2(
        gamma_per_w_m=1.0, **(RING | {"linewidth_hz": RING["linewidth_hz"] / 2})
    )
    wide = ring_brightness_hz_per_mw2(
        gamma_per_w_m=1.0, **(RING | {"radius_m": 2 * RING["radius_m"]})
    )
    assert narrow / reference == pytest.approx(8.0)
    assert wide / reference == pytest.approx(1 / 4)


def test_walk_off_is_the_overlap_of_two_lorentzians() -> None:
    """1 / (1 + (delta / linewidth)^2) is the integral of both resonances along conserved energy."""
    linewidth_hz, missed_hz = 200e6, 150e6
    x = np.linspace(-50e9, 50e9, 2_000_001)
    half = linewidth_hz / 2

    def overlap(delta: float) -> float:
        return float(np.sum(1 / ((x**2 + half**2) * ((delta - x) ** 2 + half**2))))

    factor = walk_off_factor(
        dispersion_hz=4 * missed_hz / (9**2 - 6**2),
        spacing_modes=9,
        pump_spacing_modes=6,
        linewidth_hz=linewidth_hz,
    )
    assert factor == pytest.approx(overlap(missed_hz) / overlap(0.0), rel=1e-4)
    assert factor == pytest.approx(1 / (1 + 0.75**2))


def test_pairs_as_far_apart_as_the_pumps_never_walk_off() -> None:
    """Dispersion is symmetric: a pair on the pumps' own resonances conserves energy."""
    for dispersion_hz in (-1e7, 1e7):
        assert walk_off_factor(
            dispersion_hz=dispersion_hz, spacing_modes=6, pump_spacing_modes=6, linewidth_hz=1e8
        ) == pytest.approx(1.0)


def test_spectrum_has_its_width() -> None:
    """Both photons half a width from the centre: half as bright; flat without a width."""
    assert spectrum_factor(spacing_labels=10, bandwidth_labels=10.0) == pytest.approx(0.5)
    assert spectrum_factor(spacing_labels=10, bandwidth_labels=None) == 1.0


def test_pump_of_1_mhz_costs_0_8_percent() -> None:
    """1 MHz rms over 10 ns: a degenerate process (2 sigma) loses 0.8 % of its visibility."""
    one = drift_contrast(frequency_noise_hz=2e6, delay_ps=10_000.0)
    two = drift_contrast(frequency_noise_hz=math.sqrt(2) * 1e6, delay_ps=10_000.0)
    assert 1 - one == pytest.approx(0.0079, abs=1e-4)
    assert 1 - two == pytest.approx(0.0039, abs=1e-4)
