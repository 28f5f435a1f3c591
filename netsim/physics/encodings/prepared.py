"""Photons with a state of their own behind a beam splitter and analysers of two bases.

A photon in two time slots has two ways to come out in the middle: from the early slot by the long
path, from the late one by the short. They cannot be told apart, so the ports s = +-1 have there
P(s) = (1 + s V cos(theta - phi)) / 2, with theta the phase of the late slot and phi that of the
long path. The same holds of a polarised photon, which comes out in one way only (Malus' law).
Everywhere else, and for a photon in one slot behind an interferometer, ports are uniform.
"""

import math

import numpy as np
from numpy.typing import NDArray

from netsim.physics.rates import mismatch_contrast
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

_LOW_BITS = 2.0**53
"""`Generator.random` yields multiples of 2^-53; its lowest bits choose path, slot and port."""

_mismatch_contrast = kernel(mismatch_contrast)


@kernel
def measure_prepared(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    state_phase_rad: NDArray[np.float64],
    state_delay_ps: NDArray[np.float64],
    state_contrast: NDArray[np.float64],
    kappa_per_ps: float,
    z_probability: float,
    has_paths: NDArray[np.int64],
    delay_ps: NDArray[np.float64],
    phase_rad: NDArray[np.float64],
    contrast: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Arrivals of photons with prepared states, packed; two draws each.

    Parameters
    ----------
    rng : Generator
    times_ps : (N,) int64
        Of the early slot.
    state_phase_rad, state_delay_ps, state_contrast : (N,) float64
        See `netsim.frames.PreparedStates`.
    kappa_per_ps : float
        Decay rate of the photons' packets, which are taken for those of the ring: where slots and
        paths differ in length, less of them overlaps.
    z_probability : float
        Share of the light that goes to the Z analyser.
    has_paths : (2,) int64
        1 for a Z, an X analyser with two paths, else 0.
    delay_ps, phase_rad, contrast : (2,) float64
        Of the Z and the X analyser.

    Returns
    -------
    (N,) int64
        ``time_ps << 2 | detector``, detector = 2 * basis + port.
    """
    arrivals = np.empty(times_ps.size, dtype=np.int64)
    late_ps = (delay_ps + 0.5).astype(np.int64)
    for k in range(times_ps.size):
        uniform = rng.random()
        bits = int(uniform * _LOW_BITS)
        basis = int(uniform >= z_probability)
        path = bits & has_paths[basis]
        has_slots = int(state_delay_ps[k] > 0.0)
        slot = (bits >> 1) & has_slots
        visibility = 0.0
        if has_slots == has_paths[basis] and (has_slots == 0 or slot != path):
            visibility = state_contrast[k] * contrast[basis]
            if has_slots == 1:
                mismatch_ps = state_delay_ps[k] - delay_ps[basis]
                visibility *= _mismatch_contrast(mismatch_ps, kappa_per_ps)
        fringe = visibility * math.cos(state_phase_rad[k] - phase_rad[basis])
        port = int(rng.random() >= 0.5 * (1.0 + fringe))
        time_ps = times_ps[k] + path * late_ps[basis] + slot * int(state_delay_ps[k] + 0.5)
        arrivals[k] = (time_ps << DETECTOR_BITS) | (2 * basis + port)
    return arrivals
