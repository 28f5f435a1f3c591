"""The time between two photons of a source, from the shape of its filter and the dispersion behind.

With a continuous pump the two photons of a pair lie at +-w around their centres, and their wave
function is psi(t) = F[phi(w) exp(i beta w^2 / 2)]: the second-order dispersions of both arms add
with their signs, beta = b_1 L_1 + b_2 L_2 [1]_, so that fibres of opposite signs cancel. phi is the
product of what the two photons' resonances or filters let through. Two photons that share a partner
(`netsim.physics.bunching`) have the coherence g(t) = F[|phi(w)|^2 exp(i beta w^2 / 2)], beta being
the difference of the two dispersions, for one field is conjugate.

Here w is in units of kappa and t in units of 1 / kappa: a table depends on beta kappa^2 only.

References
----------
.. [1] J. D. Franson, Phys. Rev. A 45, 3126 (1992).
"""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FilterShape = Literal["lorentzian", "flat-top", "gaussian"]

SPAN = 64.0
"""Angular frequencies around 0, in kappa: beyond 32 the power of a Lorentzian pair is 6e-8."""
MIN_REACH, MAX_POINTS = 400.0, 2**21
QUANTILES = 4096
STEP_GROWTH = 1.01


class DelayTable(NamedTuple):
    """Distribution of a delay that is as likely as its negative.

    Attributes
    ----------
    delays : (N,) float64, ascending from 0
        In units of 1 / kappa.
    cumulative : (N,) float64, from 0 to 1
        Probability that the absolute delay is below.
    span : float
        Integral of the density over its value at 0, in units of 1 / kappa.
    """

    delays: Array
    cumulative: Array
    span: float


def transmitted(shape: FilterShape, w: Array) -> Array:
    """phi(w), normalised to 1 at 0, of filters with a full width of kappa.

    Of a Lorentzian, which both photons have passed with a linewidth of kappa / (2 pi) each, it is
    1 / (1 + 4 w^2); a flat top lets all through within +-1/2; a Gaussian pair has an intensity
    phi^2 of full width 1 at half maximum.
    """
    if shape == "lorentzian":
        return 1.0 / (1.0 + 4.0 * w * w)
    if shape == "flat-top":
        inside: Array = np.clip((0.5 - np.abs(w)) / (w[1] - w[0]) + 0.5, 0.0, 1.0)
        return inside
    bell: Array = np.exp(-2.0 * math.log(2.0) * w * w)
    return bell


@lru_cache(maxsize=256)
def delay_table(
    shape: FilterShape, *, dispersion: float, reach: float, is_bunch: bool = False
) -> DelayTable:
    """Delays of the two photons, by one Fourier transform.

    Parameters
    ----------
    shape : str
    dispersion : float
        beta kappa^2: of both arms together, of bunches the difference.
    reach : float
        Delays beyond, in units of 1 / kappa, are left out.
    is_bunch : bool
        Two photons that share a partner, not a pair.
    """
    reach = max(reach, MIN_REACH)
    points = min(MAX_POINTS, 2 ** math.ceil(math.log2(2.0 * reach * SPAN / (2.0 * math.pi))))
    w = (np.arange(points) - points // 2) * (SPAN / points)
    phi = transmitted(shape, w) ** (2 if is_bunch else 1)
    chirped = phi * np.exp(0.5j * dispersion * w * w)
    power = np.abs(np.fft.fft(np.fft.ifftshift(chirped))[: points // 2]) ** 2
    step = 2.0 * math.pi / SPAN
    # Trapezoids from 0 on; the other side is the same.
    cumulative = np.concatenate(([0.0], np.cumsum(0.5 * (power[1:] + power[:-1]))))
    span = 2.0 * step * float(cumulative[-1] / power[0]) if power[0] > 0.0 else math.inf
    cumulative /= cumulative[-1]
    chosen = _knots(cumulative)
    return DelayTable(step * chosen.astype(np.float64), cumulative[chosen], span)


def _knots(cumulative: Array) -> NDArray[np.int64]:
    """Few places between which a straight line will do: even in probability and in proportion."""
    even = np.searchsorted(cumulative, np.linspace(0.0, 1.0, QUANTILES))
    growing = STEP_GROWTH ** np.arange(math.log(cumulative.size) / math.log(STEP_GROWTH))
    every = np.concatenate(([0, cumulative.size - 1], even, growing.astype(np.int64)))
    return np.unique(np.clip(every, 0, cumulative.size - 1))
