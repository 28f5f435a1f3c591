"""Light that is no photon of a pair: Raman of classical light in a fibre, and leaking lasers.

References
----------
.. [1] P. Eraerds, N. Walenta, M. Legre, N. Gisin, H. Zbinden, New J. Phys. 12, 063027 (2010),
   equations 3 and 4: spontaneous Raman scattering of a classical channel into a quantum one,
   P rho L exp(-alpha L) dlambda at the far end, P rho (1 - exp(-2 alpha L)) / (2 alpha) dlambda at
   the near one, both channels being attenuated alike.
"""

import math

from netsim.units import SPEED_OF_LIGHT_M_PER_S, transmittance_from_db

PLANCK_J_S = 6.626_070_15e-34
"""Exact by definition of the kilogram (SI)."""


def photons_hz(power_mw: float, wavelength_nm: float) -> float:
    """Photons per second of a light, P lambda / (h c)."""
    return power_mw * 1e-3 * wavelength_nm * 1e-9 / (PLANCK_J_S * SPEED_OF_LIGHT_M_PER_S)


def leakage_hz(power_mw: float, wavelength_nm: float, isolation_db: float) -> float:
    """Photons per second that filters let through of a laser."""
    return photons_hz(power_mw, wavelength_nm) * transmittance_from_db(isolation_db)


def raman_span_km(length_km: float, attenuation_db_per_km: float, *, is_backward: bool) -> float:
    """Length of fibre that scatters into a quantum channel, as its far end sees it [1]_.

    Parameters
    ----------
    length_km : float
    attenuation_db_per_km : float
        Of both channels.
    is_backward : bool
        Whether the classical light comes from the end at which the quantum channel arrives.

    Returns
    -------
    float
        L exp(-alpha L), or (1 - exp(-2 alpha L)) / (2 alpha), in km.
    """
    alpha_per_km = attenuation_db_per_km * math.log(10.0) / 10.0
    if not is_backward:
        return length_km * math.exp(-alpha_per_km * length_km)
    if alpha_per_km == 0.0:
        return length_km
    return -math.expm1(-2.0 * alpha_per_km * length_km) / (2.0 * alpha_per_km)


def raman_hz(
    power_mw: float,
    span_km: float,
    *,
    coefficient_per_km_nm: float,
    bandwidth_nm: float,
    wavelength_nm: float,
) -> float:
    """Raman photons per second in a quantum channel where the fibre ends [1]_.

    Parameters
    ----------
    power_mw : float
        Classical light where it enters the fibre.
    span_km : float
        See `raman_span_km`.
    coefficient_per_km_nm : float
        rho: share of the power that is scattered into the guide, per km and nm.
    bandwidth_nm : float
        Of the filter of the quantum channel.
    wavelength_nm : float
        Of the quantum channel.
    """
    scattered_mw = power_mw * coefficient_per_km_nm * span_km * bandwidth_nm
    return photons_hz(scattered_mw, wavelength_nm)
