"""A pump in double pulses: when its pairs are born, and how many of them together.

Every period holds two pulses, one slot apart, and pairs are born in either. Of one pulse with n
pairs in the mean and K modes of equal strength the two photons a and b have, by the Gaussian state
of its modes [1]_,

    <a+ b+ b a> = n^2 + n (1 + n / K):

photons that have nothing in common coincide as those of Poissonian pairs, and pairs come by 1 + n /
K more often than one by one [2]_. They are as coherent as any. Both pulses are cut out of one
continuous wave (Honjo et al., Opt. Express 16, 19118 (2008)): born at t + T instead of t, a pair
has turned by 2 pi (f_a + f_b) T.

References
----------
.. [1] R. Loudon, The Quantum Theory of Light, 3rd ed., sections 3.7 and 5.9 (two-mode squeezed
   vacuum: |<a b>|^2 = n (n + 1)), applied to K modes with n / K pairs each.
.. [2] H. de Riedmatten et al., J. Mod. Opt. 51, 1637 (2004): thermal and Poissonian numbers of
   pairs in pulses, by the number of modes.
"""

import math
from dataclasses import dataclass

from netsim.units import PS_PER_S

PULSES = 2
"""In each period."""


@dataclass(frozen=True, slots=True)
class Pulses:
    """Double pulses of a pump.

    Attributes
    ----------
    slot_ps : int
        From the first pulse of a period to the second; both lie in the middle of a slot.
    period_ps : int
        At least three slots.
    sigma_ps : float
        Standard deviation of the time of birth about the middle.
    modes : float
        Of each pulse, 1 or more; inf for Poissonian numbers of pairs.
    """

    slot_ps: int
    period_ps: int
    sigma_ps: float
    modes: float = math.inf

    def gain(self, rate_hz: float) -> float:
        """How much more often both photons of a pair come than one by one, 1 or more."""
        pairs = rate_hz * self.period_ps / (PULSES * PS_PER_S)
        return 1.0 + pairs / self.modes

    def teeth(self, offset_ps: float, window_ps: float) -> range:
        """Which multiples of the period a half-open window of time differences holds.

        Parameters
        ----------
        offset_ps : float
            Multiple 0 less the centre of the window.
        window_ps : float
            Full width.
        """
        first = math.ceil((-0.5 * window_ps - offset_ps) / self.period_ps)
        return range(first, math.ceil((0.5 * window_ps - offset_ps) / self.period_ps))
