"""From a place where clocks agree roughly to the alignment that their lanes' peaks give.

It sees times, never bases or bits. Which lanes have light is not known beforehand: every way to lay
the lanes over the peaks is a hypothesis with one free strength a lane. Where two hypotheses differ
in which lane is which but agree where pairs are to be matched, the better one is taken and the
other remembered; where they disagree about that, there is no alignment.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, pairs_about
from protocols.bbm92.lanes import (
    GROUP_GAP_PS,
    lane_shares,
    pair_density_per_ps,
    pairs_at_lanes,
    peak_positions,
    peak_residuals,
    signal_share,
)
from protocols.bbm92.prior import ClockPrior
from protocols.compiled import kernel
from protocols.link import PS_PER_S, LinkConfig

FINE_BIN_PS = 250
RATE_STEP_PS = 1300.0
"""Steps of the rate move a peak by less than its width from one end of the light to the other."""
MAX_RATE_STEPS = 100
COUNT_BIN_PS = 500
COUNT_REACH_PS = 2_500
STRENGTH_STEPS = 40
CERTAIN = math.log(1e6)
"""Log-likelihood by which a hypothesis must be worse than the best one to be ruled out."""
SAME_PS = 2_000
"""Offsets closer than this match the same pairs."""
LIT_SIGMA = 4.0
LEAST_RESIDUALS = 16
START_SIGMA_PS, START_RATE_SIGMA = 200.0, 2e-9
"""Of an alignment that a fit to half a second of the weakest light gives."""
RATE_BOUND_SIGMAS = 4.0
LEAST_RATE_SIGMA = 1e-10
"""A prior bounds the rate generously: a quarter of that is taken for its standard deviation."""


def unknown_covariance() -> NDArray[np.float64]:
    """Covariance (2, 2) of offset (ps) and rate of an alignment that somebody has guessed."""
    return np.diag([START_SIGMA_PS**2, START_RATE_SIGMA**2])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An alignment, the lanes that have light in it, and other names that these may have."""

    alignment: Alignment
    lit: tuple[int, ...]
    shifts_ps: tuple[float, ...] = ()
    """The true offset may be further by one of these, with the lanes named otherwise."""
    covariance: NDArray[np.float64] = field(default_factory=unknown_covariance)
    """(2, 2) of offset (ps) and rate, at the reference of the alignment."""


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """How well each of H offsets explains the pairs, with one strength a lane."""

    offsets_ps: NDArray[np.float64]
    """(H,)."""
    log_likelihoods: NDArray[np.float64]
    """(H,), to a sum that is common to all."""
    strengths: NDArray[np.float64]
    """(H, lanes) pairs above the background."""


def fit(
    config: LinkConfig,
    prior: ClockPrior,
    rough: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    rate_reach: float,
) -> Fit | str:
    """Fit offset and rate to the peaks about ``rough``; a reason where they do not tell enough.

    ``rough`` predicts where the pairs of one lane are, whichever that is, to within 40 ns: it
    contains that lane's delay already. Its rate is off by less than ``rate_reach``.
    """
    found = _sharpest(config, prior, rough, announced_ps, own_ps, rate_reach=rate_reach)
    if found is None:
        return "no fit: no pairs about the best place"
    offsets_ps = _possible_offsets(config, found.offset_ps)
    density = pair_density_per_ps(found, announced_ps, own_ps)

    def differences_ps(low_ps: int, high_ps: int) -> NDArray[np.int64]:
        pairs = pairs_about(found, announced_ps, own_ps, low_ps=low_ps, high_ps=high_ps)
        return pairs.differences_ps

    explained = explain(config, found.offset_ps, offsets_ps, differences_ps, density)
    penalties = prior.penalty(offsets_ps, found.reference_ps)
    chosen = _choose(config, found, explained, penalties, density)
    if chosen is None:
        return "no fit: the pairs do not tell which of their peaks is the middle of a lane"
    for half_ps in (3_000, 2_000):
        chosen = _least_squares(config, prior, chosen, announced_ps, own_ps, half_ps=half_ps)
    return chosen


