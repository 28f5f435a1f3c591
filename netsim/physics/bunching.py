"""Photons that come together without being partners: what a Gaussian state adds to accidentals.

At low gain a source of pairs leaves its channels in a Gaussian state. Channel c has the field
sum_p xi_pc v_p^dagger, v_p being the vacuum of its partners p and |xi_pc|^2 the photons per second
that c gets with p. Two channels that share partners share vacuum: with N_cd = sum_p xi_pc^* xi_pd,
Wick's theorem [1]_ gives, for channels that are no partners of each other and for c = d,

    G2_cd(t) = n_c n_d + |N_cd|^2 g(t)^2,    g(t) = (1 + kappa |t| / 2) exp(-kappa |t| / 2),

g being the first-order coherence of a photon whose pair has the amplitude exp(-kappa |t| / 2) [2]_.
A channel by itself is thermal light, g2(0) = 2, however many processes feed it; "induced
correlations" between channels are those of [3]_.

Both photons of such a *bunch* may take the long path of an interferometer, or both the short one.
The coherence between c at one user and d at the other is then N_cd (1 + s t exp(i (phi_c - phi_d)))
/ 4 for the ports s, t = +-1: a fringe like that of a pair, in the difference of the phases and not
in their sum. Photons that carry a qubit in their polarisation are in one of two such modes, which
have half of the pairs each: the excess is half, the fringe the same.

Events. The excess |N_cd|^2 g^2 is never negative, so a Poisson process of single photons and of
clusters of two has exactly these first two moments [4]_: clusters at the rate |N_cd|^2 5 / kappa,
their two photons apart by a time of the density g^2 kappa / 5, and as many single photons fewer as
there are in the clusters. Photons are lost independently, so the same holds of what is detected.
It needs as many photons that arrive alone, which a source of few pairs per coherence time behind
losses has. Correlations of three photons and more are of the next order in pairs per coherence time
and left out.

References
----------
.. [1] R. Loudon, The Quantum Theory of Light, 3rd ed., section 3.7 (chaotic light), applied to two
   modes; B. R. Mollow, R. J. Glauber, Phys. Rev. 160, 1076 (1967).
.. [2] Z. Y. Ou and Y. J. Lu, Phys. Rev. Lett. 83, 2556 (1999).
.. [3] Zhang et al. (2020), reference 48 of Fan et al., Light Sci. Appl. 14 (2025).
.. [4] D. J. Daley, D. Vere-Jones, An Introduction to the Theory of Point Processes, 2nd ed.,
   section 6.3: the Gauss-Poisson process.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netsim.physics.rates import kappa_per_ps

SPAN_LIFETIMES = 5.0
"""Integral of g^2 over all delays, in units of 1 / kappa."""

JITTER_REACH_SIGMA = 8.0
_JITTER = np.linspace(-JITTER_REACH_SIGMA, JITTER_REACH_SIGMA, 4001)
"""Of an edge of a window, in standard deviations."""
_WEIGHT = np.exp(-0.5 * _JITTER * _JITTER)
_WEIGHT_SUM = _WEIGHT.sum()


@lru_cache(maxsize=4096)
def bunch_share(
    *, window_ps: float, offset_ps: float, linewidth_hz: float, spread_ps: float
) -> float:
    """Share of the bunches of one peak that a coincidence window holds.

    Parameters
    ----------
    window_ps : float
        Full width of the window, > 0.
    offset_ps : float
        Centre of the peak less centre of the window.
    linewidth_hz : float
        Of the ring.
    spread_ps : float
        Standard deviation of the Gaussian jitter of the difference of the two times, >= 0.

    Returns
    -------
    float
        In [0, 1]: g^2 over the window, its edges averaged over the jitter.
    """
    kappa = kappa_per_ps(linewidth_hz)
    edges_ps = offset_ps + np.array([[-0.5], [0.5]]) * window_ps
    if spread_ps == 0.0:
        low, high = (float(_below(edge, kappa)[0]) for edge in edges_ps)
    else:
        blurred_ps = edges_ps + spread_ps * _JITTER
        low, high = (
            float((_WEIGHT * _below(edge, kappa)).sum() / _WEIGHT_SUM) for edge in blurred_ps
        )
    return max(0.0, high - low)


def _below(delay_ps: NDArray[np.float64], kappa: float) -> NDArray[np.float64]:
    """Integral of g^2 kappa / 5 from minus infinity to ``delay_ps``."""
    x = kappa * np.abs(delay_ps)
    # The integral of (1 + x + x^2 / 4) exp(-x) from x on, over 5.
    tail = (2.5 + 1.5 * x + 0.25 * x * x) * np.exp(-x) / 5.0
    return np.where(delay_ps < 0.0, tail, 1.0 - tail)


def bunch_visibility(apart_ps: float, mismatch_ps: float, kappa_per_ps: float) -> float:
    """As `netsim.physics.rates.mismatch_visibility`, of a bunch: g instead of psi."""
    near, far = 0.5 * kappa_per_ps * abs(apart_ps), 0.5 * kappa_per_ps * abs(apart_ps - mismatch_ps)
    ratio = (1.0 + far) / (1.0 + near) * math.exp(near - far)
    return 2.0 * ratio / (1.0 + ratio * ratio)
