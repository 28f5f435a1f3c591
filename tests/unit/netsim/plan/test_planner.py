"""Whole plans: what is asked, what comes out, what is proven, what is impossible."""

import sys
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from netsim.errors import ConfigError
from netsim.plan.fewest import Effort
from netsim.plan.keyplan import KeyPlanner
from netsim.plan.planner import Plan, make_plan
from netsim.plan.report import print_plan
from netsim.plan.request import Demand, Objective, PlanRequest
from netsim.plan.survey import find_fewest, survey
from netsim.plan.tradeoff import tradeoff
from tests.unit.netsim.plan.requests import bench, everyone, names, pairs_of, served


def planned(request: PlanRequest) -> Plan:
    """A plan of the default hardware that serves everybody who wants it."""
    plan = make_plan(request, bench())
    assert {tuple(sorted(demand.users)) for demand in request.demands} <= served(plan)
    return plan


def summary(plan: Plan) -> tuple[int, int, bool]:
    """Channels, bound and whether it is proven."""
    return plan.allocation.channels, plan.lower_bound, plan.is_proven


def test_four_users_of_the_paper() -> None:
    """Pumps 34 and 46 on even labels 12 to 60: six channels, proven to be the fewest."""
    plan = planned(everyone(4, pumps=(34, 46), band=(12, 60), spacing_labels=2))
    assert summary(plan) == (6, 6, True)
    assert all(label % 2 == 0 and 12 <= label <= 60 for label in plan.allocation.used)


def test_ten_users() -> None:
    """Ten users get 32 channels, proven, in a span of 36 that fits C12 to C60 at 100 GHz."""
    plan = planned(everyone(10, band=(12, 60)))
    assert summary(plan) == (32, 32, True)
    assert plan.allocation.span == 36


@pytest.mark.parametrize(
    "users", [2, 3, 5, 6, 7, 8, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (11, 12, 13))]
)
def test_few_users_reach_the_bound(users: int) -> None:
    """Up to 13 users the fewest channels are found and proven."""
    plan = planned(everyone(users))
    assert plan.is_proven
    assert served(plan) == pairs_of(names(users))


@pytest.mark.slow
@pytest.mark.parametrize("users", range(14, 41))
def test_up_to_forty_users(users: int) -> None:
    """Up to 40 users the fewest channels are found and proven."""
    assert planned(everyone(users)).is_proven


def test_one_pump_pairs_only() -> None:
    """With one pump five users need 20 channels: two a pair, proven."""
    plan = planned(everyone(5, free_pumps=1))
    assert summary(plan) == (20, 20, True)
    assert plan.allocation.span == 21


def test_three_pumps_need_fewer_channels() -> None:
    """Three pumps serve four users with fewer channels than the 6 of two."""
    plan = planned(everyone(4, free_pumps=3))
    assert len(plan.allocation.comb.pumps) == 3
    assert plan.lower_bound <= plan.allocation.channels < 6


def test_self_paired_labels_make_a_triangle() -> None:
    """Three users need four channels, or three if a label may pair with itself."""
    assert summary(planned(everyone(3))) == (4, 4, True)
    plan = planned(everyone(3, allow_self_paired=True))
    assert summary(plan) == (3, 3, True)
    assert min(plan.wanted_bps) > 0


def test_avoided_labels_are_avoided() -> None:
    """Labels that may not be used are not."""
    avoid = frozenset(range(43, 50))
    plan = planned(everyone(6, avoid=avoid))
    assert not avoid & set(plan.allocation.used.tolist())


def test_only_wanted_pairs_need_lanes() -> None:
    """A ring of eight users needs one channel each, not the 24 of everyone with everyone."""
    users = names(8)
    ring = tuple(Demand((users[k], users[k + 1])) for k in range(7))
    plan = planned(PlanRequest(users, (*ring, Demand((users[0], users[7])))))
    assert summary(plan) == (8, 8, True)


@pytest.mark.parametrize(
    ("users", "span", "of_fewest"), [(4, 8, 10), pytest.param(8, 26, 28, marks=pytest.mark.slow)]
)
def test_the_narrowest_span(users: int, span: int, of_fewest: int) -> None:
    """With pumps far apart the span is the bound, two less than that of neighbouring pumps."""
    plan = planned(everyone(users, objective=Objective.SPAN))
    assert (plan.allocation.span, plan.lower_bound, plan.is_proven) == (span, span, True)
    assert planned(everyone(users)).allocation.span == of_fewest


