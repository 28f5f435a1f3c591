"""Every unit conversion there is; inside the simulator time is an integer number of picoseconds."""

import math
from fractions import Fraction

PS_PER_S = 1_000_000_000_000
PS_PER_MS = 1_000_000_000
PS_PER_NS = 1000
MAX_TIME_PS = 26 * 86_400 * PS_PER_S
"""The longest light with clicks: a packed tag is an int64 that keeps two bits for the detector, so
that 2^61 ps = 26.7 days fit; the rest is room for delays."""
MAX_RUN_PS = 100 * 86_400 * PS_PER_S
"""The longest run: picoseconds in an int64 last for 106 days."""
SPEED_OF_LIGHT_M_PER_S = 299_792_458.0
"""Exact by definition of the metre (SI)."""

ITU_ANCHOR_HZ = 190.0e12
ITU_SPACING_HZ = 100.0e9
"""ITU-T G.694.1: label n stands for 190.0 THz + n * 0.1 THz (C34 is 193.4 THz, 1550.12 nm)."""

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


def ps_from_s(seconds: float | str) -> int:
    """Picoseconds in ``seconds``: exact for decimal strings, else correctly rounded."""
    return round(Fraction(seconds) * PS_PER_S)


def s_from_ps(time_ps: int) -> float:
    """Seconds in ``time_ps``."""
    return time_ps / PS_PER_S


def transmittance_from_db(loss_db: float) -> float:
    """Power ratio of a loss in dB (>= 0 gives a ratio in (0, 1])."""
    return math.pow(10.0, -loss_db / 10.0)


def db_from_transmittance(transmittance: float) -> float:
    """Loss in dB of a power ratio in (0, 1]."""
    return -10.0 * math.log10(transmittance)


def frequency_hz_from_label(label: int) -> float:
    """Optical frequency of ITU label ``label``."""
    return ITU_ANCHOR_HZ + label * ITU_SPACING_HZ


def wavelength_nm_from_label(label: int) -> float:
    """Vacuum wavelength of ITU label ``label``."""
    return SPEED_OF_LIGHT_M_PER_S / frequency_hz_from_label(label) * 1e9
