"""Rates of clicks and coincidences, worked out: the formulas of the analytic twin.

Pure functions of device inputs; which photons go where is `netsim.twin.prediction`'s business.

References
----------
.. [1] J. D. Franson, Phys. Rev. Lett. 62, 2205 (1989): of all pairs, the half with equal paths
   falls into the central peak and interferes.
.. [2] G. F. Knoll, Radiation Detection and Measurement, 4th ed., section 4.VII: a detector with the
   non-paralysable dead time tau registers r / (1 + r tau) of r.
.. [3] S. P. Neumann et al., Phys. Rev. A 104, 022406 (2021): accidentals of two independent
   streams are S_u S_v W.
.. [4] Z. Y. Ou and Y. J. Lu, Phys. Rev. Lett. 83, 2556 (1999): a cavity of linewidth kappa / 2 pi
   gives the two photons of a pair a delay with density (kappa / 2) exp(-kappa |t|).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]

ERFC_DIRECT_LIMIT = 20.0
"""exp(z^2) and erfc(z) are both normal doubles up to here (erfc(20) = 5e-176)."""


def kappa_per_ps(linewidth_hz: float) -> float:
    """Decay rate of the ring, 2 pi times its full linewidth [4]_, per picosecond."""
    return 2.0 * math.pi * linewidth_hz * 1e-12


def mismatch_contrast(mismatch_ps: float, kappa_per_ps: float) -> float:
    """Contrast left by two interferometers whose delays differ by ``mismatch_ps``.

    Overlap of the two-photon amplitudes sqrt(kappa / 2) exp(-kappa |t| / 2) shifted by d:
    (1 + kappa |d| / 2) exp(-kappa |d| / 2).
    """
    half = 0.5 * kappa_per_ps * abs(mismatch_ps)
    return (1.0 + half) * math.exp(-half)


def mismatch_visibility(apart_ps: float, mismatch_ps: float, kappa_per_ps: float) -> float:
    """Contrast of one pair, found ``apart_ps`` apart behind delays that differ by ``mismatch_ps``.

    Both photons on the short paths have the amplitude psi(t) = sqrt(kappa / 2) exp(-kappa |t| / 2),
    both on the long ones psi(t - d): 2 psi(t) psi(t - d) / (psi(t)^2 + psi(t - d)^2) of the pairs
    seen at t interfere, which is 1 / cosh(kappa (|t| - |t - d|) / 2).

    Parameters
    ----------
    apart_ps : float
        Arrival of one photon less that of the other, paths included.
    mismatch_ps : float
        Delay of the first one's interferometer less that of the other's.
    kappa_per_ps : float
    """
    further_ps = abs(apart_ps) - abs(apart_ps - mismatch_ps)
    return 1.0 / math.cosh(0.5 * kappa_per_ps * further_ps)


@lru_cache(maxsize=4096)
def window_share(
    *, window_ps: float, offset_ps: float, linewidth_hz: float, spread_ps: float
) -> float:
    """Share of the pairs of one peak that a coincidence window holds.

    Parameters
    ----------
    window_ps : float
        Full width of the window, > 0.
    offset_ps : float
        Centre of the peak less centre of the window.
    linewidth_hz : float
        Of the ring; the two-sided exponential delay of the photons follows [4]_.
    spread_ps : float
        Standard deviation of the Gaussian jitter of the difference of the two times, >= 0.

    Returns
    -------
    float
        In [0, 1]; 1 - exp(-kappa W / 2) without offset and spread.
    """
    kappa = kappa_per_ps(linewidth_hz)
    low = abs(offset_ps) - window_ps / 2.0
    high = abs(offset_ps) + window_ps / 2.0
    return max(0.0, _tail(low, kappa, spread_ps) - _tail(high, kappa, spread_ps))


def arrival_rate_hz(
    candidates_hz: float,
    *,
    dead_time_ps: float,
    afterpulse_probability: float = 0.0,
    afterpulse_decay_ps: float = 1.0,
) -> float:
    """Candidate clicks of one detector per second, its own afterpulses included.

    Each registered click is followed by an afterpulse candidate with ``afterpulse_probability``,
    an exponential time after it; those within the dead time are lost and not counted here. With
    q the share of clicks with a candidate outside the dead time, the rate x solves
    x = c + q x / (1 + x tau) [2]_.
    """
    tau_s = dead_time_ps * 1e-12
    share = afterpulse_probability * math.exp(-dead_time_ps / afterpulse_decay_ps)
    slope = 1.0 - candidates_hz * tau_s - share
    root = math.sqrt(slope * slope + 4.0 * tau_s * candidates_hz)
    if slope > 0.0:  # The usual form of the solution, free of cancellation for small tau.
        return 2.0 * candidates_hz / (slope + root)
    return (root - slope) / (2.0 * tau_s)


def dead_time_survival(arrivals_hz: float, *, dead_time_ps: float) -> float:
    """Share of the candidate clicks that a non-paralysable detector registers [2]_."""
    return 1.0 / (1.0 + arrivals_hz * dead_time_ps * 1e-12)


def silence(arrivals_hz: float, *, dead_time_ps: float, silent_ps: float) -> float:
    """Probability that a non-paralysable detector has not clicked in the last ``silent_ps``.

    Parameters
    ----------
    arrivals_hz : float
        Candidate clicks per second, Poisson.
    dead_time_ps : float
    silent_ps : float
        At least the dead time: over a dead time alone it is the share of time that the detector
        is live [2]_, and before that no candidate may have come.
    """
    spare_s = (silent_ps - dead_time_ps) * 1e-12
    live = dead_time_survival(arrivals_hz, dead_time_ps=dead_time_ps)
    return live * math.exp(-arrivals_hz * spare_s)


def accidentals_hz(first_hz: Rates, second_hz: Rates, *, window_ps: float) -> Rates:
    """Coincidences of independent streams in a half-open window of full width W [3]_.

    Parameters
    ----------
    first_hz, second_hz : (M,), (N,) float64
        Clicks of one user's detectors and of another's.
    window_ps : float
        Full width of the window; an inclusive window of ticks would be one tick wider.

    Returns
    -------
    (M, N) float64
    """
    return np.outer(first_hz, second_hz) * (window_ps * 1e-12)


def _tail(x: float, kappa: float, sigma: float) -> float:
    """P(X >= x) of a two-sided exponential of rate ``kappa`` plus a Gaussian of ``sigma``."""
    if x < 0.0:
        return 1.0 - _tail(-x, kappa, sigma)
    if sigma == 0.0:
        return 0.5 * math.exp(-kappa * x)
    normal = 0.5 * math.erfc(x / (sigma * math.sqrt(2.0)))
    return normal + _wing(x, kappa, sigma) - _wing(-x, kappa, sigma)


def _wing(x: float, kappa: float, sigma: float) -> float:
    """1/4 exp(kappa^2 sigma^2 / 2 - kappa x) erfc(z), z = (kappa sigma^2 - x) / (sqrt(2) sigma)."""
    z = (kappa * sigma * sigma - x) / (sigma * math.sqrt(2.0))
    if z <= 0.0:
        return 0.25 * math.exp(kappa * kappa * sigma * sigma / 2.0 - kappa * x) * math.erfc(z)
    # The exponent is z^2 - x^2 / (2 sigma^2): split so that neither factor overflows.
    return 0.25 * math.exp(-x * x / (2.0 * sigma * sigma)) * _scaled_erfc(z)


def _scaled_erfc(z: float) -> float:
    """exp(z^2) erfc(z) for z >= 0; asymptotic series (DLMF 7.12.1) where erfc gets tiny."""
    if z < ERFC_DIRECT_LIMIT:
        return math.exp(z * z) * math.erfc(z)
    inverse = 1.0 / (2.0 * z * z)
    series = 1.0 - inverse + 3.0 * inverse**2 - 15.0 * inverse**3
    return series / (z * math.sqrt(math.pi))
