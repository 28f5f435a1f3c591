"""Find and follow the other clock from public click times alone.

Law of this module: it sees times, never bases or bits, and it says "no lock" rather than guess.
Coarse: an unfolded histogram of time differences over the whole clock prior, for several rates;
its best bins are candidates. A candidate must then stand out in a later slice, be fitted by the
peaks that an unbalanced interferometer makes (1:2:1 at -Delta, 0, +Delta, one triple per lane), and
stand out once more in a third slice, each time against a Poisson background.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, NearPairs, near_pairs
from protocols.bbm92.config import PS_PER_S, LinkConfig
from protocols.compiled import kernel

COARSE_SLICE_PS = 40_000_000_000
LATER_SLICE_PS = 400_000_000_000
ACQUISITION_PS = COARSE_SLICE_PS + 2 * LATER_SLICE_PS
"""Light needed for one attempt."""
COARSE_SHIFT = 14
"""Coarse bins are 2^14 ps wide; two neighbours hold all three peaks of 10 ns interferometers."""
BLOCK_BINS = 1 << 16
CANDIDATES = 48
REFINE_SHIFT = 13
REFINE_WIDTH = 4
"""Candidates are refined in bins of 8.2 ns, four of which hold all three peaks."""
FALSE_LOCK_PROBABILITY = 1e-6
FINE_BIN_PS = 250
PEAK_REACH_PS = 4_000
"""How far from an expected peak pairs are looked at."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The clocks are aligned; ``significance_sigma`` is that of the later slice."""

    alignment: Alignment
    significance_sigma: float
    searched_bins: int


@dataclass(frozen=True, slots=True)
class NoLock:
    """An honest refusal: the best peak, and among how many bins it was the best."""

    best_sigma: float
    searched_bins: int


@kernel
def _coarse_block(
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    low_ps: int,
    rate: float,
    counts: NDArray[np.int32],
) -> None:
    """Histogram own - announced - rate * (announced - first) from ``low_ps`` on, 2^14 ps a bin."""
    counts[:] = 0
    high_ps = counts.size << COARSE_SHIFT
    first = 0
    for k in range(announced_ps.size):
        time_ps = announced_ps[k]
        base_ps = time_ps + low_ps + np.int64(rate * (time_ps - announced_ps[0]))
        while first < own_ps.size and own_ps[first] < base_ps:
            first += 1
        j = first
        while j < own_ps.size and own_ps[j] - base_ps < high_ps:
            counts[(own_ps[j] - base_ps) >> COARSE_SHIFT] += 1
            j += 1


def poisson_tail_log10(count: float, mean: float) -> float:
    """Upper bound (Chernoff) of log10 P(Poisson(mean) >= count); 0 where count <= mean."""
    if count <= mean or mean <= 0:
        return 0.0 if count <= mean else -math.inf
    return (count - mean - count * math.log(count / mean)) / math.log(10)


def sigma_of(count: float, mean: float) -> float:
    """Excess of ``count`` over ``mean`` in Poisson standard deviations."""
    return (count - mean) / math.sqrt(mean) if mean > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    count: int
    offset_ps: int
    rate: float


