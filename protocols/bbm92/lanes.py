"""What the pairs of a link look like in differences of click times: peaks of lanes on a background.

It knows public times and nominal delays, never bases or bits. Differences are own less predicted
times, so that a lane's central peak lies at its delay.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, pairs_about, predict
from protocols.compiled import kernel
from protocols.link import PS_PER_S, LinkConfig
from protocols.matching import NearPairs

PEAK_REACH_PS = 4_000
"""How far from an expected peak pairs are looked at."""
MIN_DECAY_PS = 250.0
"""Peaks are taken to be at least this wide: narrower ones have the width of jitter and ticks."""
GROUP_GAP_PS = 1_000_000
"""Lanes further apart than this are looked at separately."""
BLOCK_PS = 20_000_000_000
"""Click rates are taken as constant for this long."""


def peak_positions(config: LinkConfig, lanes: Sequence[int]) -> NDArray[np.int64]:
    """(K,) int64: where the peaks of ``lanes`` are expected, lane by lane."""
    positions = [
        config.lane_delays_ps[lane] + offset_ps for lane in lanes for offset_ps, _ in config.peaks
    ]
    return np.array(positions, dtype=np.int64)


def clear_peaks(config: LinkConfig, lanes: Sequence[int], *, apart_ps: int) -> NDArray[np.int64]:
    """(K,) int64: peaks of ``lanes`` with none of another one within ``apart_ps``; all, if none is.

    What else comes near a peak moves the mean of what is found about it.
    """
    all_ps = peak_positions(config, lanes)
    owners = np.repeat(np.arange(len(lanes)), len(config.peaks))
    is_near = np.abs(np.subtract.outer(all_ps, all_ps)) < apart_ps
    is_clear = ~(is_near & (owners[:, None] != owners)).any(axis=1)
    return all_ps[is_clear] if is_clear.any() else all_ps


def peak_residuals(
    config: LinkConfig, differences_ps: NDArray[np.int64], half_ps: int, lanes: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Differences within ``half_ps`` of an expected peak of ``lanes``; see `residuals_about`."""
    return residuals_about(peak_positions(config, lanes), differences_ps, half_ps)


