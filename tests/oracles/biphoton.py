"""The wave function of a photon pair in time, by numerical integration over frequency.

psi(t) = integral of phi(w) exp(i beta w^2 / 2) exp(-i w t) dw: with a continuous pump the two
photons lie at +-w around the degenerate frequency, and the second-order dispersions of both arms
add with their signs, beta = b_1 L_1 + b_2 L_2 (J. D. Franson, Phys. Rev. A 45, 3126 (1992)).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, fresnel

SPEED_OF_LIGHT_M_PER_S = 299_792_458.0
Array = NDArray[np.floating[Any]]
POINTS = 2**20
SQRT_2 = math.sqrt(2.0)


def dispersion_ps2(
    *, ps_per_nm_km: float, length_km: float, wavelength_nm: float = 1550.0
) -> float:
    """Group delay dispersion -D L lambda^2 / (2 pi c) of a fibre, in ps^2."""
    per_m2 = ps_per_nm_km * 1e-6 * length_km * 1e3  # s/m^2 times m
    return -per_m2 * (wavelength_nm * 1e-9) ** 2 / (2 * math.pi * SPEED_OF_LIGHT_M_PER_S) * 1e24


def lorentzian(w: Array, kappa: float) -> Array:
    """Both photons leave one cavity each of full linewidth kappa: 1 / (w^2 + kappa^2 / 4)."""
    return 1.0 / (w**2 + kappa**2 / 4.0)


def flat_top(w: Array, kappa: float) -> Array:
    """All of a band of full width kappa, nothing outside."""
    return (np.abs(w) <= kappa / 2.0).astype(np.float64)


def gaussian(w: Array, kappa: float) -> Array:
    """Intensity of full width kappa at half maximum."""
    shape: Array = np.exp(-2.0 * math.log(2.0) * (w / kappa) ** 2)
    return shape


def density(shape: Array, w: Array, *, beta_ps2: float) -> tuple[Array, Array]:
    """Times in ps and the normalised |psi|^2 per ps, by one Fourier transform."""
    amplitude = np.fft.fftshift(
        np.fft.fft(np.fft.ifftshift(shape * np.exp(0.5j * beta_ps2 * w**2)))
    )
    step = float(w[1] - w[0])
    times = np.fft.fftshift(np.fft.fftfreq(w.size)) * 2.0 * math.pi / step
    power = np.abs(amplitude) ** 2
    return times, power / (power.sum() * (times[1] - times[0]))


def window_share(
    filter_shape: str,
    *,
    linewidth_hz: float,
    window_ps: float,
    beta_ps2: float = 0.0,
    jitter_ps: float = 0.0,
) -> float:
    """Share of the pairs whose two clicks differ by less than half a window.

    ``jitter_ps`` is the standard deviation of the difference by both detectors.
    """
    kappa = 2.0 * math.pi * linewidth_hz * 1e-12
    shapes = {"lorentzian": lorentzian, "flat-top": flat_top, "gaussian": gaussian}
    span = 200.0 * kappa
    w = (np.arange(POINTS) - POINTS // 2) * (span / POINTS)
    times, per_ps = density(shapes[filter_shape](w, kappa), w, beta_ps2=beta_ps2)
    step = times[1] - times[0]
    if not jitter_ps:
        cumulated = np.cumsum(per_ps) * step
        low, high = np.interp([-window_ps / 2.0, window_ps / 2.0], times + step / 2.0, cumulated)
        return float(high - low)
    before, behind = (-window_ps / 2.0 - times, window_ps / 2.0 - times)
    inside = 0.5 * (erf(behind / (jitter_ps * SQRT_2)) - erf(before / (jitter_ps * SQRT_2)))
    return float((per_ps * inside).sum() * step)


def flat_top_share(
    *, linewidth_hz: float, window_ps: float, beta_ps2: float, jitter_ps: float
) -> float:
    """The same of a flat top behind dispersion in closed form: psi(t) by Fresnel integrals.

    With w = t / beta + x sqrt(pi / beta) the phase beta w^2 / 2 - w t is pi x^2 / 2 and a constant.
    """
    beta_ps2 = abs(beta_ps2)
    edge = math.pi * linewidth_hz * 1e-12
    step_ps = 0.1
    t = np.arange(-20.0 * beta_ps2 * edge, 20.0 * beta_ps2 * edge, step_ps)
    scale = math.sqrt(beta_ps2 / math.pi)
    sine, cosine = (
        upper - lower
        for upper, lower in zip(
            fresnel((edge - t / beta_ps2) * scale),
            fresnel((-edge - t / beta_ps2) * scale),
            strict=True,
        )
    )
    # By Parseval's theorem the integral of |psi|^2 is 2 pi times the width of the band.
    per_ps = (sine**2 + cosine**2) * (math.pi / beta_ps2) / (4.0 * math.pi * edge)
    before, behind = (-window_ps / 2.0 - t, window_ps / 2.0 - t)
    inside = 0.5 * (erf(behind / (jitter_ps * SQRT_2)) - erf(before / (jitter_ps * SQRT_2)))
    return float((per_ps * inside).sum() * step_ps)


def mismatched_fringe(
    *, linewidth_hz: float, window_ps: float, mismatch_ps: float, steps: int = 40_001
) -> float:
    """Visibility in a window of pairs on equal paths of two interferometers that differ by d.

    Both short: psi(t); both long: psi(t - d). Interference is the overlap of the two, the counts
    the mean of both shares: 2 int psi(t) psi(t - d) dt / int (psi(t)^2 + psi(t - d)^2) dt.
    """
    kappa = 2.0 * math.pi * linewidth_hz * 1e-12
    t = np.linspace(-window_ps / 2.0, window_ps / 2.0, steps)
    short = np.exp(-kappa * np.abs(t) / 2.0)
    long = np.exp(-kappa * np.abs(t - mismatch_ps) / 2.0)
    return float(2.0 * np.trapezoid(short * long, t) / np.trapezoid(short**2 + long**2, t))
