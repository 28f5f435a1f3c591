"""Why there is no plan, and the nearest requests that have one.

Reasons are bounds (`netsim.plan.bounds`) in words; a nearest request is one that was planned.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from netsim.errors import ConfigError, Fault
from netsim.plan.bounds import lanes_on_comb
from netsim.plan.comb import pump_count_text
from netsim.plan.exact import hint
from netsim.plan.fewest import Effort, some_channels
from netsim.plan.pumps import possible_combs
from netsim.plan.request import MAX_LABEL, MAX_PUMPS, PlanRequest
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
    anywhere, most = needed_anywhere(request), request.max_channels
    unlimited = survey(replace(request, max_channels=None))
    if most is not None and anywhere > most:
        yield Fault("--max-channels", f"{_needs(request, anywhere)}; {most} are allowed")
    elif most is not None and unlimited is not None:
        comb, needed = unlimited.combs[0]
        needs = f"{_who(request)} need at least {needed} channels with {comb.pumps_text}"
        yield Fault("--max-channels", f"{needs}; {most} are allowed")
    else:
        yield Fault(_to_blame(request), f"{_needs(request, anywhere)}; {_room(request)}")


def _needs(request: PlanRequest, channels: int) -> str:
    pumps = f"{_pumps_text(request)}: {_law(request)}"
    return f"{_who(request)} need at least {channels} channels with {pumps}"


def _who(request: PlanRequest) -> str:
    wanted = _counted(len(request.demands), "wanted pair")
    return f"{len(request.users)} users with {wanted}"


def _to_blame(request: PlanRequest) -> str:
    """The option without which there might be a plan; the users if no one option decides."""
    request = replace(request, max_channels=None)
    without = {
        "--avoid": replace(request, avoid=frozenset()),
        "--band": replace(request, band=(0, MAX_LABEL)),
        "--pumps": replace(request, pumps=None, free_pumps=min(request.pump_count, MAX_PUMPS)),
        "--spacing": replace(request, spacing_labels=1),
    }
    decisive = (o for o, other in without.items() if other != request and survey(other) is not None)
    return next(decisive, "--users")


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
    where = f"C{low} to C{high}"
    if any(low <= label <= high for label in request.avoid):
        where += ", without the labels to avoid,"
    combs = possible_combs(request, needed_anywhere(request))
    comb = max(combs, key=lambda comb: int(lanes_on_comb(comb)[-1]), default=None)
    spacing = f"a spacing of {request.spacing_labels}"
    if comb is None:
        return f"{where} has no room for {_pumps_text(request)} at {spacing}"
    at_best = "" if request.pumps else " (at best)"
    labels = _counted(comb.labels.size, "usable label")
    lanes = _counted(int(lanes_on_comb(comb)[-1]), "lane")
    return (
        f"{where} with {comb.pumps_text}{at_best} and {spacing} has {labels}, for {lanes} at most"
    )


def _counted(number: int, what: str) -> str:
    """``number`` of them, in the singular if it is one."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _not_found(request: PlanRequest, found: Survey) -> Fault:
    who = _who(request)
    if found.is_excluded:
        option = "--pumps" if request.is_band_free else "--band"
        return Fault(option, f"no allocation of the usable labels serves {who}: all were tried")
    open_case = f"no allocation found for {who}; the bounds do not exclude one{hint()}"
    return Fault("--effort", open_case)


def _pumps_text(request: PlanRequest) -> str:
    return pump_count_text(request.pump_count)


def _nearest(request: PlanRequest, effort: Effort) -> Iterator[Fault]:
    """Requests near this one that have a plan."""
    if request.max_channels is not None:
        found = _planned(replace(request, max_channels=None), effort)
        if found is not None:
            yield Fault("nearest plan", f"--max-channels {found} works")
    if request.avoid:
        found = _planned(replace(request, avoid=frozenset()), effort)
        if found is not None:
            yield Fault("nearest plan", f"without --avoid, {found} channels work")
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
    """The largest number of users, the first ones, that what was asked for can serve.

    More users never need less, so the largest number that the bounds allow is found by halving.
    """
    counts = range(2, len(request.users))
    allowed = bisect_left(counts, True, key=lambda count: survey(_first(request, count)) is None)  # noqa: FBT003 - sought
    for count in reversed(counts[:allowed]):
        fewer = _first(request, count)
        if effort.should_stop() or len(fewer.degrees) < count:
            return
        found = _planned(fewer, effort)
        if found is not None:
            users = fewer.users
            names = ", ".join(users) if count <= 4 else f"{users[0]} to {users[-1]}"
            yield Fault("nearest plan", f"{count} users ({names}) fit, with {found} channels")
            return


def _first(request: PlanRequest, count: int) -> PlanRequest:
    """The same for the first ``count`` users and the pairs among them."""
    users = request.users[:count]
    known = frozenset(users)
    demands = tuple(demand for demand in request.demands if known.issuperset(demand.users))
    return replace(request, users=users, demands=demands)


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
