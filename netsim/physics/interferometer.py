"""Beam splitter and analysers of two bases: at which port a photon comes out, and when.

An analyser is an unbalanced Michelson interferometer (UMI), or, with delay 0, a polarising beam
splitter: there is one path then, and every pair interferes.

Joint outcomes are bound late: the first measurement of a pair draws from the marginal and leaves in
the ledger what it fixed; the second draws conditionally on it. Two hidden bits per photon would
give the same statistics in two bases and fail a Bell test; this passes it.

On equal paths (both short or both long, which cannot be told apart) the ports s, t = +-1 of a pair
have P(s, t | equal paths) = (1 + s t V cos(phi_u + phi_v + phi_0)) / 4 [1]_; on unequal paths, and
for a photon alone, ports are uniform and independent. All phases add: with Z at 0 and X at pi/2,
equal ports go together in Z-Z, opposite ones in X-X, and mixed bases are uncorrelated.

References
----------
.. [1] J. D. Franson, Phys. Rev. Lett. 62, 2205 (1989).
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.frames import CONSUMED, UNMEASURED, PhotonFrame
from netsim.physics.fibre import REFERENCE_WAVELENGTH_NM
from netsim.units import SPEED_OF_LIGHT_M_PER_S, frequency_hz_from_label
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

REFERENCE_HZ = SPEED_OF_LIGHT_M_PER_S / (REFERENCE_WAVELENGTH_NM * 1e-9)
"""Frequency at which interferometers are locked to their phases."""

_LOW_BITS = 2.0**53
"""`Generator.random` yields multiples of 2^-53; its two lowest bits choose path and port."""


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """What the interference of a pair depends on, besides the two interferometers.

    Attributes
    ----------
    contrast : (P, 2) float64
        V0 of each pair process, by its index, and basis of the second photon measured.
    phase_rad : (P,) float64
        phi_0 of each pair process.
    kappa_per_ps : float
        Decay rate of the ring.
    """

    contrast: NDArray[np.float64]
    phase_rad: NDArray[np.float64]
    kappa_per_ps: float


@dataclass(frozen=True, slots=True, eq=False)
class AnalyserSettings:
    """One user's beam splitter and two interferometers.

    Attributes
    ----------
    z_probability : float
        Share of the light that goes to the Z interferometer.
    delay_ps, phase_rad, contrast : (2,) float64
        Of the Z and the X analyser; delay 0 where there is only one path.
    path_error_ps : (2,) float64
        What the delay misses: the phase of a channel is off by 2 pi times this times the distance
        of its frequency from `REFERENCE_HZ`.
    """

    z_probability: float
    delay_ps: NDArray[np.float64]
    phase_rad: NDArray[np.float64]
    contrast: NDArray[np.float64]
    path_error_ps: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def phases_rad(self, channel: str) -> NDArray[np.float64]:
        """(2,) float64: phases that photons of ``channel`` see."""
        if not self.path_error_ps.any():
            return self.phase_rad
        offset_hz = frequency_hz_from_label(int(channel[1:])) - REFERENCE_HZ
        errors_rad = [channel_phase_rad(offset_hz, error) for error in self.path_error_ps.tolist()]
        phases: NDArray[np.float64] = self.phase_rad + np.array(errors_rad)
        return phases


def channel_phase_rad(offset_hz: float, path_error_ps: float) -> float:
    """Phase that a path error gives a frequency ``offset_hz`` away from the reference."""
    return 2.0 * math.pi * offset_hz * path_error_ps * 1e-12


@kernel
def mismatched_contrast(mismatch_ps: float, kappa_per_ps: float) -> float:
    """Contrast left by two delays that differ by d: (1 + kappa |d| / 2) exp(-kappa |d| / 2).

    The overlap of the two-photon amplitude sqrt(kappa / 2) exp(-kappa |t| / 2) with itself,
    shifted by d.
    """
    half = 0.5 * kappa_per_ps * abs(mismatch_ps)
    return (1.0 + half) * math.exp(-half)


@kernel
def _measure(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    pair_rows: NDArray[np.int64],
    ledger_process: NDArray[np.int64],
    ledger_outcome: NDArray[np.int64],
    ledger_phase_rad: NDArray[np.float64],
    ledger_delay_ps: NDArray[np.float64],
    ledger_contrast: NDArray[np.float64],
    pair_contrast: NDArray[np.float64],
    pair_phase_rad: NDArray[np.float64],
    kappa_per_ps: float,
    z_probability: float,
    delay_ps: NDArray[np.float64],
    phase_rad: NDArray[np.float64],
    contrast: NDArray[np.float64],
) -> NDArray[np.int64]:
    arrivals = np.empty(times_ps.size, dtype=np.int64)
    late_ps = (delay_ps + 0.5).astype(np.int64)
    for k in range(times_ps.size):
        uniform = rng.random()
        bits = int(uniform * _LOW_BITS)
        basis = int(uniform >= z_probability)
        path = bits & 1 if delay_ps[basis] > 0.0 else 0
        port = (bits >> 1) & 1
        row = pair_rows[k]
        if row >= 0:
            earlier = ledger_outcome[row]
            if earlier == UNMEASURED:
                ledger_outcome[row] = 2 * path + port
                ledger_phase_rad[row] = phase_rad[basis]
                ledger_delay_ps[row] = delay_ps[basis]
                ledger_contrast[row] = contrast[basis]
            else:
                if earlier == CONSUMED:
                    raise ValueError("a pair has two photons, but a third one was measured")
                ledger_outcome[row] = CONSUMED
                if earlier >> 1 == path:
                    process = ledger_process[row]
                    mismatch_ps = delay_ps[basis] - ledger_delay_ps[row]
                    visibility = (
                        pair_contrast[process, basis]
                        * ledger_contrast[row]
                        * contrast[basis]
                        * mismatched_contrast(mismatch_ps, kappa_per_ps)
                    )
                    total_rad = phase_rad[basis] + ledger_phase_rad[row] + pair_phase_rad[process]
                    same = rng.random() < 0.5 * (1.0 + visibility * math.cos(total_rad))
                    port = (earlier & 1) if same else 1 - (earlier & 1)
        arrivals[k] = ((times_ps[k] + path * late_ps[basis]) << 2) | (2 * basis + port)
    return arrivals


def measure_photons(
    rng: np.random.Generator,
    frame: PhotonFrame,
    analyser: AnalyserSettings,
    pairs: PairTable,
) -> NDArray[np.int64]:
    """Send the photons of a frame through a user's beam splitter and interferometers.

    The frame's ledger is updated: a row takes two measurements.

    Parameters
    ----------
    rng : Generator
    frame : PhotonFrame
        At the receiver.
    analyser : AnalyserSettings
    pairs : PairTable

    Returns
    -------
    (N,) int64
        ``time_ps << 2 | detector`` of each photon, in the order of the frame. The long path adds
        the interferometer's delay, rounded to picoseconds.

    Raises
    ------
    ValueError
        If a pair is measured a third time.
    """
    ledger = frame.ledger
    return _measure(
        rng,
        frame.times_ps,
        frame.pair_rows,
        ledger.process,
        ledger.outcome,
        ledger.phase_rad,
        ledger.delay_ps,
        ledger.contrast,
        pairs.contrast,
        pairs.phase_rad,
        pairs.kappa_per_ps,
        analyser.z_probability,
        analyser.delay_ps,
        analyser.phases_rad(frame.channel),
        analyser.contrast,
    )
