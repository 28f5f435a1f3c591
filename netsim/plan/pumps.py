"""Which combs to try: with the pumps that were given, or with pumps at several distances.

It knows bounds, and nothing of allocations.
"""

from collections.abc import Iterator

from netsim.plan.bounds import channels_bound
from netsim.plan.comb import Comb, build_comb
from netsim.plan.request import MAX_LABEL, Objective, PlanRequest

USUAL_CENTRE = 40
"""Where a plan lies if nothing else is said: C40, the middle of the pumps of Fan et al. 2025."""
MARGIN = 12
"""Comb positions left free beyond a plan, so that all partners of its labels have names."""
FREE_DISTANCE, MOST_DISTANCE = 3, 40
"""Two pumps are tried up to so many comb positions apart: the further apart, the more ladders share
the comb, and each costs two lanes. Where neither band nor span matter, near ones are enough."""
MOST_COMBS = 12
"""With pumps to choose, so many of the most promising combs are tried."""
THREE_PUMPS = ((1, 1), (1, 2), (2, 3), (3, 4))
"""Distances of three pumps that are tried, in comb positions: from the first to the second to the
third. Equally spaced pumps share a sum; wider patterns carried no more in trials."""


def candidate_combs(request: PlanRequest, channels: int) -> list[tuple[Comb, int]]:
    """Combs to try, with the fewest channels of each by `channels_bound`; the best first.

    Parameters
    ----------
    request : PlanRequest
    channels : int
        About how many channels a plan has: where any label may be used, the pumps are placed so
        that there is room on both sides.
    """
    combs = possible_combs(request, channels)
    bounded = [(comb, channels_bound(request, comb)) for comb in combs]
    promising = [(comb, bound) for comb, bound in bounded if bound is not None]
    promising.sort(key=lambda found: (found[1], found[0].pumps[-1] - found[0].pumps[0]))
    return promising if request.objective is Objective.SPAN else promising[:MOST_COMBS]


def possible_combs(request: PlanRequest, channels: int) -> Iterator[Comb]:
    """All combs that are looked at, whether or not they can do; parameters as above."""
    return (_comb(request, pumps) for pumps in _pump_sets(request, channels))


def _comb(request: PlanRequest, pumps: tuple[int, ...]) -> Comb:
    return build_comb(
        pumps,
        request.spacing_labels,
        request.band,
        avoid=request.avoid,
        allow_self_paired=request.allow_self_paired,
    )


def _pump_sets(request: PlanRequest, channels: int) -> Iterator[tuple[int, ...]]:
    if request.pumps is not None:
        yield tuple(sorted(request.pumps))
        return
    spacing, (low, high) = request.spacing_labels, request.band
    most = min((high - low) // spacing, MOST_DISTANCE)
    if request.is_band_free and request.objective is not Objective.SPAN:
        most = min(most, FREE_DISTANCE)
    for offsets in _offsets(request.pump_count, most):
        width = offsets[-1] * spacing
        if request.is_band_free:
            yield _shifted(offsets, spacing, _roomy_centre(spacing, channels) - width // 2)
            continue
        first = (low + high - width) // 2 - spacing // 2
        yield from (
            _shifted(offsets, spacing, start)
            for start in range(max(0, first), first + spacing + 1)
            if start + width <= MAX_LABEL
        )


def _shifted(offsets: tuple[int, ...], spacing: int, start: int) -> tuple[int, ...]:
    return tuple(start + offset * spacing for offset in offsets)


def _offsets(pump_count: int, most: int) -> Iterator[tuple[int, ...]]:
    """Pumps in comb positions from the first one."""
    if pump_count == 1:
        yield (0,)
    elif pump_count == 2:
        yield from ((0, distance) for distance in range(1, most + 1))
    else:
        yield from ((0, first, first + second) for first, second in THREE_PUMPS)


def _roomy_centre(spacing: int, channels: int) -> int:
    """A label near the usual centre with room for ``channels`` labels around it."""
    reach = spacing * (channels // 2 + MARGIN)
    return min(max(USUAL_CENTRE, reach), MAX_LABEL // 2)
