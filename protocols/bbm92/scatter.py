"""How residuals about the peaks scatter, and how near to a course they are worth looking at.

Within a wide gate many of them belong to nothing: those that do scatter by a peak's width about the
clock's course, the others evenly. Where the peak is narrow, the nearest ones tell the course best.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.lanes import signal_share
from protocols.compiled import kernel

FIRST_SHARE, FIRST_SIGMA_PS = 0.7, 1_000.0
"""Of the residuals, before any have been seen."""
MEMORY_PAIRS = 200
"""Residuals that say as much as all before them."""
LEAST_SIGMA_PS = 20.0
LEAST_RELATED = 10
"""In a gate, for them to tell how wide it must be."""
REACH_SIGMAS = 4.0
"""A gate reaches so many standard deviations of what is related."""
LOOKS = 12
"""Gates in which a peak's width is looked for."""


class Scatter:
    """Remembers what residuals within a wide gate are like.

    Parameters
    ----------
    half_ps : float
        Half the width of that gate.

    Attributes
    ----------
    share : float
        Of related ones in it, of late.
    variance : float
        Of all in it, ps^2.
    has_seen : bool
        Whether there were any yet.
    """

    def __init__(self, half_ps: float) -> None:
        self._half_ps = half_ps
        self.share, self.variance = FIRST_SHARE, FIRST_SIGMA_PS**2
        self._peak_variance = FIRST_SIGMA_PS**2
        self.has_seen = False

    def learn(self, near_ps: NDArray[np.float64], background: float) -> None:
        """Take in those (K,) of one announcement, of which ``background`` are unrelated."""
        self.share = signal_share(near_ps.size, background)
        weight = near_ps.size / (near_ps.size + MEMORY_PAIRS)
        spread = float(np.add.reduce(near_ps**2)) / near_ps.size
        self.variance += weight * (max(spread, LEAST_SIGMA_PS**2) - self.variance)
        if not self.has_seen:
            self._peak_variance = peak_variance(near_ps, self._half_ps, background)
        self.has_seen = True

    def learn_peak(self, near_ps: NDArray[np.float64], half_ps: float, background: float) -> None:
        """Take in those (K,) in a gate about the best course, by the ``background`` of the wide."""
        weight = near_ps.size / (near_ps.size + MEMORY_PAIRS)
        found = peak_variance(near_ps, half_ps, background * half_ps / self._half_ps)
        self._peak_variance += weight * (found - self._peak_variance)

    def reach_ps(self, course_variance: float) -> float:
        """Half the width of a gate about a course of that variance that has all related ones."""
        return min(REACH_SIGMAS * math.sqrt(self._peak_variance + course_variance), self._half_ps)

    def within(self, half_ps: float) -> tuple[float, float]:
        """Share of related residuals in a gate about the course, and the variance of all in it."""
        unrelated = (1.0 - self.share) * half_ps / self._half_ps
        share = self.share / (self.share + unrelated)
        return share, share * self._peak_variance + (1.0 - share) * half_ps**2 / 3


@kernel
def peak_variance(near_ps: NDArray[np.float64], half_ps: float, background: float) -> float:
    """Variance (ps^2) of the related ones among residuals (K,) within ``half_ps`` of zero.

    Those that are not, ``background`` of them, lie evenly, and what they add is taken off. Gates
    widen until one has room for `REACH_SIGMAS` of what it holds: the fewer unrelated ones it has,
    the less they matter.
    """
    reach_ps, variance = REACH_SIGMAS * LEAST_SIGMA_PS, half_ps**2 / 3
    for _ in range(LOOKS):
        reach_ps = min(reach_ps, half_ps)
        total, count = 0.0, 0
        for away_ps in near_ps:
            if abs(away_ps) <= reach_ps:
                total += away_ps**2
                count += 1
        unrelated = background * reach_ps / half_ps
        needed_ps = 2 * reach_ps
        if count - unrelated >= LEAST_RELATED:
            total -= unrelated * reach_ps**2 / 3
            variance = max(total / (count - unrelated), LEAST_SIGMA_PS**2)
            needed_ps = REACH_SIGMAS * math.sqrt(variance)
        if needed_ps <= reach_ps or reach_ps == half_ps:
            break
        reach_ps = needed_ps
    return variance