def acquire(
    config: LinkConfig, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> Lock | NoLock:
    """Look for the responder's clock in at least `ACQUISITION_PS` of announced times.

    Parameters
    ----------
    config : LinkConfig
        Gives the prior of offset and rate, the lanes and the peaks.
    announced_ps, own_ps : (N,), (M,) int64, ascending
        Click times of the announcer (its clock) and of the responder (its clock); the latter must
        cover the former by the offset prior on both sides.
    """
    if announced_ps.size < 2 or own_ps.size < 2:
        return NoLock(0.0, 0)
    start_ps = int(announced_ps[0])
    stops = start_ps + np.array([COARSE_SLICE_PS, COARSE_SLICE_PS + LATER_SLICE_PS, ACQUISITION_PS])
    cuts = np.searchsorted(announced_ps, stops)
    first, second, third = (
        announced_ps[: cuts[0]],
        announced_ps[cuts[0] : cuts[1]],
        announced_ps[cuts[1] : cuts[2]],
    )
    candidates, step, searched = _coarse_search(config, first, own_ps)
    best, best_sigma, best_log10 = _best_candidate(candidates, step, start_ps, second, own_ps)
    trials = searched + len(candidates) * 4096
    if best is None or best_log10 + math.log10(max(trials, 1)) > math.log10(FALSE_LOCK_PROBABILITY):
        return NoLock(best_sigma, searched)
    alignment = _fit(config, best, start_ps, announced_ps[: cuts[1]], own_ps)
    if alignment is None or not _is_confirmed(config, alignment, third, own_ps):
        return NoLock(best_sigma, searched)
    return Lock(alignment, best_sigma, searched)


def _coarse_search(
    config: LinkConfig, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> tuple[list[_Candidate], float, int]:
    """Best bins over the whole prior; the rate step smears a peak by half a bin at most."""
    step = (1 << COARSE_SHIFT) / COARSE_SLICE_PS
    bound = config.rate_bound_ppm * 1e-6
    rates = np.linspace(-bound, bound, 2 * math.ceil(bound / step) + 1)
    margin_ps = config.umi_delay_ps + (2 << COARSE_SHIFT)
    low_ps = min(config.lane_delays_ps) - config.offset_bound_ps - margin_ps
    high_ps = max(config.lane_delays_ps) + config.offset_bound_ps + margin_ps
    bins = ((high_ps - low_ps) >> COARSE_SHIFT) + 1
    found: list[_Candidate] = []
    counts = np.empty(min(BLOCK_BINS, bins), dtype=np.int32)
    for rate in rates:
        for block in range(0, bins, counts.size - 1):  # one bin of overlap: pairs of neighbours
            block_ps = low_ps + (block << COARSE_SHIFT)
            _coarse_block(announced_ps, own_ps, block_ps, float(rate), counts)
            found += _best_bins(counts, block_ps, float(rate))
        found = sorted(found, key=lambda candidate: -candidate.count)[:CANDIDATES]
    return found, float(rates[1] - rates[0]) if rates.size > 1 else step, bins * rates.size


def _best_bins(counts: NDArray[np.int32], low_ps: int, rate: float) -> list[_Candidate]:
    if counts.size < 2:
        return []
    pairs = counts[:-1] + counts[1:]
    best = np.argpartition(pairs, -min(8, pairs.size))[-8:]
    return [_Candidate(int(pairs[k]), low_ps + ((int(k) + 1) << COARSE_SHIFT), rate) for k in best]


def _best_candidate(
    candidates: list[_Candidate],
    rate_step: float,
    start_ps: int,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> tuple[_Candidate | None, float, float]:
    """The candidate that stands out most in the second slice, refined to 32 ns and 0.02 ppm."""
    best: tuple[_Candidate | None, float, float] = (None, 0.0, 0.0)
    for candidate in candidates:
        refined, sigma, log10 = _refine(candidate, rate_step, start_ps, announced_ps, own_ps)
        if log10 < best[2]:
            best = (refined, sigma, log10)
    return best


def _refine(
    candidate: _Candidate,
    rate_step: float,
    start_ps: int,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> tuple[_Candidate, float, float]:
    if announced_ps.size == 0:
        return candidate, 0.0, 0.0
    line = Alignment(start_ps, candidate.offset_ps, candidate.rate)
    span_ps = COARSE_SLICE_PS + LATER_SLICE_PS
    reach_ps = (2 << COARSE_SHIFT) + int(rate_step * span_ps)
    pairs = near_pairs(line.predict(announced_ps), own_ps, low_ps=-reach_ps, high_ps=reach_ps)
    values, times = pairs.differences_ps, announced_ps[pairs.announced]
    top, at_bin, at_step = _refine_grid(values, times - start_ps, reach_ps, span_ps, rate_step)
    mean = values.size * REFINE_WIDTH * (1 << REFINE_SHIFT) / (2 * reach_ps)
    offset_ps = candidate.offset_ps - reach_ps + ((at_bin + REFINE_WIDTH // 2) << REFINE_SHIFT)
    rate = candidate.rate - rate_step + at_step * (1 << REFINE_SHIFT) / span_ps
    refined = _Candidate(top, offset_ps, rate)
    return refined, sigma_of(top, mean), poisson_tail_log10(top, mean)


@kernel
def _refine_grid(
    values_ps: NDArray[np.int64],
    elapsed_ps: NDArray[np.int64],
    reach_ps: int,
    span_ps: int,
    rate_step: float,
) -> tuple[int, int, int]:
    """Largest sum of `REFINE_WIDTH` neighbouring bins over all rates: (sum, first bin, rate)."""
    bins = (2 * reach_ps) >> REFINE_SHIFT
    counts = np.empty(bins, dtype=np.int64)
    grain = (1 << REFINE_SHIFT) / span_ps
    best, best_bin, best_step = 0, 0, 0
    for step in range(int(2 * rate_step / grain) + 1):
        extra = step * grain - rate_step
        counts[:] = 0
        for k in range(values_ps.size):
            at = (values_ps[k] + reach_ps - np.int64(extra * elapsed_ps[k])) >> REFINE_SHIFT
            if 0 <= at < bins:
                counts[at] += 1
        total = 0
        for k in range(bins):
            total += counts[k]
            if k >= REFINE_WIDTH:
                total -= counts[k - REFINE_WIDTH]
            if k >= REFINE_WIDTH - 1 and total > best:
                best, best_bin, best_step = total, k - REFINE_WIDTH + 1, step
    return best, best_bin, best_step


def _template(config: LinkConfig, reach_ps: int) -> NDArray[np.float64]:
    """Expected peaks of all lanes about the first lane's centre, in fine bins, mean zero."""
    bins = np.arange(2 * reach_ps // FINE_BIN_PS, dtype=np.float64)
    centres_ps: NDArray[np.float64] = (bins + 0.5) * FINE_BIN_PS - reach_ps
    shape = np.zeros_like(centres_ps)
    for delay_ps in config.lane_delays_ps:
        shape += _triple(config, centres_ps - (delay_ps - config.lane_delays_ps[0]))
    centred: NDArray[np.float64] = shape - shape.mean()
    return centred


def _fit(
    config: LinkConfig,
    candidate: _Candidate,
    start_ps: int,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> Alignment | None:
    """Fit offset and rate to the peaks of all lanes, first on a grid, then by least squares."""
    line = Alignment(start_ps, candidate.offset_ps, candidate.rate)
    spread_ps = config.lane_delays_ps[-1] - config.lane_delays_ps[0]
    inner_ps = spread_ps + config.umi_delay_ps + 20_000
    reach_ps = 2 * spread_ps + config.umi_delay_ps + 80_000
    pairs = near_pairs(line.predict(announced_ps), own_ps, low_ps=-reach_ps, high_ps=reach_ps)
    values, times = pairs.differences_ps, announced_ps[pairs.announced]
    if values.size == 0:
        return None
    template = _template(config, inner_ps)
    elapsed_ps = times - times[0]
    best = (-math.inf, 0.0, 0.0)
    for extra in np.arange(-80e-9, 80e-9, 2e-9):
        counts, edges = np.histogram(
            values - extra * elapsed_ps,
            bins=2 * reach_ps // FINE_BIN_PS,
            range=(-reach_ps, reach_ps),
        )
        scores = np.correlate(counts.astype(np.float64), template, mode="valid")
        k = int(np.argmax(scores))
        if scores[k] > best[0]:
            best = (float(scores[k]), float(edges[k]) + inner_ps, float(extra))
    shift_ps = _resolve_peaks(config, values - best[2] * elapsed_ps, best[1], inner_ps)
    first_lane_ps = candidate.offset_ps + shift_ps - config.lane_delays_ps[0]
    found = Alignment(start_ps, first_lane_ps, candidate.rate + best[2])
    for half_ps in (3_000, 2_000):
        found = _least_squares(config, found, announced_ps, own_ps, half_ps)
    return found


def _resolve_peaks(
    config: LinkConfig, values_ps: NDArray[np.float64], shift_ps: float, inner_ps: int
) -> float:
    """Of the fitted shift and its neighbours by a peak, the one that explains the counts best.

    The template takes all lanes for equally strong. Where they are not and side peaks coincide, it
    may prefer a neighbour; here each lane has a strength of its own, fitted by least squares.
    """
    if config.lanes == 1:
        return shift_ps
    span_ps = inner_ps + 2 * config.umi_delay_ps
    bins = 2 * span_ps // FINE_BIN_PS
    counts, edges = np.histogram(
        values_ps, bins=bins, range=(shift_ps - span_ps, shift_ps + span_ps)
    )
    centres_ps = edges[:-1] + FINE_BIN_PS / 2
    candidates = [shift_ps + peak * config.umi_delay_ps for peak in (0, -1, 1, -2, 2)]
    return min(candidates, key=lambda at_ps: _misfit(config, centres_ps - at_ps, counts))


def _misfit(
    config: LinkConfig, centres_ps: NDArray[np.float64], counts: NDArray[np.int64]
) -> float:
    """Sum of squares left by a flat background and one triple per lane, of free strengths."""
    columns = [np.ones_like(centres_ps)]
    columns += [
        _triple(config, centres_ps - (delay_ps - config.lane_delays_ps[0]))
        for delay_ps in config.lane_delays_ps
    ]
    design = np.stack(columns, axis=1)
    strengths = np.linalg.lstsq(design, counts.astype(np.float64), rcond=None)[0]
    return float(np.sum((counts - design @ np.maximum(strengths, 0.0)) ** 2))


def _triple(config: LinkConfig, centres_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peaks of one lane about its centre: 1:2:1, each as wide as the biphoton."""
    decay_per_ps = config.coherence_rate_per_s / PS_PER_S
    shape = np.zeros_like(centres_ps)
    for peak, weight in ((-1, 1.0), (0, 2.0), (1, 1.0)):
        shape += weight * np.exp(-decay_per_ps * np.abs(centres_ps - peak * config.umi_delay_ps))
    return shape


def peak_residuals(
    config: LinkConfig, differences_ps: NDArray[np.int64], half_ps: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Differences within ``half_ps`` of an expected peak.

    Returns
    -------
    (K,) int64, (K,) float64
        Their indices in ``differences_ps``, and each less its peak; three peaks a lane.
    """
    indices: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    for delay_ps in config.lane_delays_ps:
        for peak in (-1, 0, 1):
            residuals = differences_ps - (delay_ps + peak * config.umi_delay_ps)
            at = np.flatnonzero((residuals >= -half_ps) & (residuals < half_ps))
            indices.append(at)
            values.append(residuals[at].astype(np.float64))
    return np.concatenate(indices), np.concatenate(values)


def peak_span_ps(config: LinkConfig) -> tuple[int, int]:
    """Differences that belong to any peak lie between these two."""
    reach_ps = config.umi_delay_ps + PEAK_REACH_PS
    return config.lane_delays_ps[0] - reach_ps, config.lane_delays_ps[-1] + reach_ps


def pairs_at_peaks(
    config: LinkConfig,
    alignment: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> NearPairs:
    """Pairs of clicks near the expected peaks of any lane."""
    low_ps, high_ps = peak_span_ps(config)
    return near_pairs(alignment.predict(announced_ps), own_ps, low_ps=low_ps, high_ps=high_ps)


def _least_squares(
    config: LinkConfig,
    alignment: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    half_ps: int,
) -> Alignment:
    pairs = pairs_at_peaks(config, alignment, announced_ps, own_ps)
    at, values_ps = peak_residuals(config, pairs.differences_ps, half_ps)
    if values_ps.size < 16:
        return alignment
    reference_ps = int(announced_ps[0])
    elapsed_ps = (announced_ps[pairs.announced[at]] - reference_ps).astype(np.float64)
    slope, offset_ps = np.polyfit(elapsed_ps, values_ps, 1)
    share = signal_share(config, announced_ps, own_ps, values_ps.size, half_ps)
    moved = alignment.moved(reference_ps)
    return Alignment(reference_ps, moved.offset_ps + offset_ps / share, moved.rate + slope / share)


def expected_background(
    config: LinkConfig, announced: int, own_ps: NDArray[np.int64], half_ps: int
) -> float:
    """Unrelated pairs within ``half_ps`` of all expected peaks, from the two click rates."""
    span_ps = max(int(own_ps[-1] - own_ps[0]), 1)
    return announced * (own_ps.size / span_ps) * 2 * half_ps * 3 * config.lanes


def signal_share(
    config: LinkConfig,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    found: int,
    half_ps: int,
) -> float:
    """Share of related pairs among ``found`` residuals; a flat background dilutes their mean."""
    mean = expected_background(config, announced_ps.size, own_ps, half_ps)
    return min(max((found - mean) / max(found, 1), 0.05), 1.0)


def _is_confirmed(
    config: LinkConfig,
    alignment: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> bool:
    """Whether the central and side peaks stand out in a slice that the fit has not seen."""
    half_ps = config.window_ps
    pairs = pairs_at_peaks(config, alignment, announced_ps, own_ps)
    _, values_ps = peak_residuals(config, pairs.differences_ps, half_ps)
    mean = expected_background(config, announced_ps.size, own_ps, half_ps)
    log10 = poisson_tail_log10(values_ps.size, mean)
    return log10 < math.log10(FALSE_LOCK_PROBABILITY)


class Tracker:
    """Follows offset and rate from one announcement to the next (two-state Kalman filter).

    The state moves by the clocks' white frequency noise; each announcement gives one measurement,
    the mean residual about the expected peaks.
    """

    HALF_PS = 2_500
    LOST_AFTER = 6
    """Announcements in a row without a significant peak."""

    def __init__(self, config: LinkConfig, alignment: Alignment) -> None:
        self._config = config
        self.alignment = alignment
        self._covariance = np.diag([200.0**2, (2e-9) ** 2])
        self._weak = 0

    @property
    def is_lost(self) -> bool:
        """Whether the peaks have been absent for `LOST_AFTER` announcements."""
        return self._weak >= self.LOST_AFTER

    def follow(
        self, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
    ) -> NearPairs | None:
        """Update with one announcement and the own times around it (both ascending int64, ps).

        Returns
        -------
        NearPairs or None
            Pairs near the peaks, with differences by the updated alignment; None without light.
        """
        if announced_ps.size == 0 or own_ps.size < 2:
            self._weak += 1
            return None
        self._advance(int(announced_ps[0] + announced_ps[-1]) // 2)
        pairs = pairs_at_peaks(self._config, self.alignment, announced_ps, own_ps)
        _, values_ps = peak_residuals(self._config, pairs.differences_ps, self.HALF_PS)
        self._take(values_ps, announced_ps, own_ps)
        predicted_ps = self.alignment.predict(announced_ps[pairs.announced])
        return NearPairs(pairs.announced, pairs.own, own_ps[pairs.own] - predicted_ps)

    def _take(
        self,
        values_ps: NDArray[np.float64],
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
    ) -> None:
        """Use the residuals of one announcement, if there is a significant peak in it."""
        count = values_ps.size
        mean = expected_background(self._config, announced_ps.size, own_ps, self.HALF_PS)
        if sigma_of(count, mean) < 4.0 or count < 4:
            self._weak += 1
            return
        self._weak = 0
        share = signal_share(self._config, announced_ps, own_ps, count, self.HALF_PS)
        self._correct(float(values_ps.mean()) / share, float(values_ps.var()) / count / share**2)

    def _advance(self, middle_ps: int) -> None:
        step_ps = middle_ps - self.alignment.reference_ps
        self.alignment = self.alignment.moved(middle_ps)
        move = np.array([[1.0, float(step_ps)], [0.0, 1.0]])
        step_s = abs(step_ps) / PS_PER_S
        noise = np.diag(
            [(self._config.allan_deviation_1s * PS_PER_S) ** 2 * step_s, (1e-12) ** 2 * step_s]
        )
        self._covariance = move @ self._covariance @ move.T + noise

    def _correct(self, value_ps: float, variance: float) -> None:
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + variance)
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.alignment = Alignment(
            self.alignment.reference_ps,
            self.alignment.offset_ps + float(gain[0]) * value_ps,
            self.alignment.rate + float(gain[1]) * value_ps,
        )