@kernel
def residuals_about(
    peaks_ps: NDArray[np.int64], differences_ps: NDArray[np.int64], half_ps: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Differences within ``half_ps`` of any of some peaks.

    Returns
    -------
    (K,) int64, (K,) float64
        Their indices in ``differences_ps``, ascending, and each less its peak.
    """
    capacity = peaks_ps.size * differences_ps.size
    indices = np.empty(capacity, dtype=np.int64)
    values_ps = np.empty(capacity)
    count = np.uint64(0)
    for k in range(differences_ps.size):
        for position_ps in peaks_ps:
            away_ps = differences_ps[k] - position_ps
            indices[count], values_ps[count] = k, away_ps
            count += np.uint64(-half_ps <= away_ps < half_ps)
    return indices[:count].copy(), values_ps[:count].copy()


@kernel
def count_about(
    peaks_ps: NDArray[np.int64], differences_ps: NDArray[np.int64], half_ps: int
) -> int:
    """How many `residuals_about` finds."""
    count = np.int64(0)
    for position_ps in peaks_ps:
        for k in range(differences_ps.size):
            away_ps = differences_ps[k] - position_ps
            count += np.int64(-half_ps <= away_ps < half_ps)
    return int(count)


def pairs_at_lanes(
    config: LinkConfig,
    alignment: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    beyond_ps: int = 0,
) -> NearPairs:
    """Pairs of clicks near the expected peaks of any lane, and ``beyond_ps`` further."""
    reach_ps = config.umi_delay_ps + PEAK_REACH_PS + beyond_ps
    found = [
        pairs_about(
            alignment, announced_ps, own_ps, low_ps=low_ps - reach_ps, high_ps=high_ps + reach_ps
        )
        for low_ps, high_ps in _groups(config.lane_delays_ps, 2 * reach_ps + GROUP_GAP_PS)
    ]
    if len(found) == 1:
        return found[0]
    return NearPairs(
        np.concatenate([pairs.announced for pairs in found]),
        np.concatenate([pairs.own for pairs in found]),
        np.concatenate([pairs.differences_ps for pairs in found]),
    )


def _groups(delays_ps: tuple[int, ...], gap_ps: int) -> list[tuple[int, int]]:
    """Least and greatest delay of each group of lanes with less than ``gap_ps`` between them."""
    groups: list[tuple[int, int]] = []
    for delay_ps in sorted(delays_ps):
        if groups and delay_ps - groups[-1][1] < gap_ps:
            groups[-1] = (groups[-1][0], delay_ps)
        else:
            groups.append((delay_ps, delay_ps))
    return groups


def pair_density_per_ps(
    alignment: Alignment, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> float:
    """Unrelated pairs per ps of difference, from the click rates of both ends block by block.

    Light that comes or goes among the announced clicks does so at both ends at once: the product
    of the mean rates would be too small. 0 where there are no clicks.
    """
    if announced_ps.size == 0 or own_ps.size == 0:
        return 0.0
    return _pair_density(
        announced_ps, own_ps, alignment.reference_ps, alignment.offset_ps, alignment.rate
    )


@kernel
def _pair_density(
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    reference_ps: int,
    offset_ps: float,
    rate: float,
) -> float:
    """All pairs of an announced click with an own one of the same block, by a line, per ps."""
    edges_ps, counts = _count_blocks(announced_ps)
    length_ps = edges_ps[-1] - edges_ps[0]
    own_counts = _count_between(predict(edges_ps, reference_ps, offset_ps, rate), own_ps)
    pairs = np.int64(0)
    for k in range(counts.size):
        pairs += counts[k] * own_counts[k]
    return float(pairs * counts.size / length_ps)


@kernel
def _count_blocks(
    announced_ps: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges (B + 1,) of the blocks of announced clicks, and how many are in each (B,)."""
    first_ps, last_ps = announced_ps[0], announced_ps[-1] + 1
    blocks = max(1, (last_ps - first_ps) // BLOCK_PS)
    edges_ps = np.empty(blocks + 1, dtype=np.int64)
    length_ps = (last_ps - first_ps) / blocks
    for k in range(blocks):
        edges_ps[k] = np.int64(k * length_ps + first_ps)
    edges_ps[blocks] = last_ps
    return edges_ps, _count_between(edges_ps, announced_ps)


@kernel
def _count_between(edges_ps: NDArray[np.int64], times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """(B,) of some times from each of (B + 1,) edges to the next, both ascending.

    A block is taken to have as many as the one before it, and then walked to where it ends.
    """
    counts = np.empty(edges_ps.size - 1, dtype=np.int64)
    start, count = np.searchsorted(times_ps, edges_ps[0]), np.int64(0)
    for k in range(counts.size):
        stop, edge_ps = min(start + count, times_ps.size), edges_ps[k + 1]
        while stop > start and times_ps[stop - 1] >= edge_ps:
            stop -= 1
        while stop < times_ps.size and times_ps[stop] < edge_ps:
            stop += 1
        counts[k] = count = stop - start
        start = stop
    return counts


def signal_share(found: int, background: float) -> float:
    """Share of related pairs among ``found`` residuals; a flat background dilutes their mean."""
    return min(max((found - background) / max(found, 1), 0.05), 1.0)


def lane_shares(
    config: LinkConfig, lows_ps: NDArray[np.float64], width_ps: float
) -> NDArray[np.float64]:
    """Share of the pairs of one lane, all peaks together, in [low, low + width) about its delay."""
    decay_ps = max(PS_PER_S / config.coherence_rate_per_s, MIN_DECAY_PS)
    offsets_ps, weights = np.array(config.peaks, dtype=np.float64).T.copy()
    shares = _shares(lows_ps.ravel(), width_ps, offsets_ps, weights / weights.sum(), decay_ps)
    return shares.reshape(lows_ps.shape)


@kernel
def _shares(
    lows_ps: NDArray[np.float64],
    width_ps: float,
    offsets_ps: NDArray[np.float64],
    weights: NDArray[np.float64],
    decay_ps: float,
) -> NDArray[np.float64]:
    shares = np.zeros(lows_ps.size)
    for peak in range(offsets_ps.size):
        for k in range(lows_ps.size):
            low_ps, high_ps = (
                lows_ps[k] - offsets_ps[peak],
                lows_ps[k] + width_ps - offsets_ps[peak],
            )
            inside = _before(high_ps, decay_ps) - _before(low_ps, decay_ps)
            shares[k] += weights[peak] * inside
    return shares


@kernel
def _before(offset_ps: float, decay_ps: float) -> float:
    """Share of the pairs of one peak that come before ``offset_ps`` from its middle."""
    tail = 0.5 * math.exp(-abs(offset_ps) / decay_ps)
    return tail if offset_ps < 0 else 1.0 - tail
