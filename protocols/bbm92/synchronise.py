"""Find the other clock from public click times alone.

Law of this module: it sees times, never bases or bits, and it says "no lock" rather than guess.
Coarse: an unfolded histogram of time differences over all that the prior allows, for several rates;
its best bins are candidates. A candidate must then stand out in a later slice, be fitted by the
peaks that lanes make (`protocols.bbm92.fitting`), and stand out once more in a third slice, each
time against a Poisson background. Where the prior is narrow (a lock was lost a while ago) all of it
is one candidate, and half a second of light does for the two slices.

Every bin and every rate that was looked at counts in the bound on a false lock.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coarse import LATER_SLICE_PS, Candidate, Places, coarse_search
from protocols.bbm92.coincidence import Alignment, near_pairs
from protocols.bbm92.fitting import Fit, fit, unknown_covariance
from protocols.bbm92.lanes import (
    AnnouncedBlocks,
    pair_density_per_ps,
    pairs_at_lanes,
    peak_residuals,
)
from protocols.bbm92.prior import ClockPrior
from protocols.clockprior import COARSE_SLICE_PS
from protocols.compiled import kernel
from protocols.link import LinkConfig

ACQUISITION_PS = COARSE_SLICE_PS + 2 * LATER_SLICE_PS
"""Light needed for one attempt within a wide prior."""
NARROW_PS = 1_000_000_000_000
"""Light looked at in one attempt within a narrow prior, if there is so much."""
TURN_PS = 5_000_000_000
"""The two slices of that light take turns of this length: both see light that has just begun."""
REFINE_SHIFT = 13
"""Candidates are refined in bins of 8.2 ns."""
NARROW_CELLS = 1 << 16
"""A prior of no more cells than this (bins of 8.2 ns times rates) is looked through at once."""
FALSE_LOCK_PROBABILITY = 1e-6
CONFIRM_HALF_PS = 1_500
MAX_COARSE_CLICKS, MAX_LATER_CLICKS = 1 << 16, 1 << 19
"""Announced clicks that are looked at in the first slice and in each later one: 1.6 and 1.3 MHz. Of
brighter light less time does; what a forger announces costs no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Lock:
    """The clocks are aligned; ``significance_sigma`` is that of the later slice."""

    alignment: Alignment
    significance_sigma: float
    searched_bins: int
    lit: tuple[int, ...] = ()
    """Lanes that have light."""
    shifts_ps: tuple[float, ...] = ()
    """See `protocols.bbm92.fitting.Fit`."""
    covariance: NDArray[np.float64] = field(default_factory=unknown_covariance)
    """(2, 2) of offset (ps) and rate."""


@dataclass(frozen=True, slots=True)
class NoLock:
    """An honest refusal: the best peak, and among how many bins it was the best."""

    best_sigma: float
    searched_bins: int


def poisson_tail_log10(count: float, mean: float) -> float:
    """Upper bound (Chernoff) of log10 P(Poisson(mean) >= count); 0 where count <= mean."""
    if count <= mean or mean <= 0:
        return 0.0 if count <= mean else -math.inf
    return (count - mean - count * math.log(count / mean)) / math.log(10)


def sigma_of(count: float, mean: float) -> float:
    """Excess of ``count`` over ``mean`` in Poisson standard deviations."""
    return (count - mean) / math.sqrt(mean) if mean > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Slices:
    """Announced times for the three steps, and what the second one and the fit may see."""

    second: NDArray[np.int64]
    third: NDArray[np.int64]
    fitted: NDArray[np.int64]


def light_needed_ps(config: LinkConfig, prior: ClockPrior, time_ps: int) -> int:
    """Light that an attempt at ``time_ps`` needs."""
    return NARROW_PS // 4 if is_narrow(config, prior, time_ps) else ACQUISITION_PS


def is_narrow(config: LinkConfig, prior: ClockPrior, time_ps: int) -> bool:
    """Whether the prior can be looked through at once."""
    width_ps, rates = _narrow_reach_ps(config, prior, time_ps), 1 + 2 * _narrow_steps(prior)
    return 2 * (width_ps >> REFINE_SHIFT) * rates <= NARROW_CELLS


