"""Where two recordings correlate: offset and rate of their clocks, and the pairs about the peak.

Times are in ps as floating-point numbers here, exact to a picosecond within two hours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from netsim.recordings.lateness import histograms_of, late_of
from netsim.recordings.reading import Recording
from netsim.units import PS_PER_S

Times = NDArray[np.int64]
Counts = NDArray[np.int64]

MAX_PAIRS = 4_000_000
"""Differences of times that are looked at in one histogram."""
COARSE_PS, NEAR_PS, FINE_PS = 20_000, 20_000, 100
"""Bins of the search, half width of what is kept about the peak, bins of what is shown."""
MAX_RATES = 51
"""Differences of the clocks' rates that are tried; over more light they would be too far apart."""
MAIN_SHARE = 0.35
"""Of the pairs of the highest peak: those of two bases have half of them, side peaks a quarter."""
SLICE_PS = PS_PER_S
"""The clocks are followed from slice to slice: the first of the light searched, each twice as long
as the one before, up to this."""
SURE = 1e-3
"""A peak is sure where fewer bins than this are expected to be so high by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """How two recordings correlate.

    Attributes
    ----------
    offset_ps : float
        Time of the second less that of the first, at the first's beginning.
    rate_ppm : float
        By how much the second's clock is faster.
    height, by_chance : int, float
        Pairs in the bin where it was found, and how many a bin has by chance.
    chance : float
        How many bins of all that were looked at are expected to be so high by chance.
    residuals_ps : (M,) float64
        Differences of all pairs within `NEAR_PS` of the followed offset.
    pairs : (M, 2) int64
        Channels of each pair.
    """

    offset_ps: float
    rate_ppm: float
    height: int
    by_chance: float
    chance: float
    residuals_ps: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @property
    def is_sure(self) -> bool:
        """Whether the peak cannot be chance."""
        return self.chance < SURE

    def histogram(self) -> tuple[NDArray[np.float64], Counts]:
        """Middles of bins of `FINE_PS`, and the pairs in each."""
        edges = np.arange(-NEAR_PS, NEAR_PS + FINE_PS, FINE_PS, dtype=np.float64)
        counts, _ = np.histogram(self.residuals_ps, edges)
        return (edges[:-1] + edges[1:]) / 2, counts

    def matrix(self, ones: Sequence[int], others: Sequence[int], window_ps: float) -> Counts:
        """Coincidences within ``window_ps`` (full width) of each channel with each."""
        near = np.abs(self.residuals_ps) < window_ps / 2
        found = np.zeros((len(ones), len(others)), dtype=np.int64)
        for k, one in enumerate(ones):
            for n, other in enumerate(others):
                chosen = (self.pairs[:, 0] == one) & (self.pairs[:, 1] == other)
                found[k, n] = np.count_nonzero(near & chosen)
        return found

    def late_ps(self, window_ps: float) -> tuple[dict[int, int], dict[int, int]]:
        """Channels of the first and of the second recording that answer late, and by how much.

        Less the median of their recording. Peaks of few pairs are left out: interferometers put as
        many beside the main peak.
        """
        (ones, rows), (others, columns) = (
            np.unique(self.pairs[:, side], return_inverse=True) for side in (0, 1)
        )
        histograms = histograms_of(
            self.residuals_ps,
            rows * others.size + columns,
            NEAR_PS,
            cells=ones.size * others.size,
        )
        late: tuple[dict[int, int], dict[int, int]] = ({}, {})
        found = late_of(histograms, window_ps, columns=others.size, least_share=MAIN_SHARE)
        for end, place, late_ps in found:
            late[end][int((ones, others)[end][place])] = late_ps
        return late


def correlate(
    one: Recording,
    other: Recording,
    ticks_ps: tuple[Fraction, Fraction],
    *,
    offset_ps: float,
    bound_ps: float,
    rate_bound_ppm: float,
) -> Correlation | None:
    """Find where two recordings correlate, and follow it; None if they have no time in common.

    The differences of all times within the bound are histogrammed at the rates that are possible,
    over as much light as `MAX_PAIRS` pairs take; the highest bin is the lock.

    Parameters
    ----------
    one, other : Recording
    ticks_ps : tuple of Fraction
    offset_ps, bound_ps : float
        The other's clock less the one's, and how wrong that may be.
    rate_bound_ppm : float
        By how much their rates may differ.
    """
    (a, a_channels), (b, b_channels) = (
        _sorted_ps(recording, tick) for recording, tick in zip((one, other), ticks_ps, strict=True)
    )
    start_ps = max(float(a[0]), float(b[0]) - offset_ps - bound_ps)
    a_from = int(np.searchsorted(a, start_ps))
    a, a_channels = a[a_from:], a_channels[a_from:]
    if not a.size or a[0] > b[-1] - offset_ps + bound_ps:
        return None
    found = _search(a, b, offset_ps=offset_ps, bound_ps=bound_ps, rate_bound_ppm=rate_bound_ppm)
    line = _Line(found.offset_ps, found.rate_ppm * 1e-6)
    residuals, pairs = _follow((a, a_channels), (b, b_channels), line, found.light_ps)
    first_ps, rate_ppm = line.first_ps, line.first_drift * 1e6
    return Correlation(
        offset_ps=first_ps,
        rate_ppm=rate_ppm,
        height=found.height,
        by_chance=found.by_chance,
        chance=found.trials * poisson_tail(found.height, found.by_chance),
        residuals_ps=residuals,
        pairs=pairs,
    )


def poisson_tail(least: int, mean: float) -> float:
    """Bound of the probability that a Poisson number is ``least`` or more; 1 up to its mean.

    The first term of the tail times the geometric series that bounds the others.
    """
    if least <= mean:
        return 1.0
    first = math.exp(least * math.log(mean) - mean - math.lgamma(least + 1)) if mean else 0.0
    return min(1.0, first / (1.0 - mean / (least + 1)))


@dataclass(frozen=True, slots=True)
class _Found:
    """The highest bin of the search: offset at the beginning, and over how much light."""

    offset_ps: float
    rate_ppm: float
    height: int
    by_chance: float
    trials: int
    light_ps: float


@dataclass(slots=True)
class _Line:
    """Where the peak is expected next, and how it was in the first slice."""

    expected_ps: float
    drift: float
    first_ps: float = 0.0
    first_drift: float = 0.0
    is_first: bool = True

    def moved(self, tilt: float, peak_ps: float) -> None:
        """Take in what a slice has shown."""
        self.drift += tilt
        self.expected_ps += peak_ps
        if self.is_first:
            self.first_ps, self.first_drift = self.expected_ps, self.drift
            self.is_first = False


def _sorted_ps(recording: Recording, tick_ps: Fraction) -> tuple[NDArray[np.float64], Times]:
    order = np.argsort(recording.times_ticks, kind="stable")
    times_ps = recording.times_ticks[order].astype(np.float64) * float(tick_ps)
    return times_ps, recording.detectors[order]


def _search(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    offset_ps: float,
    bound_ps: float,
    rate_bound_ppm: float,
) -> _Found:
    """Find the highest bin of all rates."""
    stop = _enough(a, b, offset_ps, bound_ps)
    if rate_bound_ppm > 0.0:
        most_ps = MAX_RATES // 2 * COARSE_PS / (rate_bound_ppm * 1e-6)
        stop = min(stop, max(1, int(np.searchsorted(a, a[0] + most_ps))))
    starts, deltas = _differences(a[:stop], b, offset_ps, bound_ps)
    light_ps = float(a[stop - 1] - a[0])
    steps = min(MAX_RATES // 2, int(np.ceil(rate_bound_ppm * 1e-6 * light_ps / COARSE_PS)))
    rates_ppm = rate_bound_ppm * np.linspace(-1.0, 1.0, 2 * steps + 1) if steps else [0.0]
    bins = int(2 * bound_ps // COARSE_PS) + 2
    mean, trials = 2.0 * deltas.size / bins, bins * len(rates_ppm)
    best = _Found(offset_ps, 0.0, 0, mean, trials, light_ps)
    for rate_ppm in rates_ppm:
        shifted = deltas - starts * (rate_ppm * 1e-6)
        places = ((shifted - offset_ps + bound_ps) // COARSE_PS).astype(np.int64)
        inside = (places >= 0) & (places < bins)
        # Two neighbouring bins together: a peak on an edge is not halved.
        single = np.bincount(places[inside], minlength=bins)
        counts = single[:-1] + single[1:]
        top = int(counts.argmax())
        if counts[top] > best.height:
            where_ps = offset_ps - bound_ps + (top + 1) * COARSE_PS
            best = replace(
                best, offset_ps=where_ps, rate_ppm=float(rate_ppm), height=int(counts[top])
            )
    return best


def _enough(
    a: NDArray[np.float64], b: NDArray[np.float64], offset_ps: float, bound_ps: float
) -> int:
    """So many times of ``a`` make `MAX_PAIRS` pairs, or all of them fewer."""
    low = np.searchsorted(b, a + offset_ps - bound_ps)
    high = np.searchsorted(b, a + offset_ps + bound_ps)
    pairs = np.cumsum(high - low)
    return max(1, int(np.searchsorted(pairs, MAX_PAIRS)))


def _differences(
    a: NDArray[np.float64], b: NDArray[np.float64], offset_ps: float, bound_ps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of all pairs within the bound: time of the first since the beginning, and difference."""
    index_a, index_b = _pairs(a + offset_ps, b, bound_ps)
    return a[index_a] - a[0], b[index_b] - a[index_a]


