"""Requests and combs that several tests plan."""

from itertools import combinations

import netsim
from netsim.plan.comb import Comb, build_comb
from netsim.plan.hardware import Hardware
from netsim.plan.planner import Plan
from netsim.plan.report import plan_json
from netsim.plan.request import PlanRequest, all_pairs

NEIGHBOURS = (100, 101)
"""Pumps on neighbouring comb positions, far from the ends of the comb."""


def names(count: int) -> tuple[str, ...]:
    """Names of users."""
    return tuple(f"u{k}" for k in range(count))


def everyone(count: int, **changes: object) -> PlanRequest:
    """Everyone with everyone."""
    users = names(count)
    return PlanRequest(users, all_pairs(users), **changes)  # type: ignore[arg-type]  # as it says


def ladder(pumps: tuple[int, ...] = NEIGHBOURS) -> Comb:
    """A comb of spacing 1 with room around its pumps."""
    return build_comb(pumps, 1, (0, 200))


def bench() -> Hardware:
    """The hardware that plans have by default."""
    return Hardware(netsim.load_topology("fan2025_structured"))


def served(plan: Plan) -> set[tuple[str, ...]]:
    """Pairs of users with a lane, by the JSON of a plan."""
    return {tuple(sorted(lane["users"])) for lane in plan_json(plan)["lanes"]}


def pairs_of(users: tuple[str, ...]) -> set[tuple[str, ...]]:
    """All pairs of users."""
    return set(combinations(sorted(users), 2))
