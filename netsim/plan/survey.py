"""The first answer: which combs may do, the bounds, and an allocation with the fewest channels.

Knows bounds and searches, and nothing of key rates.
"""

from dataclasses import dataclass, replace

import numpy as np

from netsim.plan.allocation import Allocation
from netsim.plan.bounds import channels_bound
from netsim.plan.comb import NOBODY, Comb
from netsim.plan.exact import all_ladders, fewer_channels
from netsim.plan.fewest import Effort, fewest_channels
from netsim.plan.pumps import candidate_combs
from netsim.plan.request import PlanRequest


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What is known before and after the search for the fewest channels.

    Attributes
    ----------
    combs : list of (Comb, int)
        Those that may do, each with the fewest channels that it needs; the most promising first.
    given : Comb or None
        The one comb, if the pumps were given: the bound holds for it. None: for any pumps of the
        number that was asked for.
    bound : int
        No allocation has fewer channels.
    best : Allocation or None
        The one with the fewest channels so far.
    is_excluded : bool
        Whether exhaustive search has shown that there is none.
    """

    combs: list[tuple[Comb, int]]
    given: Comb | None
    bound: int
    best: Allocation | None = None
    is_excluded: bool = False


def survey(request: PlanRequest) -> Survey | None:
    """Combs and bound; None if no comb that was asked for can do."""
    anywhere = needed_anywhere(request)
    combs = candidate_combs(request, anywhere)
    if request.max_channels is not None:
        combs = [found for found in combs if found[1] <= request.max_channels]
    if not combs:
        return None
    if request.pumps is None:
        return Survey(combs, None, anywhere)
    return Survey(combs, *combs[0])


def needed_anywhere(request: PlanRequest) -> int:
    """Fewest channels on any comb, without end, with as many pumps as requested."""
    needed = channels_bound(request, None)
    if needed is None:
        raise RuntimeError("a comb without end serves any demand")
    return needed


def find_fewest(request: PlanRequest, found: Survey, effort: Effort) -> Survey:
    """Search all combs, and raise the bound by exhaustive search where that is possible."""
    best = found.best
    for comb, lowest in found.combs:
        effort.tell(f"pumps {' '.join(f'C{pump}' for pump in comb.pumps)}")
        highest = min(
            sum(part.size for part in comb.components),
            comb.labels.size if request.max_channels is None else request.max_channels,
            comb.labels.size if best is None else best.channels - 1,
        )
        best = fewest_channels(request, comb, lowest, highest, effort) or best
        if effort.should_stop() or (best is not None and best.channels == found.bound):
            break
    found = replace(found, best=best)
    if best is None and found.given is not None and not effort.should_stop():
        most = request.max_channels or found.given.labels.size
        decided = fewer_channels(request, found.given, most)
        best = decided if isinstance(decided, Allocation) else None
        found = replace(found, best=best, is_excluded=decided is False)
    return found if effort.should_stop() else _tightened(request, found, effort)


def _tightened(request: PlanRequest, found: Survey, effort: Effort) -> Survey:
    """Decide exhaustively, one by one, whether there are fewer channels."""
    while found.best is not None and found.best.channels > found.bound:
        fewer = found.best.channels - 1
        comb = found.given or all_ladders(request, fewer)
        if comb is None:
            break
        effort.tell(f"exhaustive search: {fewer} channels")
        decided = fewer_channels(request, comb, fewer)
        if decided is False:
            return replace(found, bound=found.best.channels)
        if found.given is None and isinstance(decided, Allocation):
            decided = _moved(decided, found.combs[0][0])
        if not isinstance(decided, Allocation):
            break
        found = replace(found, best=decided)
    return found


def _moved(allocation: Allocation, comb: Comb) -> Allocation | None:
    """The same on another comb with pumps as far apart, if it has all the labels."""
    old = allocation.comb
    if np.ptp(old.pumps) // old.spacing_labels != np.ptp(comb.pumps) // comb.spacing_labels:
        return None
    positions = (old.labels - old.pumps[0]) // old.spacing_labels
    owner_of = dict(zip(positions.tolist(), allocation.owners.tolist(), strict=True))
    places = (comb.labels - comb.pumps[0]) // comb.spacing_labels
    owners = np.array([owner_of.get(place, NOBODY) for place in places.tolist()])
    moved = Allocation(comb, owners)
    return moved if moved.channels == allocation.channels else None
