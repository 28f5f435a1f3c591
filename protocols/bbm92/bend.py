"""Whether a clock's rate changes too fast for a lock, and how fast: for the message alone.

It sees times, never bases or bits, and no lock follows from it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, pairs_about
from protocols.compiled import kernel
from protocols.link import PS_PER_S

MAX_DRIFT_PER_S = 3e-8
"""Change of the rate in 1 s that is followed where coincidences are many: thousands a second."""
MOST_PER_S = 2e-6
"""Fastest change that is told apart from no correlation at all."""
BIN_PS = 4_000
REACH_PS = 60_000
LEAST_PAIRS = 8
MOST_LIGHT_PS = 800_000_000_000
MOST_RATES = 20
"""Bounds on the work: a few thousand courses are compared."""
PARTS, LEAST_PART = 8, 0.4
NEAR_BEST = 0.9
LEAST_GAIN = 1.5
"""A bent course must gather so many times as many pairs as the best straight one."""


def find_bend(
    line: Alignment, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> str | None:
    """What to say of a rate that changes; None if nothing shows that it does.

    Parameters
    ----------
    line : Alignment
        Near which the pairs are.
    announced_ps, own_ps : (N,), (M,) int64, ascending
        Click times.
    """
    near = np.abs(announced_ps - line.reference_ps) <= MOST_LIGHT_PS // 2
    announced_ps = announced_ps[near]
    pairs = pairs_about(line, announced_ps, own_ps, low_ps=-REACH_PS, high_ps=REACH_PS)
    if pairs.differences_ps.size < LEAST_PAIRS:
        return None
    middle_ps = (int(announced_ps[0]) + int(announced_ps[-1])) / 2
    half_s = max((int(announced_ps[-1]) - int(announced_ps[0])) / 2 / PS_PER_S, 1e-3)
    elapsed_s = (announced_ps[pairs.announced] - middle_ps) / PS_PER_S
    rate_step = BIN_PS / half_s
    rates = rate_step * np.arange(-MOST_RATES, MOST_RATES + 1, dtype=np.float64)
    drift_step = 2 * BIN_PS / half_s**2
    bends = math.ceil(MOST_PER_S * PS_PER_S / drift_step)
    drifts = drift_step * np.arange(-bends, bends + 1, dtype=np.float64)
    counts = _tops(pairs.differences_ps, elapsed_s, drifts, rates)
    most, straight = int(counts.max()), int(counts[bends])
    if most < LEAST_GAIN * straight + LEAST_PAIRS:
        return None
    best = counts >= NEAR_BEST * most
    return too_fast(float(drifts[best].mean()) / PS_PER_S)


def too_fast(drift_per_s: float) -> str | None:
    """What to say of a rate that changes by so much in 1 s; None where it can be followed."""
    if abs(drift_per_s) <= MAX_DRIFT_PER_S:
        return None
    return (
        f"the clock's rate changes by {drift_per_s * 1e6:.2g} ppm/s, more than the "
        f"{MAX_DRIFT_PER_S * 1e6:g} ppm/s that can be followed"
    )


def is_uneven(
    line: Alignment, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64], *, half_ps: int
) -> bool:
    """Whether pairs within ``half_ps`` of a line come in parts of the light only."""
    pairs = pairs_about(line, announced_ps, own_ps, low_ps=-half_ps, high_ps=half_ps)
    parts = np.array_split(np.arange(announced_ps.size), PARTS)
    edges = [int(part[0]) for part in parts if part.size]
    counts = np.diff(np.searchsorted(pairs.announced, [*edges, announced_ps.size]))
    return bool(counts.min() < LEAST_PART * counts.max())


@kernel
def _top(bins: NDArray[np.int64]) -> int:
    """Pairs in the best two neighbouring ``bins``, of which there is at least one."""
    first = bins.min()
    counts = np.zeros(bins.max() - first + 2, dtype=np.int64)
    for k in range(bins.size):
        counts[bins[k] - first] += 1
    top = 0
    for at in range(counts.size - 1):
        top = max(top, counts[at] + counts[at + 1])
    return top


@kernel
def _tops(
    differences_ps: NDArray[np.int64],
    elapsed_s: NDArray[np.float64],
    drifts: NDArray[np.float64],
    rates: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Pairs in the best two neighbouring bins with each drift, at the best of the rates."""
    tops = np.zeros(drifts.size, dtype=np.int64)
    bins = np.empty(differences_ps.size, dtype=np.int64)
    for d in range(drifts.size):
        for rate in rates:
            for k in range(bins.size):
                course_ps = (rate + drifts[d] / 2 * elapsed_s[k]) * elapsed_s[k]
                bins[k] = math.floor((differences_ps[k] - course_ps) / BIN_PS)
            tops[d] = max(tops[d], _top(bins))
    return tops
