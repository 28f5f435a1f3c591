"""Exhaustive search confirms the bounds that the planner trusts."""

import pytest

from netsim.errors import ConfigError
from netsim.plan.allocation import Allocation, missing_pairs, wanted_indices
from netsim.plan.bounds import channels_bound
from netsim.plan.comb import build_comb
from netsim.plan.exact import all_ladders, fewer_channels
from netsim.plan.planner import make_plan
from tests.unit.netsim.plan.requests import bench, everyone

pytest.importorskip("ortools", reason="needs the extra `plan`")


@pytest.mark.parametrize("users", [2, 3, 4, 5])
def test_the_bound_is_the_least_number(users: int) -> None:
    """CP-SAT finds an allocation with as many channels as the bound, and none with fewer."""
    request = everyone(users)
    least = channels_bound(request, None)
    assert least is not None
    for channels, is_there in ((least, True), (least - 1, False)):
        comb = all_ladders(request, channels)
        assert comb is not None
        found = fewer_channels(request, comb, channels)
        assert isinstance(found, Allocation) is is_there
        assert is_there or found is False
        if isinstance(found, Allocation):
            assert found.channels <= channels
            assert not missing_pairs(found, wanted_indices(request))


def test_a_bound_that_is_raised() -> None:
    """Four users on eight labels of pumps five apart need all eight, one more than the bound."""
    request = everyone(4, pumps=(100, 105), band=(97, 106))
    comb = build_comb((100, 105), 1, (97, 106))
    assert channels_bound(request, comb) == 7
    assert fewer_channels(request, comb, 7) is False
    plan = make_plan(request, bench())
    assert (plan.allocation.channels, plan.lower_bound, plan.is_proven) == (8, 8, True)


def test_a_plan_that_is_excluded() -> None:
    """Five users on ten labels pass all bounds; trying all shows that there is no plan."""
    request = everyone(5, pumps=(100, 105), band=(96, 107))
    with pytest.raises(ConfigError, match="all were tried"):
        make_plan(request, bench())


def test_large_cases_are_left_alone() -> None:
    """Beyond its reach nothing is decided."""
    request = everyone(16)
    comb = all_ladders(request, 81)
    assert comb is not None
    assert fewer_channels(request, comb, 81) is None
