"""Find the other clock from public click times alone.

Law of this module: it sees times, never bases or bits, and it says "no lock" rather than guess.
Coarse: an unfolded histogram of time differences over all that the prior allows, for several rates
(`protocols.bbm92.coarse`), of a slice of the light; its best bins are candidates. What is left of
the light takes turns: a candidate must stand out in one half of it (`protocols.bbm92.refining`), be
fitted by the peaks that lanes make (`protocols.bbm92.fitting`), and stand out once more in the
other half, each time against a Poisson background. Where the prior is narrow (a lock was lost a
while ago) all of it is one candidate, and a quarter of a second of light does.

An attempt that finds nothing is followed by a deeper one, with more light and a longer slice of it,
as far as the work goes that `protocols.bbm92.search` pays for. Every bin and every rate that was
looked at counts in the bound on a false lock.

How weak a link may be: its peak must be among the best of all bins of a slice. With coincidences
``c`` and clicks ``a`` and ``b`` a second, bins of ``w`` seconds and a slice of ``T`` this takes
about ``c T > 10 + 6 sqrt(2 a b w T)``; T ends at a third of `MAX_LIGHT_PS` or where the work does.
Between 1e5 and 1e4 clicks a second within 2 ms and 1 ppm 50 coincidences a second are found within
30 s, most within 3 s; fewer than 4 a second are not followed (`protocols.bbm92.lanewatch`).
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.bend import find_bend, is_uneven
from protocols.bbm92.chance import poisson_tail_log10
from protocols.bbm92.coarse import REFINE_SHIFT, Candidate, Places, coarse_search, grid_of
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.fitting import Fit, fit, unknown_covariance
from protocols.bbm92.lanes import (
    pair_density_per_ps,
    pairs_at_lanes,
    peak_residuals,
)
from protocols.bbm92.prior import ClockPrior
from protocols.bbm92.refining import FALSE_LOCK_PROBABILITY, best_candidate
from protocols.bbm92.slices import (
    MAX_LATER_CLICKS,
    Light,
    brightest_ps,
    fit_light,
    steady,
    take_turns,
)
from protocols.clockprior import COARSE_SLICE_PS
from protocols.link import PS_PER_S, LinkConfig

LATER_LIGHT_PS = 800_000_000_000
"""Light in which candidates are looked at more closely, half of it for each of two tests."""
ACQUISITION_PS = COARSE_SLICE_PS + LATER_LIGHT_PS
"""Light needed for the first attempt within a wide prior."""
NARROW_PS = 1_000_000_000_000
"""Light looked at in the first attempt within a narrow prior, if there is so much."""
MAX_LIGHT_PS = 30 * PS_PER_S
"""Light that is looked at in one attempt at most."""
NARROW_CELLS = 1 << 16
"""A prior of no more cells than this (bins of 8.2 ns times rates) is looked through at once."""
CONFIRM_HALF_PS = 1_500
MAX_COARSE_CLICKS = 1 << 16
"""Announced clicks that are looked at in the first slice, as `MAX_LATER_CLICKS` in each later half:
1.6 and 1.3 MHz. Of brighter light less time does; what a forger announces costs no more."""


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
    last_ps: int = 0
    """Where the light ends that the alignment was fitted to."""


@dataclass(frozen=True, slots=True)
class NoLock:
    """An honest refusal: the best peak, among how many bins it was the best, and what it lacked."""

    best_sigma: float
    searched_bins: int
    reason: str = ""
    """The test that failed, and its counts."""
    is_bent: bool = False
    """Whether it is a rate that changes too fast."""


def light_needed_ps(config: LinkConfig, prior: ClockPrior, time_ps: int) -> int:
    """Light that an attempt at ``time_ps`` needs at least."""
    return NARROW_PS // 4 if is_narrow(config, prior, time_ps) else ACQUISITION_PS


def light_wanted_ps(config: LinkConfig, prior: ClockPrior, time_ps: int, depth: int) -> int:
    """Light that an attempt of that depth takes if there is so much."""
    narrow = is_narrow(config, prior, time_ps)
    first_ps = NARROW_PS if narrow and depth else light_needed_ps(config, prior, time_ps)
    return min(first_ps << depth, MAX_LIGHT_PS)


def is_narrow(
    config: LinkConfig, prior: ClockPrior, time_ps: int, light_ps: int = NARROW_PS
) -> bool:
    """Whether the prior can be looked through at once, with so much light."""
    width_ps = _narrow_reach_ps(config, prior, time_ps, light_ps)
    rates = 1 + 2 * math.ceil(prior.rate_bound * light_ps / (1 << REFINE_SHIFT))
    return 2 * (width_ps >> REFINE_SHIFT) * rates <= NARROW_CELLS


def _narrow_reach_ps(config: LinkConfig, prior: ClockPrior, time_ps: int, light_ps: int) -> int:
    """Half the width of all differences that a narrow prior allows in light from ``time_ps`` on."""
    low_ps, high_ps = prior.window_ps(time_ps)
    lanes_ps = max(config.lane_delays_ps) - min(config.lane_delays_ps)
    edge_ps = config.umi_delay_ps + (4 << REFINE_SHIFT) + int(prior.rate_bound * light_ps)
    return (high_ps - low_ps + lanes_ps) // 2 + edge_ps


def acquire(
    config: LinkConfig,
    prior: ClockPrior,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    slice_ps: int = COARSE_SLICE_PS,
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
    slice_ps : int
        Of the coarse search of a wide prior, see `protocols.bbm92.coarse.effort_of`.
    """
    if announced_ps.size < 2 or own_ps.size < 2:
        return NoLock(0.0, 0, "no clicks")
    start_ps = int(announced_ps[0])
    if not is_narrow(config, prior, start_ps):
        return _acquire_wide(config, prior, announced_ps, own_ps, slice_ps)
    while not is_narrow(config, prior, start_ps, int(announced_ps[-1]) - start_ps):
        announced_ps = announced_ps[announced_ps.size // 2 :]
        start_ps = int(announced_ps[0])
    length_ps = int(announced_ps[-1]) - start_ps
    light = steady(config, take_turns(announced_ps))
    places = Places(_whole_prior(config, prior, start_ps, length_ps), 0)
    return _settle(config, prior, light, own_ps, places)


def _acquire_wide(
    config: LinkConfig,
    prior: ClockPrior,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    slice_ps: int,
) -> Lock | NoLock:
    start_ps = brightest_ps(announced_ps, slice_ps)
    low, high = np.searchsorted(announced_ps, (start_ps, start_ps + slice_ps))
    most = MAX_COARSE_CLICKS if slice_ps <= COARSE_SLICE_PS else MAX_LATER_CLICKS
    first_ps = announced_ps[low : min(high, low + most)]
    if first_ps.size == 0:
        return NoLock(0.0, 0, "no clicks")
    later_ps = max(int(announced_ps[-1]) - start_ps, start_ps - int(announced_ps[0]))
    grid = grid_of(config, prior, slice_ps)
    places = coarse_search(config, prior, grid, first_ps, own_ps, later_ps=later_ps)
    rest_ps = np.concatenate((announced_ps[:low], announced_ps[high:]))
    light = steady(config, take_turns(rest_ps), about_ps=start_ps + slice_ps // 2)
    return _settle(config, prior, light, own_ps, places)


def _settle(
    config: LinkConfig,
    prior: ClockPrior,
    light: Light,
    own_ps: NDArray[np.int64],
    places: Places,
) -> Lock | NoLock:
    """Refine the candidates, fit the best one, and ask the other half of the light."""
    best, cells = best_candidate(config, places.candidates, light.search, own_ps)
    searched = places.searched + cells
    if best is None:
        return NoLock(0.0, searched, "no clicks")
    if best.log10 + math.log10(max(searched, 1)) > math.log10(FALSE_LOCK_PROBABILITY):
        found = f"not significant: {best.count} pairs in the best place, {best.mean:.1f} by chance"
        return NoLock(best.sigma, searched, found)
    near = fit_light(config, light)
    rough = best.line.moved(int(near.search[0]))
    fitted = fit(config, prior, rough, near.search, own_ps, rate_reach=FIT_REACH * best.grain)
    doubt = fitted if isinstance(fitted, str) else _doubt(config, fitted, near.test, own_ps)
    bend = None
    if doubt is not None or isinstance(fitted, str) or _is_bent(config, fitted, near, own_ps):
        bend = find_bend(best.line, light.search, own_ps)
    if doubt is not None or bend is not None or isinstance(fitted, str):
        return NoLock(best.sigma, searched, bend or doubt or "", is_bent=bend is not None)
    return Lock(
        fitted.alignment,
        best.sigma,
        searched,
        fitted.lit,
        fitted.shifts_ps,
        fitted.covariance,
        int(near.search[-1]),
    )


def _is_bent(config: LinkConfig, found: Fit, light: Light, own_ps: NDArray[np.int64]) -> bool:
    """Whether a fit goes through its pairs here and there only."""
    line = found.alignment
    delay_ps = config.lane_delays_ps[found.lit[0]]
    line = replace(line, offset_ps=line.offset_ps + delay_ps)
    return is_uneven(line, light.search, own_ps, half_ps=CONFIRM_HALF_PS)


FIT_REACH = 6.0
"""The rate of a refined candidate is off by less than so many steps."""


def _whole_prior(
    config: LinkConfig, prior: ClockPrior, start_ps: int, length_ps: int
) -> list[Candidate]:
    """All of a narrow prior as one candidate."""
    low_ps, high_ps = prior.window_ps(start_ps)
    lanes_ps = max(config.lane_delays_ps) + min(config.lane_delays_ps)
    middle_ps = (low_ps + high_ps + lanes_ps) // 2
    reach_ps = _narrow_reach_ps(config, prior, start_ps, max(length_ps, NARROW_PS))
    line = Alignment(start_ps, float(middle_ps), prior.course.rate)
    return [Candidate(0, line, reach_ps, prior.rate_bound)]


def _doubt(
    config: LinkConfig, found: Fit, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
) -> str | None:
    """Why not to believe in a fit; None if its peaks stand out in light that it has not seen."""
    half_ps = CONFIRM_HALF_PS
    pairs = pairs_at_lanes(config, found.alignment, announced_ps, own_ps)
    _, values_ps = peak_residuals(config, pairs.differences_ps, half_ps, found.lit)
    density = pair_density_per_ps(found.alignment, announced_ps, own_ps)
    mean = density * 2 * half_ps * len(config.peaks) * len(found.lit)
    if poisson_tail_log10(values_ps.size, mean) < math.log10(FALSE_LOCK_PROBABILITY):
        return None
    counts = f"{values_ps.size} pairs in the other half of the light, {mean:.1f} by chance"
    return f"not confirmed: {counts}"
