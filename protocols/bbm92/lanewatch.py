"""Which lanes have light now: each lane's own peaks against the background, from times alone.

It never sees bases or bits: whether a lane is matched does not depend on what it would give.

A lane's score is the log-likelihood ratio between "as many pairs again as the background" and
"background only", summed over announcements and held within plus or minus `LIMIT` (Page's test,
Biometrika 41, 100 (1954)): reaching the upper limit lights the lane, the lower one darkens it. A
lane that can hold key has at least four pairs to each unrelated one in its window (error rate below
a tenth), so its score climbs at every announcement; that of a dead lane falls. How long a decision
takes is counted in pairs, not in seconds: a dead lane is dropped for some twenty wrong matches,
however few there are in a second.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.lanes import count_about, lane_shares
from protocols.link import PS_PER_S, LinkConfig

LIMIT = 10.0
LEAST_PAIRS_HZ = 4.0
LEAST_SHARE = 0.05
"""Where there is next to no background a lane must still show pairs, and a share of what it showed
of late: in the dark nothing else would speak against it."""
MEMORY = 0.8
"""Of what a lane showed, per announcement."""
CLEAR_PS = 3_000
"""A peak closer than this to one of another lane says nothing about either."""


class LaneWatch:
    """Scores of all lanes of a link; all count as lit until the light speaks against it.

    Parameters
    ----------
    config : LinkConfig
        Lanes, peaks and the window in which they are counted.

    Attributes
    ----------
    lit : (lanes,) bool
        Which lanes are to be matched.
    """

    def __init__(self, config: LinkConfig) -> None:
        self.lit = np.ones(config.lanes, dtype=np.bool_)
        self._scores = np.zeros(config.lanes)
        self._shown_hz = np.zeros(config.lanes)
        self._half_ps = config.window_ps // 2
        self._peaks_ps = [_own_peaks(config, lane) for lane in range(config.lanes)]
        self._widths_ps = np.array([2 * self._half_ps * peaks.size for peaks in self._peaks_ps])
        self._leaks = _leaks(config, self._peaks_ps, self._half_ps)

    def look(
        self, differences_ps: NDArray[np.int64], *, density_per_ps: float, light_ps: int
    ) -> None:
        """Judge the lanes by the pairs of one announcement.

        Parameters
        ----------
        differences_ps : (K,) int64
            Own less predicted times of all pairs near the lanes.
        density_per_ps : float
            Unrelated pairs per ps.
        light_ps : int
            Light that the announcement covers.
        """
        counts = np.array([self._count(differences_ps, peaks) for peaks in self._peaks_ps])
        background = density_per_ps * self._widths_ps
        shown = np.maximum(counts - background, 0.0)
        least_hz = np.maximum(LEAST_PAIRS_HZ, LEAST_SHARE * self._shown_hz)
        light_s = light_ps / PS_PER_S
        means = np.maximum(background + self._leaks @ shown, least_hz * light_s)
        self._remember(shown, light_s)
        gained = counts * math.log(2.0) - means
        self._scores = np.clip(self._scores + gained, -LIMIT, LIMIT)
        self.lit = (self._scores >= LIMIT) | (self.lit & (self._scores > -LIMIT))

    def _remember(self, shown: NDArray[np.float64], light_s: float) -> None:
        if light_s > 0:
            self._shown_hz = MEMORY * self._shown_hz + (1 - MEMORY) * shown / light_s

    def _count(self, differences_ps: NDArray[np.int64], peaks_ps: NDArray[np.int64]) -> int:
        return count_about(peaks_ps, differences_ps, self._half_ps)


def _own_peaks(config: LinkConfig, lane: int) -> NDArray[np.int64]:
    """Peaks of a lane that no peak of another one comes near; the central one always."""
    delay_ps = config.lane_delays_ps[lane]
    others_ps = [
        other_ps + offset_ps
        for k, other_ps in enumerate(config.lane_delays_ps)
        for offset_ps, _ in config.peaks
        if k != lane
    ]
    own = [
        delay_ps + offset_ps
        for offset_ps, _ in config.peaks
        if offset_ps == 0
        or all(abs(delay_ps + offset_ps - other_ps) >= CLEAR_PS for other_ps in others_ps)
    ]
    return np.array(own, dtype=np.int64)


def _leaks(
    config: LinkConfig, peaks_ps: list[NDArray[np.int64]], half_ps: int
) -> NDArray[np.float64]:
    """(lanes, lanes) pairs of lane k in the windows of lane j, per pair in its own; 0 for k = j."""
    seen = np.zeros((config.lanes, config.lanes))
    for j, windows_ps in enumerate(peaks_ps):
        for k, delay_ps in enumerate(config.lane_delays_ps):
            about_ps = (windows_ps - delay_ps).astype(np.float64)
            seen[j, k] = lane_shares(config, about_ps - half_ps, about_ps + half_ps).sum()
    leaks: NDArray[np.float64] = seen / np.diag(seen)
    np.fill_diagonal(leaks, 0.0)
    return leaks
