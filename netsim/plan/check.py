"""A judge of finished plans that shares nothing with the planner: it reads their JSON."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, combinations_with_replacement, product
from typing import Any


def plan_faults(
    plan: Mapping[str, Any],
    wanted: Iterable[tuple[str, str]] | None = None,
    *,
    self_paired: bool = False,
) -> list[str]:
    """Everything that is wrong with a plan; empty if nothing is.

    Parameters
    ----------
    plan : mapping
        With ``pumps``, ``users``, ``lanes``, ``channels`` as in the JSON of ``netsim plan``.
    wanted : iterable of (str, str), optional
        Pairs of users that must have a lane; all if absent.
    self_paired : bool
        Whether labels that pair with themselves are allowed.
    """
    pairs = combinations(plan["users"], 2) if wanted is None else wanted
    return [
        *_label_faults(plan, self_paired=self_paired),
        *_lane_faults(plan),
        *_unlisted_lanes(plan),
        *_missing_lanes(plan, pairs),
    ]


def _sums(plan: Mapping[str, Any]) -> set[int]:
    return {p + q for p, q in combinations_with_replacement(plan["pumps"], 2)}


def _label_faults(plan: Mapping[str, Any], *, self_paired: bool) -> Iterator[str]:
    pumps, given = plan["pumps"], [a for labels in plan["users"].values() for a in labels]
    for label in sorted(set(given)):
        if given.count(label) > 1:
            yield f"C{label} is given twice"
        if label in {p + q - r for p in pumps for q in pumps for r in pumps}:
            yield f"C{label} carries classical light"
        elif 2 * label in _sums(plan) and not self_paired:
            yield f"C{label} pairs with itself"
    if plan["channels"] != len(given):
        yield f"{plan['channels']} channels are said, {len(given)} are given"


def _lane_faults(plan: Mapping[str, Any]) -> Iterator[str]:
    for lane in plan["lanes"]:
        (one, other), (a, b) = lane["users"], lane["channels"]
        if a + b not in _sums(plan) or a == b:
            yield f"C{a} and C{b} do not pair"
        if one == other or a not in plan["users"][one] or b not in plan["users"][other]:
            yield f"C{a} and C{b} are no lane of {one} and {other}"


def _unlisted_lanes(plan: Mapping[str, Any]) -> Iterator[str]:
    listed = {frozenset(lane["channels"]) for lane in plan["lanes"]}
    for (one, ones), (other, others) in combinations(plan["users"].items(), 2):
        for a, b in product(ones, others):
            if a + b in _sums(plan) and frozenset((a, b)) not in listed:
                yield f"C{a} of {one} and C{b} of {other} pair, and no lane says so"


def _missing_lanes(plan: Mapping[str, Any], wanted: Iterable[tuple[str, str]]) -> Iterator[str]:
    served = {frozenset(lane["users"]) for lane in plan["lanes"]}
    for one, other in wanted:
        if frozenset((one, other)) not in served:
            yield f"{one} and {other} have no lane"
