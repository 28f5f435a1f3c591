"""The planner: seconds to a plan, and how near its bound, beside the goals.

``netsim plan --users 2:40`` is the table of all numbers of users.
"""

import time

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


def row(users: int) -> tuple[str, Plan, float]:
    """One line of the table."""
    found, seconds = plan(users)
    text = (
        f"{users:5}  {found.allocation.channels:8}  {found.lower_bound:5}"
        f"  {found.allocation.span:4}  {users * (users - 1):9}  {seconds:7.2f}"
    )
    return text, found, seconds


def main() -> None:
    """Print the table."""
    plan(3, Objective.POOREST)  # compiles
    print("planner: channels for everyone with everyone, two pumps, one thread")
    print("users  channels  bound  span  one pump  seconds  goal")
    for users, above, limit_s in GOALS:
        text, found, seconds = row(users)
        reached = found.allocation.channels - found.lower_bound <= above and seconds <= limit_s
        print(f"{text}  {'met' if reached else 'MISSED'}: bound + {above:g} in {limit_s:g} s")
    found, seconds = plan(10, Objective.POOREST)
    print(
        f"by key rate, 10 users: {seconds:.1f} s (goal {KEY_GOAL_S:g}), smallest "
        f"{min(found.wanted_bps):.2f} bit/s; by channels {min(plan(10)[0].wanted_bps):.2f} bit/s"
    )


if __name__ == "__main__":
    main()
