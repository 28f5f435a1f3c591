"""Bunched emission: pairs of one mode, whose intensity fluctuates within the coherence time.

The photons of one arm of a squeezed mode are thermal light [1]_: seen alone they come as a Poisson
process whose rate is proportional to |E(t)|^2, E a complex Gaussian field. A pair amplitude
proportional to exp(-kappa |t| / 2) gives the field of one arm the first-order coherence
g1(t) = (1 + a |t|) exp(-a |t|) with a = kappa / 2, its normalised overlap with itself, and
g2(t) = 1 + g1(t)^2 [2]_. Such a field is Markovian together with its derivative (a critically
damped oscillator driven by white noise), so that it can be drawn exactly at any times.

References
----------
.. [1] B. R. Mollow, R. J. Glauber, Phys. Rev. 160, 1076 (1967).
.. [2] R. Loudon, The Quantum Theory of Light, 3rd ed., section 3.7: g2 = 1 + |g1|^2 of chaotic
   light.
"""

import math

import numpy as np
from numpy.typing import NDArray

from netsim.physics.emission import sample_poisson_times
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

INTENSITY_BOUND = 30.0
"""Candidates come at this multiple of the mean rate; |E|^2 is larger with probability exp(-30)."""

SMALL_STEP = 1e-3
"""Steps (in 1 / a) below which the covariance of a step is its leading term."""


def fresh_field(rng: np.random.Generator) -> NDArray[np.float64]:
    """Field at time 0: real part, imaginary part, their derivatives in units of a, and the time.

    Returns
    -------
    (5,) float64
        To be handed to `sample_thermal_times`, which keeps it up to date.
    """
    field = np.zeros(5)
    field[:4] = rng.standard_normal(4) * math.sqrt(0.5)
    return field


@kernel
def _advance(rng: np.random.Generator, field: NDArray[np.float64], step: float) -> None:
    """Draw the field a time ``step`` (in units of 1 / a) later."""
    decay = math.exp(-step)
    if step < SMALL_STEP:
        q11, q12, q22 = 4.0 / 3.0 * step**3, 2.0 * step**2, 4.0 * step
    else:
        q11 = 1.0 - decay * decay * (1.0 + 2.0 * step + 2.0 * step * step)
        q12 = 2.0 * step * step * decay * decay
        q22 = 1.0 - decay * decay * (1.0 - 2.0 * step + 2.0 * step * step)
    l11 = math.sqrt(0.5 * q11)
    l21 = 0.5 * q12 / l11 if l11 > 0.0 else 0.0
    l22 = math.sqrt(max(0.0, 0.5 * q22 - l21 * l21))
    for part in range(2):
        value, slope = field[part], field[part + 2]
        one, other = rng.standard_normal(), rng.standard_normal()
        field[part] = decay * ((1.0 + step) * value + step * slope) + l11 * one
        field[part + 2] = decay * ((1.0 - step) * slope - step * value) + l21 * one + l22 * other


@kernel
def sample_thermal_times(
    rng: np.random.Generator,
    rate_hz: float,
    kappa_per_ps: float,
    start_ps: int,
    stop_ps: int,
    field: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Births of the pairs of one mode in one frame.

    Parameters
    ----------
    rng : Generator
    rate_hz : float
        Mean rate, not negative.
    kappa_per_ps : float
        2 pi times the linewidth.
    start_ps, stop_ps : int
        The frame is ``[start_ps, stop_ps)``; frames follow each other.
    field : (5,) float64
        From `fresh_field`; changed to what it is at the last candidate of this frame.

    Returns
    -------
    (N,) int64, ascending
    """
    candidates_ps = sample_poisson_times(rng, INTENSITY_BOUND * rate_hz, start_ps, stop_ps)
    kept = 0
    for k in range(candidates_ps.size):
        time_ps = candidates_ps[k]
        _advance(rng, field, 0.5 * kappa_per_ps * max(0.0, time_ps - field[4]))
        field[4] = time_ps
        intensity = field[0] * field[0] + field[1] * field[1]
        if rng.random() * INTENSITY_BOUND < intensity:
            candidates_ps[kept] = time_ps
            kept += 1
    return candidates_ps[:kept].copy()


def thermal_g2(delay_ps: NDArray[np.float64], *, kappa_per_ps: float) -> NDArray[np.float64]:
    """Second-order correlation of the births of one mode at a distance in time."""
    steps = 0.5 * kappa_per_ps * np.abs(delay_ps)
    coherence = (1.0 + steps) * np.exp(-steps)
    g2: NDArray[np.float64] = 1.0 + coherence**2
    return g2
