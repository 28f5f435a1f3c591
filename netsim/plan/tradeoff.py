"""Channels against key: plans for the smallest key rate, with more channels and fewer pumps.

Fewer pumps make fewer pairs that nobody wants, hence less noise, but give a label fewer partners,
so that more channels are needed. Within one number of pumps a larger allowance may help a little.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from netsim.plan.fewest import Effort
from netsim.plan.hardware import Hardware
from netsim.plan.impossible import no_plan
from netsim.plan.planner import STOPPED, Plan, plan_from
from netsim.plan.request import MAX_PUMPS, Objective, PlanRequest
from netsim.plan.survey import find_fewest, survey

ALLOWANCES = (1.0, 1.2, 1.5)
"""Channels allowed, relative to the fewest found."""
GAIN = 1.01
"""A point of the curve has so many times the key of those with fewer channels, or more."""


def tradeoff(
    request: PlanRequest, hardware: Hardware, effort: Effort, power_mw: float | None = None
) -> list[Plan]:
    """Plans from few channels to many; those with no more key than a smaller one are left out.

    With given pumps only their number of channels changes; else one, two and three pumps are tried.

    Raises
    ------
    ConfigError
        If there is no plan at all.
    KeyboardInterrupt
        If the search was stopped before there was one.
    """
    request = replace(request, objective=Objective.POOREST)
    counts = [request.free_pumps] if request.pumps else range(MAX_PUMPS, 0, -1)
    plans = [
        plan
        for count in counts
        for plan in _plans(replace(request, free_pumps=count), hardware, effort, power_mw)
    ]
    if not plans and effort.should_stop():
        raise KeyboardInterrupt(STOPPED)
    if not plans:
        raise no_plan(request, effort, survey(request))
    return list(_rising(plans))


def _plans(
    request: PlanRequest, hardware: Hardware, effort: Effort, power_mw: float | None
) -> Iterator[Plan]:
    """Plans with one number of pumps."""
    found = None if effort.should_stop() else survey(request)
    if found is None:
        return
    found = find_fewest(request, found, effort)
    if found.best is None:
        return
    for allowance in ALLOWANCES if request.pump_count > 1 else ALLOWANCES[:1]:
        most = round(allowance * found.best.channels)
        most = min(most, request.max_channels or most)
        limited = replace(request, max_channels=most)
        yield plan_from(limited, hardware, found, effort, power_mw=power_mw)
        if effort.should_stop() or most == request.max_channels:
            return


def _rising(plans: list[Plan]) -> Iterator[Plan]:
    """The first one, even without any key, and those with more key than all before."""
    best_bps = -math.inf
    for plan in sorted(plans, key=lambda plan: (plan.allocation.channels, -min(plan.wanted_bps))):
        if min(plan.wanted_bps) > GAIN * best_bps:
            best_bps = min(plan.wanted_bps)
            yield plan
