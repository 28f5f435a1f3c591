"""Look more closely at places that a coarse search has found, or at all of a narrow prior.

It sees times, never bases or bits. Each place is cut into bins of `REFINE_SHIFT`, at every rate
that its reach leaves possible; the best of them must stand out against a Poisson background.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.chance import poisson_tail_log10, sigma_of
from protocols.bbm92.clicktable import ClickTable, find_in_table
from protocols.bbm92.coarse import REFINE_SHIFT, Candidate
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.lanes import pair_density_per_ps
from protocols.clockprior import MAX_SEARCH_BINS
from protocols.compiled import kernel
from protocols.link import PS_PER_S, LinkConfig

FALSE_LOCK_PROBABILITY = 1e-6
SURE_LOG10 = math.log10(FALSE_LOCK_PROBABILITY / MAX_SEARCH_BINS**2)
"""Of a chance that leaves no doubt of a candidate among the squared number of bins of the widest
search: the candidates after it, which hold fewer pairs of the slice, need not be looked at."""

CLOSER_PS = PS_PER_S
"""Light to either side of a candidate's reference that is looked at first where there is more."""


@dataclass(frozen=True)
class Refined:
    """A line to some 20 ns and 0.02 ppm, and how far it stands out."""

    line: Alignment
    grain: float
    """Step of the rate."""
    count: int
    mean: float

    @property
    def sigma(self) -> float:
        """Excess in Poisson standard deviations."""
        return sigma_of(self.count, self.mean)

    @cached_property
    def log10(self) -> float:
        """Of how probable so much is by chance."""
        return poisson_tail_log10(self.count, self.mean)

    @property
    def is_sure(self) -> bool:
        """Whether it stands out however much was searched."""
        return self.log10 < SURE_LOG10


def best_candidate(
    config: LinkConfig,
    candidates: list[Candidate],
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
) -> tuple[Refined | None, int]:
    """The candidate that stands out most, and how many cells were looked at.

    After one that is beyond doubt only those are looked at that cover the same place.
    """
    best: Refined | None = None
    searched = 0
    if announced_ps.size == 0 or own_ps.size == 0 or not candidates:
        return best, searched
    reach_ps = max(candidate.reach_ps for candidate in candidates)
    own = ClickTable.of(own_ps, width_ps=2 * reach_ps)
    for candidate in candidates:
        if best is not None and best.is_sure and not candidate.covers(best.line):
            continue
        closer, cells = _closer(config, candidate, announced_ps, own)
        searched += cells
        refined, cells = _refine(config, closer, announced_ps, own)
        searched += cells
        if best is None or refined.log10 < best.log10:
            best = refined
    return best, searched


def refine_width(config: LinkConfig) -> int:
    """Bins of `REFINE_SHIFT` that hold all peaks of a lane wherever they fall."""
    return 1 + math.ceil((2 * config.umi_delay_ps + 4_000) / (1 << REFINE_SHIFT))


def _closer(
    config: LinkConfig, candidate: Candidate, announced_ps: NDArray[np.int64], own: ClickTable
) -> tuple[Candidate, int]:
    """The candidate, within narrower bounds where a part of long light leaves no doubt of it.

    The rates to look at are as many as the light is long. A burst in the part is no less sure than
    steady light, but says nothing of the rate: both ends of the part must have light as well.
    """
    low, high = np.searchsorted(
        announced_ps, candidate.line.reference_ps + np.array([-1, 1]) * CLOSER_PS
    )
    part_ps = announced_ps[low:high]
    if 2 * part_ps.size > announced_ps.size or not part_ps.size:
        return candidate, 0
    width_ps = refine_width(config) << REFINE_SHIFT
    # Rates further off do not have the light of both ends in one window.
    rate_reach = 2 * width_ps / max(int(part_ps[-1] - part_ps[0]), 1)
    if rate_reach >= candidate.rate_reach:
        return candidate, 0
    found, cells = _refine(config, candidate, part_ps, own)
    if not found.is_sure:
        return candidate, cells
    if not all(_is_lit(config, found.line, end_ps, own) for end_ps in _ends(part_ps)):
        return candidate, cells
    arm_ps = np.abs(announced_ps[[0, -1]] - candidate.line.reference_ps).max()
    reach_ps = min(math.ceil(rate_reach * arm_ps) + width_ps, candidate.reach_ps)
    return Candidate(candidate.count, found.line, reach_ps, rate_reach), cells