def _sharpest(
    config: LinkConfig,
    prior: ClockPrior,
    rough: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    rate_reach: float,
) -> Alignment | None:
    """Offset and rate at which the pairs near ``rough`` look most like those of a lane."""
    inner_ps = config.umi_delay_ps + 6_000
    reach_ps = inner_ps + config.umi_delay_ps + 40_000
    pairs = pairs_about(rough, announced_ps, own_ps, low_ps=-reach_ps, high_ps=reach_ps)
    if pairs.differences_ps.size == 0:
        return None
    elapsed_ps = announced_ps[pairs.announced] - rough.reference_ps
    lows_ps = np.arange(-inner_ps, inner_ps, FINE_BIN_PS, dtype=np.float64)
    shape = lane_shares(config, lows_ps, float(FINE_BIN_PS))
    step = RATE_STEP_PS / max(int(announced_ps[-1]) - int(announced_ps[0]), 1)
    extras = _possible_rates(prior, rough.rate, rate_reach, step)
    at_rate, place = _likest(
        pairs.differences_ps, elapsed_ps, extras, shape - shape.mean(), reach_ps
    )
    offset_ps = rough.offset_ps + place * FINE_BIN_PS - reach_ps + inner_ps
    return Alignment(rough.reference_ps, offset_ps, rough.rate + float(extras[at_rate]))


@kernel
def _likest(
    differences_ps: NDArray[np.int64],
    elapsed_ps: NDArray[np.int64],
    extras: NDArray[np.float64],
    template: NDArray[np.float64],
    reach_ps: int,
) -> tuple[int, int]:
    """Which of some rates, and from which bin on, lays the pairs most like a template (T,)."""
    bins = 2 * reach_ps // FINE_BIN_PS
    counts, places = np.empty(bins), np.empty(differences_ps.size)
    scores = np.empty(bins - template.size + 1)
    from_line, elapsed = differences_ps.astype(np.float64), elapsed_ps.astype(np.float64)
    best, best_rate, best_place = -np.inf, 0, 0
    for rate in range(extras.size):
        extra = extras[rate]
        for k in range(places.size):
            moved_ps = from_line[k] - extra * elapsed[k]
            places[k] = np.floor((moved_ps + reach_ps) / FINE_BIN_PS)
        counts[:] = 0.0
        for k in range(places.size):
            if 0 <= places[k] < bins:
                counts[np.int64(places[k])] += 1.0
        scores[:] = 0.0
        for k in range(template.size):
            for first in range(scores.size):
                scores[first] += template[k] * counts[first + k]
        top = int(np.argmax(scores))
        if scores[top] > best:
            best, best_rate, best_place = scores[top], rate, top
    return best_rate, best_place


def _possible_rates(
    prior: ClockPrior, rate: float, reach: float, step: float
) -> NDArray[np.float64]:
    """(R,) corrections of ``rate`` that the error of a search and the prior leave possible."""
    steps = min(math.ceil(reach / step), MAX_RATE_STEPS)
    extras = np.arange(-steps, steps + 1) * step
    known = prior.course.rate - rate
    possible = extras[np.abs(extras - known) <= prior.rate_bound + step / 2]
    return np.asarray(possible if possible.size else [known], dtype=np.float64)


def _possible_offsets(config: LinkConfig, place_ps: float) -> NDArray[np.float64]:
    """(H,) offsets that put the middle of any lane at ``place_ps``, or one or two peaks from it."""
    steps = np.arange(-2, 3) * config.umi_delay_ps if config.umi_delay_ps else np.zeros(1)
    moves_ps = (steps[:, None] - np.array(config.lane_delays_ps, dtype=np.float64)).ravel()
    _, first = np.unique(np.rint(moves_ps / COUNT_BIN_PS), return_index=True)
    return np.asarray(place_ps + moves_ps[np.sort(first)], dtype=np.float64)


