"""The narrowest span that serves every wanted pair: window after window, from the lower bound on.

In a window all labels are given to somebody first; those that no pair needs are taken back.
"""

import numpy as np

from netsim.plan.allocation import Allocation
from netsim.plan.bounds import windows_of
from netsim.plan.comb import Comb
from netsim.plan.fewest import Effort, annealed
from netsim.plan.request import PlanRequest
from netsim.plan.sites import Indices

ATTEMPTS = 3
"""Annealings of a window."""
MOST_WINDOWS = 6
"""Of one span and comb; the most central ones are tried."""


def narrowest_span(
    request: PlanRequest,
    combs: list[tuple[Comb, int]],
    best: Allocation,
    lowest: int,
    effort: Effort,
) -> Allocation:
    """An allocation with the narrowest span that the search finds.

    Parameters
    ----------
    combs : list of (Comb, int)
        To try, each with the fewest channels that it needs.
    best : Allocation
        What is known already.
    lowest : int
        A bound: narrower spans are not tried.
    """
    for span in range(lowest, best.span):
        for comb, channels in combs:
            effort.tell(f"span {span}, pumps {' '.join(map(str, comb.pumps))}")
            for sites in _windows(request, comb, span, channels):
                found = _fill(request, comb, sites, effort)
                if found is not None:
                    return found
                if effort.should_stop():
                    return best
    return best


def _windows(request: PlanRequest, comb: Comb, span: int, channels: int) -> list[Indices]:
    """Labels of each window that may do, the most central window first."""
    windows = windows_of(comb)
    if span >= len(windows.below):
        return []
    may = windows.that_may_carry(span, channels, len(request.demands))
    lows = comb.labels[0] + comb.spacing_labels * np.flatnonzero(may)
    width = comb.spacing_labels * (span - 1)
    lows = sorted(lows.tolist(), key=lambda low: abs(2 * low + width - comb.twice_centre))
    lonely = np.ones(comb.labels.size, dtype=np.bool_)
    for part in comb.components:
        lonely[part] = False
    return [
        np.flatnonzero((comb.labels >= low) & (comb.labels <= low + width) & ~lonely)
        for low in lows[:MOST_WINDOWS]
    ]


def _fill(request: PlanRequest, comb: Comb, sites: Indices, effort: Effort) -> Allocation | None:
    most = sites.size if request.max_channels is None else min(request.max_channels, sites.size)
    return annealed(request, comb, sites, most, effort, attempts=ATTEMPTS)