def _narrow_steps(prior: ClockPrior) -> int:
    return math.ceil(prior.rate_bound * NARROW_PS / (1 << REFINE_SHIFT))


def _narrow_reach_ps(config: LinkConfig, prior: ClockPrior, time_ps: int) -> int:
    """Half the width of all differences that a narrow prior allows at ``time_ps``."""
    low_ps, high_ps = prior.window_ps(time_ps)
    lanes_ps = max(config.lane_delays_ps) - min(config.lane_delays_ps)
    edge_ps = config.umi_delay_ps + (4 << REFINE_SHIFT) + int(prior.rate_bound * NARROW_PS)
    return (high_ps - low_ps + lanes_ps) // 2 + edge_ps


def acquire(
    config: LinkConfig,
    prior: ClockPrior,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> Lock | NoLock:
    """Look for the responder's clock in announced times.

    Parameters
    ----------
    config : LinkConfig
        The lanes and their peaks.
    prior : ClockPrior
        Where the clock may stand.
    announced_ps, own_ps : (N,), (M,) int64, ascending
        Click times of the announcer (its clock; at least `light_needed_ps`) and of the responder
        (its clock); the latter must cover the former by the prior on both sides.
    """
    if announced_ps.size < 2 or own_ps.size < 2:
        return NoLock(0.0, 0)
    start_ps = int(announced_ps[0])
    if is_narrow(config, prior, start_ps):
        slices = _take_turns(announced_ps)
        places = Places(_whole_prior(config, prior, start_ps), 0)
    else:
        cuts = np.searchsorted(announced_ps, start_ps + np.cumsum(_WIDE_SLICES_PS))
        first, second, third = np.split(announced_ps[: cuts[2]], cuts[:2])
        second, third = second[:MAX_LATER_CLICKS], third[:MAX_LATER_CLICKS]
        first = first[:MAX_COARSE_CLICKS]
        slices = _Slices(second, third, np.concatenate((first, second)))
        places = coarse_search(config, prior, first, own_ps)
    return _settle(config, prior, slices, own_ps, places)


_WIDE_SLICES_PS = (COARSE_SLICE_PS, LATER_SLICE_PS, LATER_SLICE_PS)


def _take_turns(announced_ps: NDArray[np.int64]) -> _Slices:
    announced_ps = announced_ps[:MAX_LATER_CLICKS]
    turns = (announced_ps - announced_ps[0]) // TURN_PS % 2 == 0
    return _Slices(announced_ps[turns], announced_ps[~turns], announced_ps[turns])


def _settle(
    config: LinkConfig,
    prior: ClockPrior,
    slices: _Slices,
    own_ps: NDArray[np.int64],
    places: Places,
) -> Lock | NoLock:
    """Refine the candidates, fit the best one, and ask the third slice."""
    best, cells = _best_candidate(config, places.candidates, slices.second, own_ps)
    searched = places.searched + cells
    if best is None:
        return NoLock(0.0, searched)
    if best.log10 + math.log10(max(searched, 1)) > math.log10(FALSE_LOCK_PROBABILITY):
        return NoLock(best.sigma, searched)
    found = fit(config, prior, best.line, slices.fitted, own_ps)
    if found is None or not _is_confirmed(config, found, slices.third, own_ps):
        return NoLock(best.sigma, searched)
    return Lock(found.alignment, best.sigma, searched, found.lit, found.shifts_ps, found.covariance)


def _whole_prior(config: LinkConfig, prior: ClockPrior, start_ps: int) -> list[Candidate]:
    """All of a narrow prior as one candidate."""
    low_ps, high_ps = prior.window_ps(start_ps)
    lanes_ps = max(config.lane_delays_ps) + min(config.lane_delays_ps)
    middle_ps = (low_ps + high_ps + lanes_ps) // 2
    reach_ps = _narrow_reach_ps(config, prior, start_ps)
    line = Alignment(start_ps, middle_ps, prior.course.rate)
    return [Candidate(0, line, reach_ps, prior.rate_bound)]


# Refine -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refined:
    """A line to some 20 ns and 0.02 ppm, and how far it stands out."""

    line: Alignment
    sigma: float
    log10: float


def _best_candidate(
    config: LinkConfig,
    candidates: list[Candidate],
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> tuple[_Refined | None, int]:
    """The candidate that stands out most, and how many cells were looked at."""
    best: _Refined | None = None
    searched = 0
    if announced_ps.size == 0:
        return best, searched
    blocks = AnnouncedBlocks.of(announced_ps)
    for candidate in candidates:
        refined, cells = _refine(config, candidate, announced_ps, blocks, own_ps)
        searched += cells
        if best is None or refined.log10 < best.log10:
            best = refined
    return best, searched


def refine_width(config: LinkConfig) -> int:
    """Bins of `REFINE_SHIFT` that hold all peaks of a lane wherever they fall."""
    return 1 + math.ceil((2 * config.umi_delay_ps + 4_000) / (1 << REFINE_SHIFT))


def _refine(
    config: LinkConfig,
    candidate: Candidate,
    announced_ps: NDArray[np.int64],
    blocks: AnnouncedBlocks,
    own_ps: NDArray[np.int64],
) -> tuple[_Refined, int]:
    line, reach_ps, width = candidate.line, candidate.reach_ps, refine_width(config)
    pairs = near_pairs(line.predict(announced_ps), own_ps, low_ps=-reach_ps, high_ps=reach_ps)
    elapsed_ps = announced_ps[pairs.announced] - line.reference_ps
    grain = (1 << REFINE_SHIFT) / max(int(announced_ps[-1]) - line.reference_ps, 1)
    steps = 1 + math.ceil(2 * candidate.rate_reach / grain)
    first = -grain * (steps - 1) / 2
    top, at_bin, at_step = _refine_grid(
        pairs.differences_ps, elapsed_ps, reach_ps, first, grain, steps, width
    )
    width_ps = width << REFINE_SHIFT
    density = blocks.pair_density_per_ps(line, own_ps)
    # Clicks may come in bursts, and then the neighbourhood says more than the rates.
    nearby = (pairs.differences_ps.size - top) / max(2 * reach_ps - width_ps, 1)
    mean = max(density, nearby) * width_ps
    offset_ps = line.offset_ps - reach_ps + (at_bin << REFINE_SHIFT) + width_ps // 2
    refined = Alignment(line.reference_ps, offset_ps, line.rate + first + at_step * grain)
    cells = ((2 * reach_ps) >> REFINE_SHIFT) * steps
    return _Refined(refined, sigma_of(top, mean), poisson_tail_log10(top, mean)), cells


@kernel
def _refine_grid(  # noqa: PLR0917 - a kernel takes arrays, not objects
    values_ps: NDArray[np.int64],
    elapsed_ps: NDArray[np.int64],
    reach_ps: int,
    first_rate: float,
    grain: float,
    steps: int,
    width: int,
) -> tuple[int, int, int]:
    """Largest sum of ``width`` neighbouring bins over all rates: (sum, first bin, rate step)."""
    bins = (2 * reach_ps) >> REFINE_SHIFT
    counts = np.empty(bins, dtype=np.int64)
    best, best_bin, best_step = 0, 0, 0
    for step in range(steps):
        extra = first_rate + step * grain
        counts[:] = 0
        for k in range(values_ps.size):
            at = (values_ps[k] + reach_ps - np.int64(extra * elapsed_ps[k])) >> REFINE_SHIFT
            if 0 <= at < bins:
                counts[at] += 1
        total = 0
        for k in range(bins):
            total += counts[k]
            if k >= width:
                total -= counts[k - width]
            if k >= width - 1 and total > best:
                best, best_bin, best_step = total, k - width + 1, step
    return best, best_bin, best_step


def _is_confirmed(
    config: LinkConfig, found: Fit, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> bool:
    """Whether the peaks of the lanes with light stand out in a slice that the fit has not seen."""
    half_ps = CONFIRM_HALF_PS
    pairs = pairs_at_lanes(config, found.alignment, announced_ps, own_ps)
    _, values_ps = peak_residuals(config, pairs.differences_ps, half_ps, found.lit)
    density = pair_density_per_ps(found.alignment, announced_ps, own_ps)
    mean = density * 2 * half_ps * len(config.peaks) * len(found.lit)
    return poisson_tail_log10(values_ps.size, mean) < math.log10(FALSE_LOCK_PROBABILITY)
