"""Single-mode fibre: group delay and chromatic dispersion.

References
----------
.. [1] G. P. Agrawal, Fiber-Optic Communication Systems, 4th ed., section 2.3: a wavelength offset
   d_lambda arrives D L d_lambda later; D in ps/(nm km).
"""

from netsim.units import PS_PER_S, SPEED_OF_LIGHT_M_PER_S

REFERENCE_WAVELENGTH_NM = 1550.0
"""Where the group index is stated."""


def group_delay_ps(
    *, length_m: float, group_index: float, dispersion_ps_per_nm_km: float, wavelength_nm: float
) -> float:
    """Group delay of a wavelength: n_g L / c + D L (lambda - 1550 nm) [1]_."""
    at_reference_ps = group_index * length_m / SPEED_OF_LIGHT_M_PER_S * PS_PER_S
    offset_nm = wavelength_nm - REFERENCE_WAVELENGTH_NM
    return at_reference_ps + dispersion_ps_per_nm_km * length_m / 1e3 * offset_nm


def broadening_ps(
    *, length_m: float, dispersion_ps_per_nm_km: float, wavelength_nm: float, linewidth_hz: float
) -> float:
    """Spread of arrival times that dispersion gives a photon of ``linewidth_hz`` (FWHM).

    The Lorentzian line has no variance; its half width at half maximum is used as the standard
    deviation, |D| L d_lambda / 2 with d_lambda = lambda^2 linewidth / c [1]_.
    """
    width_nm = (wavelength_nm * 1e-9) ** 2 * linewidth_hz / SPEED_OF_LIGHT_M_PER_S * 1e9
    return abs(dispersion_ps_per_nm_km) * length_m / 1e3 * width_nm / 2