def _pairs(
    centres: NDArray[np.float64], b: NDArray[np.float64], bound_ps: float
) -> tuple[Times, Times]:
    """Indices of all pairs of which the second lies within ``bound_ps`` of a centre."""
    low = np.searchsorted(b, centres - bound_ps)
    counts = np.searchsorted(b, centres + bound_ps) - low
    index_a = np.repeat(np.arange(centres.size), counts)
    within = np.arange(index_a.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return index_a, np.repeat(low, counts) + within


def _follow(
    one: tuple[NDArray[np.float64], Times],
    other: tuple[NDArray[np.float64], Times],
    line: _Line,
    light_ps: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Differences about the line, slice by slice of the light; each starts from the last."""
    (a, a_channels), (b, b_channels) = one, other
    residuals, pairs = [np.zeros(0)], [np.zeros((0, 2), dtype=np.int64)]
    reach_ps, start_ps = float(2 * COARSE_PS), float(a[0])
    slice_ps = min(max(light_ps, float(NEAR_PS)), float(SLICE_PS))
    while start_ps <= a[-1]:
        begin, end = np.searchsorted(a, (start_ps, start_ps + slice_ps))
        since_ps = a[begin:end] - start_ps
        expected_ps = line.expected_ps + line.drift * since_ps
        index_a, index_b = _pairs(a[begin:end] + expected_ps, b, reach_ps)
        found = b[index_b] - a[begin:end][index_a] - expected_ps[index_a]
        tilt, peak_ps = _peak(since_ps[index_a], found, reach_ps)
        line.moved(tilt, peak_ps)
        left = found - peak_ps - tilt * since_ps[index_a]
        near = np.abs(left) < NEAR_PS
        residuals.append(left[near])
        pairs.append(np.column_stack([a_channels[begin:end][index_a], b_channels[index_b]])[near])
        line.expected_ps += line.drift * slice_ps
        start_ps, reach_ps = start_ps + slice_ps, float(NEAR_PS)
        slice_ps = min(2 * slice_ps, float(SLICE_PS))
    return np.concatenate(residuals), np.concatenate(pairs)


def _peak(
    times_ps: NDArray[np.float64], found_ps: NDArray[np.float64], reach_ps: float
) -> tuple[float, float]:
    """Tilt and place of the highest peak of a slice; (0, 0) of fewer than a few pairs."""
    if found_ps.size < 5:
        return 0.0, 0.0
    span_ps = max(float(times_ps.max()), 1.0)
    bin_ps = 10 * FINE_PS
    most = int(reach_ps // bin_ps)
    best = (-1, 0.0, 0.0)
    for step in range(-most, most + 1):
        tilt = step * bin_ps / span_ps
        places = np.floor((found_ps - tilt * times_ps + reach_ps) / bin_ps).astype(np.int64)
        counts = np.bincount(places[(places >= 0) & (places < 2 * most)], minlength=1)
        top = int(counts.argmax())
        if counts[top] > best[0]:
            best = (int(counts[top]), tilt, (top + 0.5) * bin_ps - reach_ps)
    _, tilt, peak_ps = best
    near = np.abs(found_ps - tilt * times_ps - peak_ps) < bin_ps
    return tilt, float(np.median((found_ps - tilt * times_ps)[near]))