def unlike_users(objective: Objective) -> Plan:
    """Six users at unequal distances, planned by one objective with little effort."""
    lengths_m = {name: 4000.0 * k for k, name in enumerate(names(6))}
    request = everyone(6, objective=objective, effort=0.05)
    return make_plan(request, replace(bench(), lengths_m=lengths_m))


@pytest.mark.slow
def test_plans_by_key_rate_have_more_of_it() -> None:
    """Planned for the smallest (the total) key rate, that is higher than by channels alone."""
    channels = unlike_users(Objective.CHANNELS)
    poorest, total = unlike_users(Objective.POOREST), unlike_users(Objective.TOTAL)
    assert min(poorest.wanted_bps) > 1.2 * min(channels.wanted_bps) > 0
    assert sum(total.wanted_bps) > 1.2 * sum(channels.wanted_bps)
    assert min(poorest.wanted_bps) > min(total.wanted_bps)
    assert not poorest.is_proven
    assert served(poorest) == served(total) == pairs_of(names(6))


@pytest.mark.slow
def test_weights_shift_key() -> None:
    """A pair that wants five times the key of the others gets more than without its weight."""
    request = everyone(4, objective=Objective.POOREST, effort=0.02)
    equal = make_plan(request, bench())
    least = min(range(6), key=equal.wanted_bps.__getitem__)
    demands = [
        replace(demand, weight=5.0 if k == least else 1.0)
        for k, demand in enumerate(request.demands)
    ]
    weighted = make_plan(replace(request, demands=tuple(demands)), bench())
    assert weighted.wanted_bps[least] > 2.0 * equal.wanted_bps[least]


@pytest.mark.slow
def test_a_given_power_is_kept() -> None:
    """The power is chosen where it is not given, and kept where it is, also by a climb."""
    for objective in (Objective.CHANNELS, Objective.POOREST):
        request = everyone(4, objective=objective, effort=0.01)
        plan = make_plan(request, bench(), power_mw=0.2)
        free = make_plan(request, bench())
        assert plan.power_mw == 0.2
        assert min(free.wanted_bps) >= min(plan.wanted_bps)


def test_a_user_in_the_dark_does_not_dim_the_others() -> None:
    """Where one user gets no key at any power, the power suits the poorest of the others."""
    plan = make_plan(everyone(4), replace(bench(), lengths_m={"u0": 4e5}))
    pairs = list(zip(plan.request.demands, plan.wanted_bps, strict=True))
    dark = [bps for demand, bps in pairs if "u0" in demand.users]
    others = [bps for demand, bps in pairs if "u0" not in demand.users]
    assert max(dark) == 0
    assert min(others) > 0.5 * min(make_plan(everyone(4), bench()).wanted_bps)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_plan() -> None:
    """A plan is a function of its request."""
    request = everyone(6, objective=Objective.POOREST, effort=0.01, seed=7)
    one, other = (make_plan(request, bench()) for _ in range(2))
    assert one.topology == other.topology
    assert one.wanted_bps == other.wanted_bps


def test_a_stopped_search_keeps_the_best_so_far() -> None:
    """Stopped after the first plan, the climbs are skipped and the plan is marked."""
    request = everyone(6, objective=Objective.POOREST)
    found = survey(request)
    assert found is not None
    best = find_fewest(request, found, Effort()).best
    assert best is not None
    stopped = Effort(should_stop=lambda: True)
    keys = KeyPlanner(request, bench(), stopped, None)
    kept = keys.best(best, [best.comb])
    assert kept.allocation.channels == best.channels
    assert kept.value_bps > 0
    with pytest.raises(KeyboardInterrupt):
        make_plan(request, bench(), stopped)


def refused(request: PlanRequest) -> str:
    """Why there is no plan, and what would do."""
    with pytest.raises(ConfigError) as caught:
        make_plan(request, bench())
    return str(caught.value)


@pytest.mark.slow
def test_too_narrow_a_band_names_a_wider_one_that_works() -> None:
    """Ten users on the paper's 20 labels: the reason, a band that works, how many users fit."""
    request = everyone(10, pumps=(34, 46), band=(12, 60), spacing_labels=2)
    message = refused(request)
    assert "20 usable labels, for 23 lanes at most" in message
    assert "nearest plan: --band 0:80 works, with 34 channels" in message
    assert "nearest plan: 7 users (u0 to u6) fit" in message
    assert planned(replace(request, band=(0, 80))).allocation.channels == 34


