"""Stray light and detuned pumps, against numbers worked out in other ways."""

import math

import numpy as np
import pytest

from netsim.physics.detuning import averaged, enhancement_share
from netsim.physics.straylight import leakage_hz, raman_hz, raman_span_km


def test_a_pump_through_100_db() -> None:
    """0.4 mW at 1550 nm are 3.1e15 photons a second."""
    assert leakage_hz(0.4, 1550.0, 100.0) == pytest.approx(3.12e5, rel=2e-3)


@pytest.mark.parametrize("is_backward", [False, True])
def test_raman_slice_by_slice(is_backward: bool) -> None:
    """Each slice scatters what light is there; what it scatters is lost to the quantum end."""
    length_km, attenuation_db_per_km = 25.0, 0.2
    slices = 100_000
    places = (np.arange(slices) + 0.5) * length_km / slices
    lit = length_km - places if is_backward else places
    through = 10.0 ** (-attenuation_db_per_km * (lit + (length_km - places)) / 10.0)
    expected = float(through.sum()) * length_km / slices
    found = raman_span_km(length_km, attenuation_db_per_km, is_backward=is_backward)
    assert found == pytest.approx(expected, rel=1e-6)
    assert raman_span_km(length_km, 0.0, is_backward=is_backward) == pytest.approx(length_km)


def test_raman_of_a_milliwatt() -> None:
    """2e-9 of 1 mW a km and nm, over 10 km and 0.8 nm: 16 pW, 1.25e8 photons a second."""
    found = raman_hz(1.0, 10.0, coefficient_per_km_nm=2e-9, bandwidth_nm=0.8, wavelength_nm=1550.0)
    assert found == pytest.approx(16e-12 / 1.2816e-19, rel=1e-4)


def test_detuned_by_2_5_mhz() -> None:
    """Of a line of 200 MHz 0.99938 is left; at half a width off, half."""
    assert enhancement_share(2.5e6, 200e6) == pytest.approx(0.99938, abs=5e-6)
    assert enhancement_share(-100e6, 200e6) == pytest.approx(0.5)


def test_mean_over_a_wander() -> None:
    """A Voigt profile, which at its centre is sqrt(pi) z exp(z^2) erfc(z)."""
    linewidth_hz, rms_hz = 200e6, 60e6
    z = linewidth_hz / (2.0 * math.sqrt(2.0) * rms_hz)
    expected = math.sqrt(math.pi) * z * math.exp(z * z) * math.erfc(z)
    found = averaged(
        lambda detuning_hz: enhancement_share(detuning_hz, linewidth_hz),
        mean_hz=0.0,
        rms_hz=rms_hz,
    )
    assert found == pytest.approx(expected, rel=1e-9)
