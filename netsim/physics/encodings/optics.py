"""The optics of a receiver in plain numbers, whatever it encodes in.

It knows no kind of receiver: which paths those numbers make is what an encoding says.
"""

import math
from dataclasses import dataclass

from netsim.physics.encodings.phases import Phase


@dataclass(frozen=True, slots=True)
class BasisOptics:
    """What analyses one basis, both output ports detected.

    Attributes
    ----------
    delay_ps : float
        Long path minus short path.
    phase_rad : Phase
        Of the long path against the short one, or of a polarisation analyser.
    contrast : float
        Two-photon interference contrast that it leaves, the noise of its phase averaged.
    path_error_ps : float
        What the delay misses: the phase of a channel is off by 2 pi times this times the distance
        of its frequency from `netsim.physics.encodings.phases.REFERENCE_HZ`.
    """

    delay_ps: float
    phase_rad: Phase
    contrast: float = 1.0
    path_error_ps: float = 0.0


@dataclass(frozen=True, slots=True)
class Optics:
    """One user's beam splitter and what lies behind it.

    Attributes
    ----------
    z_probability : float
        Share of the light that goes to the Z analyser.
    z, x : BasisOptics
    gate_ps : float
        Of time slots, how much counts about their middles; inf for all.
    """

    z_probability: float
    z: BasisOptics
    x: BasisOptics
    gate_ps: float = math.inf
