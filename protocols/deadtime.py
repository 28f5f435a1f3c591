"""How long after a click no other click of the same user may count, in ticks of its recorder.

Why is said in `protocols.tagbook`, which applies it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.tags import DETECTOR_BITS

EVIDENCE = 20.0
"""Chance leaves a gap this long between the clicks of one detector with probability exp(-20)."""


def dead_ticks(dead_time_ps: int, tick_ps: int) -> int:
    """Distance in ticks from which on two clicks are surely ``dead_time_ps`` apart; 0 for none.

    Times are cut to whole ticks, so their distance may be off by one.
    """
    return -(-dead_time_ps // tick_ps) + 1 if dead_time_ps else 0


def apparent_dead_ticks(tags: NDArray[np.int64]) -> int:
    """Longest dead time among the detectors of a recording, as their own clicks show it.

    Of N clicks at random times of T ticks the closest two of one detector lie some T / N^2 apart:
    a gap far above that is a dead time, and as N^2 / T = N times the rate, taking for one what is a
    little longer costs a share of 1 / N of the clicks.

    Parameters
    ----------
    tags : (N,) int64, ascending
        ``ticks << 2 | detector``.

    Returns
    -------
    int
        One more than the closest gap, for the cut to whole ticks; 0 where chance explains all gaps.
    """
    return max(_apparent(tags[tags & 3 == detector] >> DETECTOR_BITS) for detector in range(4))


def _apparent(times_ticks: NDArray[np.int64]) -> int:
    if times_ticks.size < math.ceil(EVIDENCE):
        return 0
    closest = int(np.diff(times_ticks).min())
    span = int(times_ticks[-1] - times_ticks[0])
    is_dead_time = times_ticks.size**2 * closest > EVIDENCE * span
    return closest + 1 if is_dead_time else 0