def _ends(announced_ps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The clicks of the first and of the last quarter of some light, at least one each."""
    first_ps, last_ps = int(announced_ps[0]), int(announced_ps[-1])
    quarter_ps = (last_ps - first_ps) // 4
    stop, start = np.searchsorted(announced_ps, (first_ps + quarter_ps + 1, last_ps - quarter_ps))
    return announced_ps[:stop], announced_ps[start:]


def _is_lit(
    config: LinkConfig, line: Alignment, announced_ps: NDArray[np.int64], own: ClickTable
) -> bool:
    """Whether the pairs about one line, which was found elsewhere, are no chance in some light."""
    about = Candidate(0, line, refine_width(config) << REFINE_SHIFT, 0.0)
    seen, _ = _refine(config, about, announced_ps, own)
    return seen.log10 < math.log10(FALSE_LOCK_PROBABILITY)


def _refine(
    config: LinkConfig,
    candidate: Candidate,
    announced_ps: NDArray[np.int64],
    own: ClickTable,
) -> tuple[Refined, int]:
    line, reach_ps, width = candidate.line, candidate.reach_ps, refine_width(config)
    first_ps, last_ps = int(announced_ps[0]), int(announced_ps[-1])
    arm_ps = max(abs(first_ps - line.reference_ps), abs(last_ps - line.reference_ps), 1)
    grain = (1 << REFINE_SHIFT) / arm_ps
    steps = 1 + math.ceil(2 * candidate.rate_reach / grain)
    first = -grain * (steps - 1) / 2
    pairs, top, at_bin, at_step = _refine_line(
        announced_ps,
        own.own_ps,
        own.first,
        own.shift,
        line.reference_ps,
        line.offset_ps,
        line.rate,
        reach_ps,
        first,
        grain,
        steps,
        width,
    )
    width_ps = width << REFINE_SHIFT
    density = pair_density_per_ps(line, announced_ps, own.own_ps)
    # Clicks may come in bursts, and then the neighbourhood says more than the rates.
    nearby = (pairs - top) / max(2 * reach_ps - width_ps, 1)
    mean = max(density, nearby) * width_ps
    offset_ps = line.offset_ps - reach_ps + (at_bin << REFINE_SHIFT) + width_ps // 2
    refined = Alignment(line.reference_ps, offset_ps, line.rate + first + at_step * grain)
    cells = ((2 * reach_ps) >> REFINE_SHIFT) * steps
    return Refined(refined, grain, int(top), mean), cells


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
    """Largest sum of ``width`` neighbouring bins over all rates: (sum, first bin, rate step).

    Most pairs may be in one bin, and each waits for the one before it there: every other one is
    counted elsewhere. Numbers are short, so that loops take many at once; the reach of a candidate
    is far below 2^31 ps.
    """
    bins, pairs = (2 * reach_ps) >> REFINE_SHIFT, values_ps.size
    counts, sums = np.empty((2, bins), np.int32), np.empty(max(bins - width + 1, 0), np.int32)
    places, from_edge_ps = np.empty(pairs, np.int32), (values_ps + reach_ps).astype(np.int32)
    elapsed = elapsed_ps.astype(np.float64)
    best, best_bin, best_step = 0, 0, 0
    for step in range(steps):
        extra, top = first_rate + step * grain, np.int32(0)
        counts[:] = 0
        for k in range(pairs):
            places[k] = (from_edge_ps[k] - np.int32(extra * elapsed[k])) >> REFINE_SHIFT
        for k in range(pairs):
            if 0 <= places[k] < bins:
                counts[k & 1, places[k]] += np.int32(1)
        for k in range(bins):
            counts[0, k] += counts[1, k]
        sums[:] = 0
        for first in range(width):
            for k in range(sums.size):
                sums[k] += counts[0, first + k]
        for k in range(sums.size):
            top = max(top, sums[k])
        if top > best:
            best, best_bin, best_step = int(top), int(sums.argmax()), step
    return best, best_bin, best_step


@kernel
def _refine_line(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    first: NDArray[np.int32],
    shift: int,
    reference_ps: int,
    offset_ps: float,
    rate: float,
    reach_ps: int,
    first_rate: float,
    grain: float,
    steps: int,
    width: int,
) -> tuple[int, int, int, int]:
    """Pairs within the reach of a line, and what `_refine_grid` finds in them."""
    announced, differences_ps = find_in_table(
        announced_ps, own_ps, first, shift, reference_ps, offset_ps, rate, reach_ps
    )
    elapsed_ps = announced_ps[announced] - reference_ps
    top, at_bin, at_step = _refine_grid(
        differences_ps, elapsed_ps, reach_ps, first_rate, grain, steps, width
    )
    return announced.size, top, at_bin, at_step