def test_one_pump_and_six_channels_are_too_few_for_four_users() -> None:
    """The reason, and what would do: twelve channels, or two pumps, or three users."""
    message = refused(everyone(4, free_pumps=1, max_channels=6))
    assert "need at least 12 channels with one pump: a label pairs with one other" in message
    assert "--max-channels 12 works" in message
    assert "two pumps work, with 6 channels" in message
    assert "3 users (u0, u1, u2) fit, with 6 channels" in message


def test_more_demand_than_any_allocation_carries() -> None:
    """Forty users do not fit the labels C0 to C999 at 200 GHz; fewer do."""
    message = refused(everyone(40, spacing_labels=2))
    assert "780 wanted pairs need at least 522 channels" in message
    assert "38 users (u0 to u37) fit, with 494 channels" in message


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        (
            {"avoid": frozenset(range(1000))},
            ("--avoid: ", "has 0 usable labels, for 0 lanes", "without --avoid, 6 channels work"),
        ),
        ({"band": (40, 41)}, ("--band: ", "pumps C40 and C41 (at best)", "0 usable labels")),
        ({"band": (46, 47), "pumps": (46,)}, ("--band: ", "1 usable label, for 0 lanes")),
        ({"band": (40, 40)}, ("--band: ", "has no room for two pumps at a spacing of 1")),
        ({"pumps": (998, 999)}, ("--pumps: ", "pumps C998 and C999 and", "for 0 lanes")),
    ],
)
def test_the_option_to_blame_is_named(changes: dict[str, object], reasons: tuple[str, ...]) -> None:
    """The option without which there would be a plan, and what it leaves at its best."""
    message = refused(everyone(4, **changes))
    assert all(reason in message for reason in reasons), message


def test_impossible_plans_are_told_without_trying_every_number_of_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 200 users the 55 that fit are found with few looks at the bounds."""
    looks = []

    def counted(request: PlanRequest) -> object:
        looks.append(len(request.users))
        return survey(request)

    monkeypatch.setattr("netsim.plan.impossible.survey", counted)
    with pytest.raises(ConfigError, match="55 users"):
        make_plan(everyone(200), bench())
    assert len(looks) < 20


def test_pumps_may_need_more_channels_than_the_law() -> None:
    """Where other pumps would do, what these pumps need is set against what is allowed."""
    message = refused(everyone(6, pumps=(34, 46), band=(12, 60), max_channels=12))
    assert "--max-channels: 6 users with 15 wanted pairs need at least 13 channels" in message


def test_faults_of_a_request_are_told_together() -> None:
    """Every option that makes no sense is named at once."""
    request = PlanRequest(
        ("a", "a", "b"),
        (Demand(("a", "b")), Demand(("a", "b"))),
        pumps=(34, 47, 34),
        spacing_labels=2,
        band=(60, 12),
    )
    message = refused(request)
    for fault in (
        "--users: a is named twice",
        "--demand: a and b are given twice",
        "--pumps: 34 is given twice",
        "--pumps: 47 is off the comb",
        "--band: 60:12 is no range of labels",
    ):
        assert fault in message


@pytest.mark.slow
@pytest.mark.parametrize("users", [3, 5])
def test_a_curve_of_channels_against_key(users: int) -> None:
    """More channels, fewer pumps, more key: three pumps, two, and one."""
    plans = tradeoff(everyone(users, effort=0.02), bench(), Effort(scale=0.02))
    channels = [plan.allocation.channels for plan in plans]
    rates = [min(plan.wanted_bps) for plan in plans]
    assert channels == sorted(set(channels))
    assert rates == sorted(rates)
    assert {len(plan.allocation.comb.pumps) for plan in plans} == {1, 2, 3}
    assert channels[-1] == users * (users - 1)


def test_without_the_solver_a_case_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OR-tools there is a plan all the same; that it cannot be decided is told."""
    for module in ("ortools", "ortools.sat.python.cp_model"):
        monkeypatch.setitem(sys.modules, module, None)
    plan = planned(everyone(4, pumps=(100, 105), band=(97, 106)))
    assert summary(plan) == (8, 7, False)
    stream = StringIO()
    print_plan(plan, Console(file=stream, width=200))
    assert "here 8, 1 above: less is not excluded; exhaustive search" in stream.getvalue()
    assert "pip install 'qnsp-netsim[plan]'" in stream.getvalue()
    assert "qnsp-netsim[plan]" in refused(everyone(5, pumps=(100, 105), band=(96, 107)))
