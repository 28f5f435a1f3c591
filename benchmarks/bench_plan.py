"""The planner: seconds to a plan, and how near its bound, beside the goals.

``netsim plan --users 2:40`` is the table of all numbers of users.
"""

import time
from collections.abc import Iterator

from figures import Row, at_most, show

import netsim
from netsim.plan.hardware import Hardware
from netsim.plan.planner import Plan, make_plan
from netsim.plan.request import Objective, PlanRequest, all_pairs

GOALS = ((4, 0.0, 1.0), (10, 0.0, 60.0), (16, 1.0, 60.0), (40, 26.0, 60.0))
"""Users, channels above the bound that are allowed (5 % of 522 for 40), and seconds."""
KEY_GOAL_S = 60.0
"""For ten users, by key rate."""


def plan(users: int, objective: Objective = Objective.CHANNELS) -> tuple[Plan, float]:
    """A plan for everyone with everyone, and the seconds it took."""
    names = tuple(f"u{k}" for k in range(users))
    hardware = Hardware(netsim.load_topology("fan2025_structured"))
    start_s = time.perf_counter()
    found = make_plan(PlanRequest(names, all_pairs(names), objective=objective), hardware)
    return found, time.perf_counter() - start_s


def row(users: int, above: float, limit_s: float) -> Row:
    """One line of the table."""
    found, seconds = plan(users)
    figures = {
        "channels": found.allocation.channels,
        "above bound": found.allocation.channels - found.lower_bound,
        "span": found.allocation.span,
        "one pump": users * (users - 1),
        "seconds": seconds,
    }
    goals = (at_most("above bound", above), at_most("seconds", limit_s))
    return Row(f"{users} users", figures, goals)


def rows() -> Iterator[Row]:
    """By channels, then by key rate."""
    plan(3, Objective.POOREST)  # compiles
    for case in GOALS:
        yield row(*case)
    found, seconds = plan(10, Objective.POOREST)
    figures = {
        "poorest [bit/s]": min(found.wanted_bps),
        "by channels [bit/s]": min(plan(10)[0].wanted_bps),
        "seconds": seconds,
    }
    yield Row("10 users by key rate", figures, (at_most("seconds", KEY_GOAL_S),))


def main() -> None:
    """Print the table."""
    show("planner: channels for everyone with everyone, two pumps, one thread", rows())


if __name__ == "__main__":
    main()
