"""Pumps that stand beside the resonances of a ring: what is left of the pairs.

A pump beside its resonance has less power in the ring, by a Lorentzian; of a pair the product of
those of both pumps counts [1]_. The pairs share the energy of the pumps, which the two resonances
of the photons then miss (`netsim.physics.pairs.walk_off_factor`). A wander that is fast against
everything measured is averaged.

References
----------
.. [1] L. G. Helt, Z. Yang, M. Liscidini, J. E. Sipe, Opt. Lett. 35, 3006 (2010): field enhancement
   of a resonance; pairs go with the product of the powers of both pumps inside.
"""

import math
from collections.abc import Callable

import numpy as np

_NODES = 801
_REACH = 8.0
"""Standard deviations of a Gaussian, of which nothing is left beyond."""


def enhancement_share(detuning_hz: float, linewidth_hz: float) -> float:
    """Power inside a resonance relative to that of a pump on it, 1 / (1 + (2 delta / kappa)^2).

    Parameters
    ----------
    detuning_hz : float
        Pump less resonance.
    linewidth_hz : float
        Full width at half maximum, > 0.
    """
    return 1.0 / (1.0 + (2.0 * detuning_hz / linewidth_hz) ** 2)


def averaged(share: Callable[[float], float], *, mean_hz: float, rms_hz: float) -> float:
    """Mean of a smooth function of the detuning over a Gaussian of it."""
    if rms_hz == 0.0:
        return share(mean_hz)
    places = np.linspace(-_REACH, _REACH, _NODES)
    weights = np.exp(-(places**2) / 2.0)
    shares = [share(float(mean_hz + rms_hz * place)) for place in places]
    return math.fsum((weights * shares).tolist()) / math.fsum(weights.tolist())
