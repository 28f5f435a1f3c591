"""Dead times of two users who share pairs: what a pair silences at both.

A click counts if its user has not clicked within the dead time tau before it (`protocols.tagbook`),
so clicks that count follow a silence. Were the clicks of two users independent, so would be their
silences. Of pairs both may be seen, and that has two consequences.

Chance coincidences. Let a click of the first user and one of the second, s later, be of different
pairs. The partner of the first one, if the second user sees it, comes x after it, with the density
g(x) / r_1 of pairs over clicks: with s - tau_2 <= x < s it is in the silence that the second click
needs. In the same way the partner of the second click is in that of the first one, if they are x
apart with s < x <= s + tau_1. Of the r_1 r_2 W of independent clicks [1]_ there remain

    r_1 r_2 W < (1 - int_{s - tau_2}^{s} g dx / r_1) (1 - int_{s}^{s + tau_1} g dx / r_2) >,

the mean over s in the window. With dead times beyond all side peaks and a symmetric g, the two
integrals are half of all pairs in the mean: chance coincidences are fewer by half of the share
of the clicks that have their partner seen, of either user. It is the partner in the early side
peak, and every other one in the central peak. Of photons that bunch a click may have several
partners, and the factor is exp of minus their mean number. That each click is matched once does
not matter where the dead time is longer than the window: of two clicks in one window only one
counts.

Shared silences. A pair that is seen at both ends two silences at once, not one each, so both users
are silent together more often than independent ones. Of Poisson clicks the probability of no click
in two intervals is that of independent ones times exp(G t), G being the pairs and t what the
intervals have in common. Non-paralysable detectors, which are live for a share L of the time,
ignore clicks while they are blind: to the first order in G it is 1 + G t L, with the harmonic mean
of two different L. (Of two detectors with exponential dead times and clicks together at the rate G
that is the stationary solution; `tests/oracles/test_silences.py` counts it for fixed ones.) Of
photons that bunch G may be anything, but both are silent at most as often as either alone.

The two clicks of a pair lie apart in a side peak, and the intervals have less in common then.

Left out: in a detector that is blind for much of the time, a partner that would have silenced a
click may itself not be seen, and clicks that are apart silence less than that (blind for half of
the time, 0.4 dead times apart: half of it).

References
----------
.. [1] S. P. Neumann et al., Phys. Rev. A 104, 022406 (2021).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]

NODES = (-math.sqrt(1.0 / 12.0), math.sqrt(1.0 / 12.0))
"""Places in a window of width 1 of which the mean is that over the window, up to the third order
(Gauss and Legendre); and of a narrow peak, which is before one of them and behind the other."""


class Spans(NamedTuple):
    """Where partners of two clicks silence the other one; second user less first, in ps."""

    of_first: tuple[float, float]
    of_second: tuple[float, float]


def silencing_spans(apart_ps: float, dead_times_ps: tuple[float, float]) -> Spans:
    """Of two clicks that are no pair, the second one ``apart_ps`` after the first.

    Parameters
    ----------
    apart_ps : float
    dead_times_ps : (float, float)
        Of the two users, >= 0.
    """
    first_ps, second_ps = dead_times_ps
    return Spans((apart_ps - second_ps, apart_ps), (apart_ps, apart_ps + first_ps))


def shared_ps(apart_ps: float, dead_times_ps: tuple[float, float]) -> float:
    """What the silences before two clicks, ``apart_ps`` from each other, have in common.

    Parameters
    ----------
    apart_ps : float
        The second click less the first, beyond what the two photons of a pair are apart.
    dead_times_ps : (float, float)
    """
    first_ps, second_ps = dead_times_ps
    return max(0.0, min(0.0, apart_ps) - max(-first_ps, apart_ps - second_ps))


def live_together(first: Shares, second: Shares) -> Shares:
    """L of two detectors which by themselves are live for these shares of the time; 0 of none."""
    both = first + second
    mean: Shares = 2.0 * first * second / np.where(both > 0.0, both, 1.0)
    return mean