def explain(
    config: LinkConfig,
    offset_ps: float,
    offsets_ps: NDArray[np.float64],
    differences_ps: Callable[[int, int], NDArray[np.int64]],
    density_per_ps: float,
) -> Explained:
    """Compare offsets (H,): Poisson likelihood of the pairs at all peaks that any of them expects.

    Each offset gets the strengths of its lanes that suit it best, none below zero.

    Parameters
    ----------
    offset_ps : float
        From where differences are counted.
    differences_ps : callable
        (K,) those of all pairs from a first one to below a last one.
    density_per_ps : float
        Unrelated pairs per ps.
    """
    all_lanes = range(config.lanes)
    peaks_ps = peak_positions(config, all_lanes) - offset_ps
    lows_ps = _bins_about(np.add.outer(offsets_ps, peaks_ps).ravel())
    counts = _counts_in(lows_ps, differences_ps)
    background = density_per_ps * COUNT_BIN_PS
    delays_ps = np.array(config.lane_delays_ps) - offset_ps
    middles_ps = np.add.outer(offsets_ps, delays_ps)
    about_ps = lows_ps[None, :, None] - middles_ps[:, None, :]
    shares = lane_shares(config, about_ps, float(COUNT_BIN_PS))
    return Explained(offsets_ps, *_fit_strengths(shares, counts, max(background, 1e-6)))


@kernel
def _bins_about(places_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) ascending lower edges of all bins of `COUNT_BIN_PS` near ``places_ps``."""
    reach = COUNT_REACH_PS // COUNT_BIN_PS
    lows_ps, count, last = np.empty(places_ps.size * (2 * reach + 1)), 0, -math.inf
    for place_ps in np.sort(places_ps):
        middle = math.floor(place_ps / COUNT_BIN_PS)
        for k in range(middle - reach, middle + reach + 1):
            if k > last:
                last, lows_ps[count] = float(k), k * COUNT_BIN_PS
                count += 1
    return lows_ps[:count].copy()


def _counts_in(
    lows_ps: NDArray[np.float64], differences_ps: Callable[[int, int], NDArray[np.int64]]
) -> NDArray[np.float64]:
    """(B,) pairs in each bin."""
    counts, start = np.zeros(lows_ps.size), 0
    gaps = np.flatnonzero(np.diff(lows_ps) > GROUP_GAP_PS) + 1
    for stop in (*gaps.tolist(), lows_ps.size):
        low_ps, high_ps = int(lows_ps[start]), int(lows_ps[stop - 1]) + COUNT_BIN_PS
        _count(lows_ps, differences_ps(low_ps, high_ps), counts)
        start = stop
    return counts


@kernel
def _count(
    lows_ps: NDArray[np.float64], differences_ps: NDArray[np.int64], counts: NDArray[np.float64]
) -> None:
    """Add pairs, none of them below the first bin, to ``counts``."""
    for late_ps in differences_ps:
        at = np.searchsorted(lows_ps, late_ps, side="right") - 1
        counts[at] += late_ps < lows_ps[at] + COUNT_BIN_PS


@kernel
def _fit_strengths(
    shares: NDArray[np.float64], counts: NDArray[np.float64], background: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-likelihoods (H,) and strengths (H, lanes) of the likeliest strengths.

    Expectation maximisation for Poisson counts (Shepp and Vardi, IEEE Trans. Med. Imaging 1, 113
    (1982)): it never leaves the strengths that are possible and never gets worse.
    """
    offsets, bins, lanes = shares.shape
    start = max(counts.sum() - background * bins, 1.0) / lanes
    likelihoods, strengths = np.zeros(offsets), np.full((offsets, lanes), start)
    expected = np.empty(bins)
    for k in range(offsets):
        for step in range(STRENGTH_STEPS + 1):
            expected[:] = background
            for at in range(bins):
                for lane in range(lanes):
                    expected[at] += shares[k, at, lane] * strengths[k, lane]
            for lane in range(lanes if step < STRENGTH_STEPS else 0):
                total, pull = 0.0, 0.0
                for at in range(bins):
                    total += shares[k, at, lane]
                    pull += shares[k, at, lane] * counts[at] / expected[at]
                strengths[k, lane] *= pull / max(total, 1e-12)
        for at in range(bins):
            likelihoods[k] += counts[at] * np.log(expected[at] / background)
            likelihoods[k] -= expected[at] - background
    return likelihoods, strengths


