"""Time bins of a ring by two-photon amplitudes on a grid of times; no code of netsim.

All amplitudes turn with the frequencies at which the ring is cold. The pump is one continuous wave
with two pulses cut out of it, so pairs are born with exp(-2 pi i F t), F being the sum of what both
pumps are off by, under the envelope of the pulses squared (one photon of each pump a pair). Either
photon leaves its resonance, which is off by delta, as exp(-2 pi i delta t - kappa t / 2). An
interferometer makes (psi(t) +- exp(i phi) psi(t - T)) / 2 of an amplitude psi(t) at its two ports.
"""

import cmath
import math

import numpy as np
from numpy.typing import NDArray

Amplitudes = NDArray[np.complex128]
Table = NDArray[np.float64]

STEP_PS = 4.0
SLOT_STEPS = 250
"""A slot is a nanosecond."""
MARGIN_STEPS = 50


def amplitudes(
    pump_shift_hz: float, resonance_shift_hz: float, linewidth_hz: float, sigma_ps: float
) -> Amplitudes:
    """(N, N): of both photons of a pair, by their times, before the interferometers.

    Parameters
    ----------
    pump_shift_hz, resonance_shift_hz : float
        Of each pump, and of each resonance of the photons.
    linewidth_hz : float
        Full width at half maximum.
    sigma_ps : float
        Standard deviation of the intensity of a pulse of pairs.
    """
    size = 3 * SLOT_STEPS + 2 * MARGIN_STEPS
    times_ps = STEP_PS * (np.arange(size) - MARGIN_STEPS)
    middles_ps = STEP_PS * SLOT_STEPS * np.array([0.5, 1.5])
    envelope = np.exp(-((times_ps[:, None] - middles_ps) ** 2) / (4.0 * sigma_ps**2)).sum(axis=1)
    born = envelope * np.exp(-2j * math.pi * 2.0 * pump_shift_hz * 1e-12 * times_ps)
    later_ps = times_ps[:, None] - times_ps
    decay = 2j * math.pi * resonance_shift_hz + math.pi * linewidth_hz
    leaves = np.where(later_ps >= 0.0, np.exp(-decay * 1e-12 * np.maximum(later_ps, 0.0)), 0.0)
    found: Amplitudes = (leaves * born) @ leaves.T
    return found


def ports(amplitude: Amplitudes, phase_rad: float) -> Amplitudes:
    """(2, N, ...): behind an interferometer that delays the first axis by a slot."""
    turned = np.zeros_like(amplitude)
    turned[SLOT_STEPS:] = cmath.exp(1j * phase_rad) * amplitude[:-SLOT_STEPS]
    found: Amplitudes = np.stack((amplitude + turned, amplitude - turned)) / 2.0
    return found


def slots_and_ports(amplitude: Amplitudes, phases_rad: tuple[float, float]) -> Table:
    """(3, 2, 3, 2): where both photons come out."""
    first_rad, second_rad = phases_rad
    by_first = ports(amplitude, first_rad)  # port of the first, its time, time of the second
    both = ports(np.moveaxis(by_first, 2, 0), second_rad)  # port, time of second; port, time
    weights = np.abs(both) ** 2
    edges = MARGIN_STEPS + SLOT_STEPS * np.arange(3)
    by_slot = np.add.reduceat(weights[:, MARGIN_STEPS:-MARGIN_STEPS], edges - MARGIN_STEPS, axis=1)
    inner = by_slot[..., MARGIN_STEPS:-MARGIN_STEPS]
    table = np.add.reduceat(inner, edges - MARGIN_STEPS, axis=3)
    found: Table = table.transpose(3, 2, 1, 0) / table.sum()
    return found
