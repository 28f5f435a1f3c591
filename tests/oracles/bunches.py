"""Light of two channels that share partners, by the first-order coherence of their fields.

The field of a channel is that of one photon of its pairs: its spectrum is that of the pair's wave
function, 1 / (w^2 + kappa^2 / 4)^2. Coincidences of such light exceed those of independent light by
|<c^+(t) d(t + tau)>|^2, and behind two interferometers each of the two fields is a sum over paths.
"""

import cmath
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
POINTS = 2**20


def coherence(linewidth_hz: float) -> tuple[Array, Array]:
    """Times in ps and g(t) with g(0) = 1, by one Fourier transform of the spectrum."""
    kappa = 2.0 * math.pi * linewidth_hz * 1e-12
    span = 400.0 * kappa
    w = (np.arange(POINTS) - POINTS // 2) * (span / POINTS)
    spectrum = (w**2 + kappa**2 / 4.0) ** -2
    g = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(spectrum))).real
    times = np.fft.fftshift(np.fft.fftfreq(POINTS)) * 2.0 * math.pi * POINTS / span
    return times, g / g.max()


def mean_g2(linewidth_hz: float, low_ps: float, high_ps: float, excess: float) -> float:
    """1 + ``excess`` g(t)^2, averaged over a bin of delays."""
    times, g = coherence(linewidth_hz)
    grid = np.linspace(low_ps, high_ps, 4001)
    squares = np.interp(grid, times, g) ** 2
    return 1.0 + excess * float(np.trapezoid(squares, grid)) / (high_ps - low_ps)


def excess_coincidences(
    *,
    linewidth_hz: float,
    window_ps: float,
    delays_ps: tuple[float, float],
    phases_rad: tuple[float, float],
    signs: tuple[int, int],
    offset_ps: float = 0.0,
) -> float:
    """Integral over the window of |sum over paths|^2, in ps, for |N| = 1.

    Each interferometer puts its field, halved, on the short path and, delayed and turned by its
    phase, with the sign of the port on the long one. Light of different lengths of paths adds as
    intensity beyond the coherence time by itself, for g is then zero.
    """
    times, g = coherence(linewidth_hz)
    tau = np.linspace(-window_ps / 2.0, window_ps / 2.0, 8001)
    field = np.zeros(tau.size, dtype=np.complex128)
    for own in (0, 1):
        for its in (0, 1):
            turn = cmath.exp(1j * (its * phases_rad[1] - own * phases_rad[0]))
            sign = (signs[0] if own else 1) * (signs[1] if its else 1)
            shifted = tau - offset_ps - its * delays_ps[1] + own * delays_ps[0]
            field += 0.25 * sign * turn * np.interp(shifted, times, g, left=0.0, right=0.0)
    return float(np.trapezoid(np.abs(field) ** 2, tau))