def _choose(
    config: LinkConfig,
    found: Alignment,
    explained: Explained,
    penalties: NDArray[np.float64],
    density_per_ps: float,
) -> Fit | None:
    """Take the likeliest offset, unless another one that would match other pairs may be true."""
    scores = explained.log_likelihoods - penalties
    best = int(np.argmax(scores))
    rivals = np.flatnonzero(scores > scores[best] - CERTAIN)
    strongest = explained.strengths.argmax(axis=1)
    middles_ps = explained.offsets_ps + np.array(config.lane_delays_ps)[strongest]
    if np.any(np.abs(middles_ps[rivals] - middles_ps[best]) > SAME_PS):
        return None
    background = density_per_ps * config.window_ps * len(config.peaks)
    least = LIT_SIGMA * math.sqrt(background + LIT_SIGMA**2)
    lit = np.flatnonzero(explained.strengths[best] > least)
    shifts_ps = explained.offsets_ps[rivals] - explained.offsets_ps[best]
    return Fit(
        Alignment(found.reference_ps, float(explained.offsets_ps[best]), found.rate),
        tuple(int(lane) for lane in lit) or (int(strongest[best]),),
        tuple(float(shift_ps) for shift_ps in shifts_ps if abs(shift_ps) > SAME_PS),
    )


def _least_squares(
    config: LinkConfig,
    prior: ClockPrior,
    found: Fit,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    half_ps: int,
) -> Fit:
    """Move the alignment by the residuals about the lit lanes' peaks, and say how well it is known.

    Light that has just come back spans too little time to tell the rate: what the prior knows of it
    is one more measurement.
    """
    alignment = found.alignment
    pairs = pairs_at_lanes(config, alignment, announced_ps, own_ps)
    at, values_ps = peak_residuals(config, pairs.differences_ps, half_ps, found.lit)
    if values_ps.size < LEAST_RESIDUALS:
        return found
    reference_ps = int(announced_ps[0])
    elapsed_s = (announced_ps[pairs.announced[at]] - reference_ps) / PS_PER_S
    density = pair_density_per_ps(alignment, announced_ps, own_ps)
    peaks = len(found.lit) * len(config.peaks)
    share = signal_share(values_ps.size, density * 2 * half_ps * peaks)
    moved = alignment.moved(reference_ps)
    known_ps_per_s = (prior.course.rate - moved.rate) * PS_PER_S
    spread_ps_per_s = max(prior.rate_bound / RATE_BOUND_SIGMAS, LEAST_RATE_SIGMA) * PS_PER_S
    line, covariance = _line(elapsed_s, values_ps, share, known_ps_per_s, spread_ps_per_s)
    unit = np.array([1.0, 1.0 / PS_PER_S])
    better = Alignment(
        reference_ps, float(moved.offset_ps + line[0]), float(moved.rate + line[1] / PS_PER_S)
    )
    return replace(found, alignment=better, covariance=covariance * np.outer(unit, unit))


def _line(
    times_s: NDArray[np.float64],
    values_ps: NDArray[np.float64],
    share: float,
    slope: float,
    slope_sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset and slope (2,) of diluted residuals whose slope is known to be about ``slope``.

    Also their covariance (2, 2).
    """
    design = np.stack([np.ones_like(times_s), times_s])
    weight = share**2 / max(float(values_ps.var()), 1.0)
    precision = weight * (design @ design.T) + np.diag([0.0, slope_sigma**-2])
    pull = weight / share * (design @ values_ps) + np.array([0.0, slope / slope_sigma**2])
    covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    return covariance @ pull, covariance
