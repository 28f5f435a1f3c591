"""Lower bounds, held against exhaustive enumeration and known cases."""

from itertools import combinations

import numpy as np
import pytest

from netsim.plan.bounds import channels_bound, lanes_on_comb, lanes_on_ladder, span_bound
from netsim.plan.comb import Comb, build_comb
from netsim.plan.request import Demand, PlanRequest
from tests.unit.netsim.plan.requests import everyone, ladder, names


def lanes_among(comb: Comb, chosen: tuple[int, ...]) -> int:
    """Lanes of some labels, counted one by one."""
    return sum(int(w in comb.neighbours[v]) for v, w in combinations(chosen, 2))


def most_lanes(comb: Comb, channels: int) -> int:
    """Most lanes of so many labels, over all choices."""
    everything = combinations(range(comb.labels.size), channels)
    return max(lanes_among(comb, chosen) for chosen in everything)


@pytest.mark.parametrize(
    "comb",
    [
        build_comb((100, 101), 1, (92, 109)),
        build_comb((100, 103), 1, (94, 109)),
        build_comb((100, 101, 102), 1, (92, 110)),
        build_comb((100, 101, 103), 1, (92, 111)),
        build_comb((100, 102), 1, (95, 107), allow_self_paired=True),
        build_comb((100,), 1, (94, 106)),
    ],
    ids=["neighbours", "apart", "three", "unequal", "self-paired", "one"],
)
def test_no_choice_of_labels_carries_more_lanes(comb: Comb) -> None:
    """For every number of labels the bound on lanes holds against all choices of labels."""
    bound = lanes_on_comb(comb)
    assert bound.size == comb.labels.size + 1
    for channels in range(2, min(7, comb.labels.size) + 1):
        assert most_lanes(comb, channels) <= bound[channels]


def test_adjacent_labels_reach_the_bound_of_two_pumps() -> None:
    """M adjacent labels of one ladder carry floor(3 M / 2) - 2 lanes, which is the bound."""
    comb = ladder()
    for channels in range(2, 40):
        adjacent = tuple(int(v) for v in comb.components[0][:channels])
        expected = 3 * channels // 2 - 2
        assert lanes_among(comb, adjacent) == expected
        assert lanes_on_ladder(np.array(channels), 3) == expected
        assert lanes_on_comb(comb)[channels] == expected


def test_every_further_ladder_costs_two_lanes() -> None:
    """Labels that fill L ladders carry at most 3 M / 2 - 2 L lanes."""
    for distance, ladders in ((2, 2), (4, 3), (6, 4)):
        comb = build_comb((100, 100 + distance), 1, (60, 140 + distance))
        used = sum(part.size for part in comb.components)
        assert lanes_on_comb(comb)[used] <= 3 * used // 2 - 2 * ladders


@pytest.mark.parametrize(
    ("users", "channels"),
    [(2, 2), (3, 4), (4, 6), (5, 10), (7, 16), (9, 27), (10, 32), (16, 82), (40, 522)],
)
def test_channels_of_two_pumps(users: int, channels: int) -> None:
    """The larger of N ceil((N - 1) / 3) and the least M with enough lanes, worked out by hand."""
    assert channels_bound(everyone(users), None) == channels
    assert channels_bound(everyone(users), ladder()) == (channels if channels < 190 else None)


@pytest.mark.parametrize("users", range(2, 12))
def test_one_pump_needs_two_channels_a_pair(users: int) -> None:
    """With one pump the bound is N (N - 1)."""
    assert channels_bound(everyone(users, free_pumps=1), None) == users * (users - 1)


def test_demands_count_not_users() -> None:
    """A hub with nine others needs three channels, the others one each."""
    users = names(10)
    star = tuple(Demand((users[0], other)) for other in users[1:])
    assert channels_bound(PlanRequest(users, star), None) == 12


def test_too_few_labels_have_no_bound() -> None:
    """The paper's 20 labels carry 23 lanes at most: not ten users, but seven."""
    comb = build_comb((34, 46), 2, (12, 60))
    assert lanes_on_comb(comb)[-1] == 23
    assert channels_bound(everyone(10), comb) is None
    assert channels_bound(everyone(7), comb) is not None


@pytest.mark.parametrize(("users", "span"), [(2, 2), (6, 16), (10, 36), (16, 86), (40, 526)])
def test_span_of_two_pumps(users: int, span: int) -> None:
    """Where one ladder is tight, the span is its channels and the four lines in its middle."""
    request = everyone(users)
    channels = channels_bound(request, None)
    assert channels is not None
    assert span_bound(request, None, channels) == span


def test_span_of_a_given_comb() -> None:
    """With neighbouring pumps every span has the four lines in its middle."""
    request = everyone(4, pumps=(100, 101))
    assert span_bound(request, ladder(), 6) == 10


def test_one_pump_lies_within_its_span() -> None:
    """Every lane of one pump straddles it."""
    assert span_bound(everyone(4, free_pumps=1), None, 12) == 13
