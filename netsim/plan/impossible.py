"""Why there is no plan, and the nearest requests that have one.

Reasons are bounds (`netsim.plan.bounds`) in words; a nearest request is one that was planned.
"""

from collections.abc import Iterator
from dataclasses import replace

from netsim.errors import ConfigError, Fault
from netsim.plan.bounds import lanes_on_comb
from netsim.plan.comb import Comb, build_comb
from netsim.plan.exact import hint
from netsim.plan.fewest import Effort, some_channels
from netsim.plan.pumps import candidate_combs
from netsim.plan.request import MAX_LABEL, PlanRequest
from netsim.plan.survey import Survey, needed_anywhere, survey

MOST_STEPS = 12
"""Wider bands tried by search once the bounds allow it."""


def no_plan(request: PlanRequest, effort: Effort, found: Survey | None = None) -> ConfigError:
    """The error that says why, and what would work instead.

    Parameters
    ----------
    request : PlanRequest
    effort : Effort
    found : Survey or None
        Of a search without success; None if bounds exclude a plan.
    """
    reasons = _reasons(request) if found is None else [_not_found(request, found)]
    return ConfigError((*reasons, *_nearest(request, effort)))


def _reasons(request: PlanRequest) -> Iterator[Fault]:
    users, wanted = len(request.users), len(request.demands)
    anywhere = needed_anywhere(request)
    needs = (
        f"{users} users with {wanted} wanted pairs need at least {anywhere} channels with "
        f"{_pumps_text(request)}: {_law(request)}"
    )
    allowed = anywhere if request.max_channels is None else request.max_channels
    if allowed < anywhere:
        yield Fault("--max-channels", f"{needs}; {request.max_channels} are allowed")
        return
    yield Fault("--band" if not request.is_band_free else "--spacing", f"{needs}; {_room(request)}")


def _law(request: PlanRequest) -> str:
    """What bounds the channels, in words."""
    if request.pump_count == 1:
        return "a label pairs with one other"
    if request.pump_count == 2:
        return (
            "a label pairs with three others at most, and M labels carry 3 M / 2 - 2 lanes at most"
        )
    return f"a label pairs with {request.pump_count * (request.pump_count + 1) // 2} others at most"


def _room(request: PlanRequest) -> str:
    """What the band has to offer at its best."""
    low, high = request.band
    comb = _best_comb(request)
    count, lanes = comb.labels.size, int(lanes_on_comb(comb)[-1])
    pumps = ", ".join(f"C{pump}" for pump in comb.pumps)
    what = f"C{low} to C{high} with pumps {pumps} and a spacing of {comb.spacing_labels}"
    return f"{what} has {count} usable labels, which carry {lanes} lanes at most"


def _best_comb(request: PlanRequest) -> Comb:
    """The comb with most lanes of those that may be used."""
    every = replace(request, users=request.users[:2], demands=request.demands[:1])
    combs = [comb for comb, _ in candidate_combs(every, needed_anywhere(request))]
    if not combs:
        pumps = request.pumps or (request.band[0],)
        combs = [build_comb(pumps, request.spacing_labels, request.band)]
    return max(combs, key=lambda comb: int(lanes_on_comb(comb)[-1]))


def _not_found(request: PlanRequest, found: Survey) -> Fault:
    who = f"{len(request.users)} users with {len(request.demands)} wanted pairs"
    if found.is_excluded:
        return Fault("--band", f"no allocation of the usable labels serves {who}: all were tried")
    open_case = f"no allocation found for {who}; the bounds do not exclude one{hint()}"
    return Fault("--effort", open_case)


def _pumps_text(request: PlanRequest) -> str:
    return "one pump" if request.pump_count == 1 else f"{request.pump_count} pumps"


def _nearest(request: PlanRequest, effort: Effort) -> Iterator[Fault]:
    """Requests near this one that have a plan."""
    if request.max_channels is not None:
        found = _planned(replace(request, max_channels=None), effort)
        if found is not None:
            yield Fault("nearest plan", f"--max-channels {found} works")
    if not request.is_band_free:
        yield from _wider_band(request, effort)
    if request.pump_count == 1:
        found = _planned(replace(request, pumps=None, free_pumps=2), effort)
        if found is not None:
            yield Fault("nearest plan", f"two pumps work, with {found} channels")
    yield from _fewer_users(request, effort)


def _wider_band(request: PlanRequest, effort: Effort) -> Iterator[Fault]:
    """The narrowest band around the one that was asked for."""
    low, high = request.band
    spacing, tried = request.spacing_labels, 0
    lacking = needed_anywhere(request) - (high - low) // spacing
    for step in range(max(1, lacking // 2), MAX_LABEL // spacing):
        band = max(0, low - step * spacing), min(MAX_LABEL, high + step * spacing)
        wider = replace(request, band=band)
        if survey(wider) is None:
            if band == (0, MAX_LABEL):
                return
            continue
        found, tried = _planned(wider, effort), tried + 1
        if found is not None:
            yield Fault("nearest plan", f"--band {band[0]}:{band[1]} works, with {found} channels")
        if found is not None or tried == MOST_STEPS or effort.should_stop():
            return


def _fewer_users(request: PlanRequest, effort: Effort) -> Iterator[Fault]:
    """The largest number of users, the first ones, that what was asked for can serve."""
    for count in range(len(request.users) - 1, 1, -1):
        users = request.users[:count]
        demands = tuple(d for d in request.demands if set(d.users) <= set(users))
        fewer = replace(request, users=users, demands=demands)
        if effort.should_stop() or any(not fewer.degree(user) for user in users):
            return
        found = _planned(fewer, effort)
        if found is not None:
            names = ", ".join(users) if count <= 4 else f"{users[0]} to {users[-1]}"
            yield Fault("nearest plan", f"{count} users ({names}) fit, with {found} channels")
            return


def _planned(request: PlanRequest, effort: Effort) -> int | None:
    """Channels of some plan of ``request``; None if there is none, or none was found."""
    found = survey(request)
    for comb, lowest in found.combs if found is not None else ():
        most = sum(part.size for part in comb.components)
        most = min(most, request.max_channels or most)
        allocation = some_channels(request, comb, lowest, most, effort)
        if allocation is not None or effort.should_stop():
            return None if allocation is None else allocation.channels
    return None
