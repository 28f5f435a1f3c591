"""Phases: functions of time, and what an error of a path gives to each channel."""

import math
from dataclasses import dataclass
from typing import Protocol

from netsim.physics.fibre import REFERENCE_WAVELENGTH_NM
from netsim.units import SPEED_OF_LIGHT_M_PER_S, frequency_hz_from_label

REFERENCE_HZ = SPEED_OF_LIGHT_M_PER_S / (REFERENCE_WAVELENGTH_NM * 1e-9)
"""Frequency at which interferometers are locked to their phases."""


class Phase(Protocol):
    """A phase as a function of time; a drift is one of these."""

    def __call__(self, time_ps: int) -> float:
        """Radians at the true time ``time_ps``."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantPhase:
    """A phase that stays where it is."""

    value_rad: float

    def __call__(self, time_ps: int) -> float:  # noqa: ARG002 - the same at all times
        """Radians at any time."""
        return self.value_rad


def channel_phase_rad(label: int, path_error_ps: float) -> float:
    """Phase that a path error gives the channel of this ITU label."""
    offset_hz = frequency_hz_from_label(label) - REFERENCE_HZ
    return 2.0 * math.pi * offset_hz * path_error_ps * 1e-12
