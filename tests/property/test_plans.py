"""Laws of plans: whatever is asked, a plan passes the independent judge and its own bound."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import netsim
from netsim.errors import ConfigError
from netsim.plan.bounds import channels_bound
from netsim.plan.check import plan_faults
from netsim.plan.comb import build_comb
from netsim.plan.hardware import Hardware
from netsim.plan.planner import make_plan
from netsim.plan.report import plan_json
from netsim.plan.request import Demand, Objective, PlanRequest, request_faults

HARDWARE = Hardware(netsim.load_topology("fan2025_structured"))


@st.composite
def requests(draw: st.DrawFn, objectives: Sequence[Objective] = tuple(Objective)) -> PlanRequest:
    """Small requests of every kind, sensible or not."""
    users = tuple("abcdef"[: draw(st.integers(2, 6))])
    pairs = list(combinations(users, 2))
    wanted = draw(
        st.one_of(st.just(pairs), st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    )
    spacing = draw(st.integers(1, 2))
    pumps = draw(
        st.one_of(
            st.none(),
            st.lists(st.integers(35, 45), min_size=1, max_size=3, unique=True).map(tuple),
        )
    )
    if pumps is not None:
        pumps = tuple(pumps[0] + spacing * (pump - pumps[0]) for pump in pumps)
    low = draw(st.integers(0, 30))
    return PlanRequest(
        users=users,
        demands=tuple(Demand(pair, draw(st.sampled_from((1.0, 2.0)))) for pair in wanted),
        pumps=pumps,
        free_pumps=draw(st.integers(1, 3)),
        spacing_labels=spacing,
        band=draw(st.sampled_from(((0, 999), (low, low + 50), (low, low + 25)))),
        avoid=draw(st.frozensets(st.integers(25, 55), max_size=4)),
        allow_self_paired=draw(st.booleans()),
        max_channels=draw(st.one_of(st.none(), st.integers(2, 30))),
        objective=draw(st.sampled_from(objectives)),
        seed=draw(st.integers(0, 3)),
        effort=0.02,
    )


@settings(max_examples=12)
@given(requests((Objective.CHANNELS, Objective.SPAN)))
def test_a_plan_is_faultless_or_there_is_none(request: PlanRequest) -> None:
    """A request is refused with reasons, or its plan passes the judge and keeps every limit."""
    judge(request)


@pytest.mark.slow
@settings(max_examples=20)
@given(requests())
def test_a_plan_by_any_objective_is_faultless(request: PlanRequest) -> None:
    """The same of plans by key rate as well."""
    judge(request)


def judge(request: PlanRequest) -> None:
    """Assert that a request is refused, or that its plan is what was asked."""
    try:
        plan = make_plan(request, HARDWARE)
    except ConfigError:
        event("refused")
        return
    event(f"{request.objective}, proven: {plan.is_proven}")
    told = plan_json(plan)
    wanted = [demand.users for demand in request.demands]
    assert plan_faults(told, wanted, self_paired=request.allow_self_paired) == []
    assert request.pumps is None or told["pumps"] == sorted(request.pumps)
    labels = [label for labels in told["users"].values() for label in labels]
    assert request.band[0] <= min(labels) <= max(labels) <= request.band[1]
    assert not request.avoid & set(labels)
    assert len(labels) <= (request.max_channels or len(labels))
    assert told["span"] == (max(labels) - min(labels)) // request.spacing_labels + 1
    assert told["lower_bound"] <= plan.reached
    assert told["proven"] is False or told["lower_bound"] == plan.reached
    assert told["min_skr_bps"] <= told["total_skr_bps"]


@pytest.mark.slow
@settings(max_examples=40)
@given(requests(), st.data())
def test_no_allocation_beats_the_bound(request: PlanRequest, data: st.DataObject) -> None:
    """Labels given away at random never serve with fewer channels what the bound says they need."""
    assume(not request_faults(request) and request.pumps is not None)
    comb = build_comb(request.pumps or (), 1, (20, 60), allow_self_paired=request.allow_self_paired)
    count = len(request.users)
    owners = data.draw(
        st.lists(st.integers(0, count), min_size=comb.labels.size, max_size=comb.labels.size)
    )
    served = {
        (min(owners[v], owners[w]), max(owners[v], owners[w]))
        for v in range(comb.labels.size)
        for w in comb.neighbours[v]
        if w >= 0 and owners[v] != owners[w] and count not in (owners[v], owners[w])
    }
    assume(served)
    users = tuple(sorted({request.users[u] for pair in served for u in pair}))
    demands = tuple(Demand((request.users[u], request.users[w])) for u, w in sorted(served))
    asked = PlanRequest(users, demands, pumps=request.pumps, band=(20, 60))
    used = sum(owner != count for owner in owners)
    bound = channels_bound(asked, comb)
    assert bound is not None
    assert bound <= used
