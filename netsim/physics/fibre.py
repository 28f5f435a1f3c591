"""Single-mode fibre: group delay and chromatic dispersion.

References
----------
.. [1] G. P. Agrawal, Fiber-Optic Communication Systems, 4th ed., section 2.3: a wavelength offset
   d_lambda arrives D L d_lambda later; D in ps/(nm km), -2 pi c b / lambda^2.
"""

import math

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


def dispersion_ps2(
    *, length_m: float, dispersion_ps_per_nm_km: float, wavelength_nm: float
) -> float:
    """Second-order dispersion b L of a fibre: -D L lambda^2 / (2 pi c) [1]_, in ps^2."""
    per_hz = (wavelength_nm * 1e-9) ** 2 / (2.0 * math.pi * SPEED_OF_LIGHT_M_PER_S)
    # ps / nm is 1e-3 s / m, and s^2 is 1e24 ps^2.
    return -dispersion_ps_per_nm_km * length_m / 1e3 * 1e-3 * per_hz * 1e24
