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
from protocols.compiled import kernel
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
        own_ps = [_own_peaks(config, lane) for lane in range(config.lanes)]
        self._peaks_ps = np.concatenate(own_ps)
        self._owners = np.repeat(np.arange(config.lanes), [peaks_ps.size for peaks_ps in own_ps])
        self._leaks = _leaks(config, own_ps, self._half_ps)

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
        self.lit = _look(
            differences_ps,
            self._peaks_ps,
            self._owners,
            self._half_ps,
            self._leaks,
            density_per_ps,
            light_ps / PS_PER_S,
            self._shown_hz,
            self._scores,
            self.lit,
        )


@kernel
def _look(  # noqa: PLR0917 - a kernel takes arrays, not objects
    differences_ps: NDArray[np.int64],
    peaks_ps: NDArray[np.int64],
    owners: NDArray[np.int64],
    half_ps: int,
    leaks: NDArray[np.float64],
    density_per_ps: float,
    light_s: float,
    shown_hz: NDArray[np.float64],
    scores: NDArray[np.float64],
    lit: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(lanes,) which are lit from now on; what they show and their scores (lanes,) are written.

    With the lanes' own peaks, and whose each is.
    """
    lanes, width_ps = lit.size, 2 * half_ps
    counts, backgrounds = np.zeros(lanes), np.zeros(lanes)
    shown, after = np.empty(lanes), np.empty(lanes, dtype=np.bool_)
    for k in range(peaks_ps.size):
        counts[owners[k]] += count_about(peaks_ps[k : k + 1], differences_ps, half_ps)
        backgrounds[owners[k]] += density_per_ps * width_ps
    for lane in range(lanes):
        shown[lane] = max(counts[lane] - backgrounds[lane], 0.0)
    for lane in range(lanes):
        mean = backgrounds[lane]
        for other in range(lanes):
            mean += leaks[lane, other] * shown[other]
        least_hz = max(LEAST_PAIRS_HZ, LEAST_SHARE * shown_hz[lane])
        gained = counts[lane] * math.log(2.0) - max(mean, least_hz * light_s)
        scores[lane] = min(max(scores[lane] + gained, -LIMIT), LIMIT)
        after[lane] = scores[lane] >= LIMIT or (lit[lane] and scores[lane] > -LIMIT)
        if light_s > 0:
            shown_hz[lane] = MEMORY * shown_hz[lane] + (1 - MEMORY) * shown[lane] / light_s
    return after


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
            seen[j, k] = lane_shares(config, about_ps - half_ps, 2.0 * half_ps).sum()
    leaks: NDArray[np.float64] = seen / np.diag(seen)
    np.fill_diagonal(leaks, 0.0)
    return leaks
