"""How many photon pairs a source makes: formulas of the ring and of the crystal.

Pure functions of device numbers; which labels pair is `netsim.topology.processes`' business.

References
----------
.. [1] S. Azzini et al., Opt. Lett. 37, 3807 (2012): pairs by spontaneous four-wave mixing in a
   ring, (gamma 2 pi r)^2 (Q v_g / (omega pi r))^3 (v_g / (4 pi r)) P^2 of one pump.
.. [2] L. G. Helt, Z. Yang, M. Liscidini, J. E. Sipe, Opt. Lett. 35, 3006 (2010): the amplitude of
   a pair in a ring is the product of the field enhancements of its two resonances.
"""

import math

from netsim.units import SPEED_OF_LIGHT_M_PER_S


def ring_radius_m(*, free_spectral_range_hz: float, group_index: float) -> float:
    """Radius of a ring whose round trip takes one period of the free spectral range."""
    return SPEED_OF_LIGHT_M_PER_S / (2.0 * math.pi * group_index * free_spectral_range_hz)


def ring_brightness_hz_per_mw2(
    *,
    gamma_per_w_m: float,
    group_index: float,
    radius_m: float,
    linewidth_hz: float,
    frequency_hz: float,
) -> float:
    """Pairs per second and mW^2 of one pump in the chip, B in R = B m P_i P_j g [1]_.

    Parameters
    ----------
    gamma_per_w_m : float
        Nonlinear coefficient of the waveguide in 1 / (W m).
    group_index : float
    radius_m : float
    linewidth_hz : float
        Loaded width of a resonance (full at half maximum); Q is frequency over this.
    frequency_hz : float
        Optical frequency of the pump.
    """
    group_velocity = SPEED_OF_LIGHT_M_PER_S / group_index
    quality = frequency_hz / linewidth_hz
    enhancement = quality * group_velocity / (2.0 * math.pi * frequency_hz * math.pi * radius_m)
    nonlinearity = gamma_per_w_m * 2.0 * math.pi * radius_m
    per_w2 = nonlinearity**2 * enhancement**3 * group_velocity / (4.0 * math.pi * radius_m)
    return per_w2 * 1e-6


def walk_off_factor(
    *,
    dispersion_hz: float,
    spacing_modes: int,
    pump_spacing_modes: int,
    linewidth_hz: float,
    detuning_hz: float = 0.0,
) -> float:
    """Share of the brightness that dispersion leaves to a pair of resonances, in (0, 1].

    Resonance number mu of the ring lies at f_0 + FSR mu + D_2 mu^2 / 2. With the sum of the mode
    numbers equal to that of the pumps, the two resonances of a pair miss the energy of two resonant
    pumps by delta = (D_2 / 4) (d^2 - d_p^2), d and d_p being the distances within the pair and
    between the pumps; pumps beside their resonances have other energy. The pair's amplitude is the
    product of two Lorentzian enhancements [2]_ along the line of conserved energy; its square
    integrates to 1 / (1 + (delta / linewidth)^2) of the value at delta = 0.

    Parameters
    ----------
    dispersion_hz : float
        D_2 / (2 pi): second-order dispersion per mode squared.
    spacing_modes, pump_spacing_modes : int
        d and d_p in free spectral ranges.
    linewidth_hz : float
        Of each resonance, full width at half maximum.
    detuning_hz : float
        Of both pumps together, each less its resonance.
    """
    missed_hz = dispersion_hz / 4.0 * (spacing_modes**2 - pump_spacing_modes**2) - detuning_hz
    return 1.0 / (1.0 + (missed_hz / linewidth_hz) ** 2)


def spectrum_factor(*, spacing_labels: int, bandwidth_labels: float | None) -> float:
    """Brightness of a pair of channels relative to the centre of a Gaussian spectrum, in (0, 1].

    Parameters
    ----------
    spacing_labels : int
        Distance of the two channels.
    bandwidth_labels : float or None
        Full width at half maximum of the spectrum of single photons; None for a flat one.
    """
    if bandwidth_labels is None:
        return 1.0
    return math.exp(-math.log(2.0) * (spacing_labels / bandwidth_labels) ** 2)


def drift_contrast(*, frequency_noise_hz: float, delay_ps: float) -> float:
    """Contrast left by a sum frequency that wanders: exp(-(2 pi delay sigma)^2 / 2).

    The phase of a pair in two interferometers of the same delay is 2 pi delay (f_a + f_b), and the
    sum of the two photons' frequencies is that of the two pumps; a Gaussian wander of rms ``sigma``
    averages the cosine.

    Parameters
    ----------
    frequency_noise_hz : float
        Rms of the sum of the two pumps' frequencies: 2 sigma for one pump, sqrt(2) sigma for two.
    delay_ps : float
        Of the interferometers.
    """
    phase_rad = 2.0 * math.pi * frequency_noise_hz * delay_ps * 1e-12
    return math.exp(-(phase_rad**2) / 2.0)


def shift_rad(sum_shift_hz: float, delay_ps: float) -> float:
    """Phase that pairs get in interferometers of one delay when their sum frequency is shifted."""
    return 2.0 * math.pi * sum_shift_hz * delay_ps * 1e-12
