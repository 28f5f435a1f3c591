"""Whether a clock's rate changes too fast for a lock, and how fast: for the message alone.

It sees times, never bases or bits, and no lock follows from it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, near_pairs
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
    pairs = near_pairs(line.predict(announced_ps), own_ps, low_ps=-REACH_PS, high_ps=REACH_PS)
    if pairs.differences_ps.size < LEAST_PAIRS:
        return None
    middle_ps = (int(announced_ps[0]) + int(announced_ps[-1])) / 2
    half_s = max((int(announced_ps[-1]) - int(announced_ps[0])) / 2 / PS_PER_S, 1e-3)
    elapsed_s = (announced_ps[pairs.announced] - middle_ps) / PS_PER_S
    rate_step = BIN_PS / half_s
    rates = np.arange(-MOST_RATES, MOST_RATES + 1) * rate_step
    drift_step = 2 * BIN_PS / half_s**2
    bends = math.ceil(MOST_PER_S * PS_PER_S / drift_step)
    drifts = np.arange(-bends, bends + 1) * drift_step
    counts = [
        max(
            _top(pairs.differences_ps - rate * elapsed_s - drift / 2 * elapsed_s**2)
            for rate in rates
        )
        for drift in drifts
    ]
    most, straight = max(counts), counts[bends]
    if most < LEAST_GAIN * straight + LEAST_PAIRS:
        return None
    best = np.asarray(counts) >= NEAR_BEST * most
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
    pairs = near_pairs(line.predict(announced_ps), own_ps, low_ps=-half_ps, high_ps=half_ps)
    parts = np.array_split(np.arange(announced_ps.size), PARTS)
    edges = [int(part[0]) for part in parts if part.size]
    counts = np.diff(np.searchsorted(pairs.announced, [*edges, announced_ps.size]))
    return bool(counts.min() < LEAST_PART * counts.max())


def _top(differences_ps: NDArray[np.float64]) -> int:
    """Pairs in the best two neighbouring bins."""
    at = np.floor(differences_ps / BIN_PS).astype(np.int64)
    counts = np.bincount(at - at.min())
    return int((counts[:-1] + counts[1:]).max()) if counts.size > 1 else int(counts.sum())
