"""The judge of plans finds whatever is wrong with one."""

from copy import deepcopy
from typing import Any

from netsim.plan.check import plan_faults
from netsim.plan.planner import make_plan
from netsim.plan.report import plan_json
from tests.unit.netsim.plan.requests import bench, everyone

GOOD = {
    "pumps": [40, 41],
    "users": {"a": [44], "b": [38], "c": [37, 43]},
    "lanes": [
        {"users": ["a", "b"], "channels": [44, 38]},
        {"users": ["a", "c"], "channels": [44, 37]},
        {"users": ["b", "c"], "channels": [38, 43]},
    ],
    "channels": 4,
}
"""Checked by hand: 44 + 38 = 82 = 2 C41, 44 + 37 = 81 = C40 + C41, 38 + 43 = 81."""


def faults(**changes: Any) -> list[str]:
    """Faults of the good plan with changes."""
    return plan_faults(deepcopy(GOOD) | changes)


def test_a_good_plan_has_no_faults() -> None:
    """A plan worked out by hand, and one of the planner."""
    assert faults() == []
    assert plan_faults(plan_json(make_plan(everyone(6), bench()))) == []


def test_every_fault_is_found() -> None:
    """Pumps given away, labels twice, lanes that are none, not listed, or of somebody else."""
    users = {"a": [44], "b": [38], "c": [37, 43]}
    lanes: list[dict[str, Any]] = [
        {"users": ["a", "b"], "channels": [44, 38]},
        {"users": ["a", "c"], "channels": [44, 37]},
        {"users": ["b", "c"], "channels": [38, 43]},
    ]
    assert "C40 carries classical light" in faults(users=users | {"a": [44, 40]}, channels=5)
    assert "C42 carries classical light" in faults(users=users | {"a": [44, 42]}, channels=5)
    assert "C38 is given twice" in faults(users=users | {"a": [44, 38]}, channels=5)
    assert faults(lanes=lanes[:2]) == [
        "C38 of b and C43 of c pair, and no lane says so",
        "b and c have no lane",
    ]
    false = {"users": ["a", "c"], "channels": [44, 43]}
    assert faults(lanes=[*lanes, false]) == ["C44 and C43 do not pair"]
    foreign = {"users": ["a", "b"], "channels": [37, 44]}
    assert faults(lanes=[*lanes, foreign]) == ["C37 and C44 are no lane of a and b"]
    assert faults(channels=5) == ["5 channels are said, 4 are given"]


def test_self_paired_labels_are_a_fault_unless_allowed() -> None:
    """A label with 2 a = p_i + p_j, which is no pump, is refused by default."""
    plan = {"pumps": [39, 41], "users": {"a": [40], "b": [42]}, "lanes": [], "channels": 2}
    assert "C40 pairs with itself" in plan_faults(plan, [])
    assert plan_faults(plan | {"users": {"a": [40], "b": [44]}}, [], self_paired=True) == []


def test_only_wanted_pairs_must_have_lanes() -> None:
    """With pairs given, others may go without."""
    plan = {"pumps": [40, 41], "users": {"a": [44], "b": [50]}, "lanes": [], "channels": 2}
    assert plan_faults(plan, []) == []
    assert plan_faults(plan, [("a", "b")]) == ["a and b have no lane"]
