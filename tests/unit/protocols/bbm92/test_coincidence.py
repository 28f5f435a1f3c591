"""Coincidences: prediction, pairs that are near, windows, each click once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.bbm92 import coincidence
from protocols.bbm92.clicktable import ClickTable, find_in_table
from protocols.bbm92.coincidence import Alignment, match_lanes, pairs_about
from protocols.bbm92.matchings import Earliest
from protocols.matching import NearPairs
from tests.support.near import near_pairs

Times = NDArray[np.int64]


def int64(*values: int) -> Times:
    return np.array(values, dtype=np.int64)


def match(
    predicted: Times,
    own: Times,
    *,
    delays_ps: tuple[int, ...] = (0,),
    window_ps: int = 2000,
    free: NDArray[np.bool_] | None = None,
) -> tuple[Times, NDArray[np.bool_]]:
    """Partner of each predicted time, and which own ones are left."""
    pairs = near_pairs(predicted, own, low_ps=-50_000, high_ps=90_000)
    free = np.ones(own.size, dtype=np.bool_) if free is None else free
    announced, clicks, lanes = match_lanes(
        Earliest(),
        pairs,
        dict(enumerate(delays_ps)),
        window_ps=window_ps,
        announced=predicted.size,
        own_free=free,
    )
    assert np.all(np.diff(announced) > 0)
    delays = np.array(delays_ps)[lanes]
    low = delays - window_ps // 2
    differences = own[clicks] - predicted[announced]
    assert np.all((low <= differences) & (differences < low + window_ps))
    partner = np.full(predicted.size, -1, dtype=np.int64)
    partner[announced] = clicks
    return partner, free


# Prediction ---------------------------------------------------------------------------------------


def test_prediction_is_a_line() -> None:
    """A time goes to t + offset + rate (t - reference), rounded to ps."""
    line = Alignment(reference_ps=1_000, offset_ps=250.4, rate=1e-3)
    assert line.predict(int64(1_000, 2_000, 0)).tolist() == [1_250, 2_251, 249]
    assert line.predict_one(2_000) == 2_251


def test_prediction_is_exact_far_from_zero() -> None:
    """After 100 days of picoseconds the line still holds to 1 ps near its reference."""
    origin_ps = 8_640_000 * 10**12
    line = Alignment(origin_ps, 1e9 + 0.5, 2e-6)
    for elapsed_ps in (0, 10**11, 30 * 10**12):
        expected = origin_ps + elapsed_ps + 10**9 + 2 * elapsed_ps // 10**6
        assert abs(line.predict_one(origin_ps + elapsed_ps) - expected) <= 1
        assert abs(int(line.predict(int64(origin_ps + elapsed_ps))[0]) - expected) <= 1


@given(st.integers(-(10**14), 10**14), st.floats(-1e10, 1e10), st.floats(-1e-5, 1e-5))
@settings(derandomize=True, deadline=None)
def test_moving_the_reference_moves_no_time(to_ps: int, offset_ps: float, rate: float) -> None:
    """The same line, wherever its reference is, to a few ps of rounding."""
    line = Alignment(0, offset_ps, rate)
    times = int64(-(10**13), 0, 10**12, 10**14)
    assert np.abs(line.moved(to_ps).predict(times) - line.predict(times)).max() <= 2


# Near pairs ---------------------------------------------------------------------------------------

streams = st.lists(st.integers(0, 3_000), max_size=40).map(
    lambda times: np.array(sorted(times), dtype=np.int64)
)


@settings(derandomize=True, deadline=None)
@given(streams, streams, st.floats(-300.0, 300.0), st.floats(-0.1, 0.1))
def test_pairs_about_a_line_are_those_near_its_predictions(
    one: Times, other: Times, offset_ps: float, rate: float
) -> None:
    """Indices and differences are what predicted times give."""
    line = Alignment(1_500, offset_ps, rate)
    found = pairs_about(line, one, other, low_ps=-200, high_ps=100)
    predicted = [line.predict_one(int(time_ps)) for time_ps in one]
    expected = [
        (k, j, int(other[j]) - predicted[k])
        for k in range(one.size)
        for j in range(other.size)
        if -200 <= other[j] - predicted[k] < 100
    ]
    columns = (found.announced, found.own, found.differences_ps)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


@settings(derandomize=True, deadline=None)
@given(
    streams,
    streams.filter(lambda times: times.size > 0),
    st.floats(-3_000.0, 3_000.0),
    st.floats(-0.1, 0.1),
    st.integers(1, 400),
)
def test_a_table_of_clicks_finds_the_same_pairs(
    one: Times, other: Times, offset_ps: float, rate: float, half_ps: int
) -> None:
    """As a double loop does, wherever the line leads, however many clicks a span holds."""
    line = Alignment(1_500, offset_ps, rate)
    table = ClickTable.of(other, width_ps=2 * half_ps)
    announced, differences_ps = find_in_table(
        one, other, table.first, table.shift, line.reference_ps, offset_ps, rate, half_ps
    )
    predicted = [line.predict_one(int(time_ps)) for time_ps in one]
    expected = [
        (k, time_ps - predicted[k])
        for k in range(one.size)
        for time_ps in other.tolist()
        if -half_ps <= time_ps - predicted[k] < half_ps
    ]
    assert list(zip(announced.tolist(), differences_ps.tolist(), strict=True)) == expected


def test_no_own_click_is_read_that_is_not_there() -> None:
    """Predictions that fall where a float leaves 128 ps out, about the last own click.

    In Python, which knows where the own clicks end.
    """
    line, announced = Alignment(0, 2.0**60, -0.9), np.arange(68, 76)
    predicted = line.predict(announced)
    assert predicted[3] > predicted[4]
    own, first = int64(2**60 - 300, 2**60 - 20), np.full(8, 9, dtype=np.uint64)
    coincidence._find_first.py_func(predicted, own, first)
    assert first.tolist() == [1] * 8
    found = coincidence.find_about.py_func(announced, own, 0, 2.0**60, -0.9, 0, 100)
    expected = [(k, 1) for k in range(8) if 0 <= own[1] - predicted[k] < 100]
    assert 0 < len(expected) < 8
    assert list(zip(*found[:2].tolist(), strict=True)) == expected


@settings(derandomize=True, deadline=None)
@given(streams, streams, st.integers(-400, 400), st.integers(-400, 400))
def test_all_near_pairs_are_found(one: Times, other: Times, low: int, high: int) -> None:
    """Exactly the pairs with low <= difference < high, in order, as a double loop finds them."""
    found = near_pairs(one, other, low_ps=low, high_ps=high)
    expected = [
        (k, j)
        for k in range(one.size)
        for j in range(other.size)
        if low <= other[j] - one[k] < high
    ]
    assert list(zip(found.announced.tolist(), found.own.tolist(), strict=True)) == expected
    assert np.array_equal(found.differences_ps, other[found.own] - one[found.announced])


def test_more_pairs_than_room() -> None:
    """The list of pairs grows as it must: 100 x 100 clicks, all near each other."""
    one, other = np.arange(100, dtype=np.int64), np.arange(100, dtype=np.int64)
    found = near_pairs(one, other, low_ps=-1000, high_ps=1000)
    assert found.own.size == 10_000
    plain = coincidence.find_about.py_func(one, other, 0, 0.0, 0.0, -1000, 1000)
    assert np.array_equal(plain, np.stack((found.announced, found.own, found.differences_ps)))


@pytest.mark.parametrize("own_clicks", [3, 5_000, 100_000])
def test_pairs_of_many_blocks(own_clicks: int) -> None:
    """More clicks than are looked at together: the pairs that two binary searches for each find."""
    rng = np.random.default_rng(own_clicks)
    one = np.sort(rng.integers(0, 10**9, 3 * coincidence.BLOCK_CLICKS + 77))
    other = np.sort(rng.integers(0, 10**9, own_clicks))
    low, high = -3_000, 40_000
    first, last = np.searchsorted(other, one + low), np.searchsorted(other, one + high)
    announced = np.repeat(np.arange(one.size), last - first)
    own = np.concatenate([np.arange(*ends) for ends in zip(first, last, strict=True)])
    found = near_pairs(one, other, low_ps=low, high_ps=high)
    assert np.array_equal(found.announced, announced)
    assert np.array_equal(found.own, own)
    assert np.array_equal(found.differences_ps, other[own] - one[announced])


def test_some_of_the_pairs_are_spread_over_all() -> None:
    """Every third of ten where four are enough, and the share; all where there is room."""
    one = np.arange(0, 1000, 100)
    pairs = near_pairs(one, one + 7, low_ps=0, high_ps=50)
    some, share = pairs.thinned(4)
    assert some.announced.tolist() == some.own.tolist() == [0, 3, 6, 9]
    assert some.differences_ps.tolist() == [7, 7, 7, 7]
    assert share == 1 / 3
    assert pairs.thinned(10) == (pairs, 1.0)


# Matching -----------------------------------------------------------------------------------------


def test_window_is_half_open() -> None:
    """A difference of -1000 ps is inside 2 ns, one of +1000 ps is not."""
    own = int64(99_000, 201_000, 300_999, 398_999)
    partner, _ = match(int64(100_000, 200_000, 300_000, 400_000), own)
    assert partner.tolist() == [0, -1, 2, -1]


@pytest.mark.parametrize(("window_ps", "width"), [(2000, 2000), (2001, 2001), (1, 1)])
def test_window_has_its_width(window_ps: int, width: int) -> None:
    """Exactly as many differences as the window is wide, odd or even, match."""
    matched = [
        difference
        for difference in range(-1500, 1500)
        if match(int64(10_000), int64(10_000 + difference), window_ps=window_ps)[0][0] == 0
    ]
    assert len(matched) == width
    assert matched[0] == -(window_ps // 2)


def test_each_click_is_used_once() -> None:
    """Two announced clicks near one own click: the first has it; two own near one: the earlier."""
    partner, free = match(int64(1_000, 1_500), int64(1_200))
    assert partner.tolist() == [0, -1]
    assert not free.any()
    partner, free = match(int64(1_000), int64(900, 1_100))
    assert partner.tolist() == [0]
    assert free.tolist() == [False, True]


def test_claimed_clicks_are_left_alone() -> None:
    """An own click that another link has is passed over, and the next one taken."""
    partner, _ = match(int64(1_000), int64(900, 1_100), free=np.array([False, True]))
    assert partner.tolist() == [1]


def test_lanes_do_not_take_each_others_clicks() -> None:
    """A click matched in one lane is not free for the next lane, at either side."""
    partner, _ = match(int64(0, 40_000), int64(40_000, 80_000), delays_ps=(0, 40_000))
    assert partner.tolist() == [-1, 0]


def test_matches_of_lanes_far_apart_are_in_order() -> None:
    """Pairs of such lanes come lane by lane; matches come by their announced clicks."""
    one, other = int64(0, 10_000, 20_000), int64(50_000, 60_020, 970_010)
    groups = [near_pairs(one, other, low_ps=low, high_ps=low + 200) for low in (950_000, 49_900)]
    pairs = NearPairs(
        *(
            np.concatenate([getattr(group, name) for group in groups])
            for name in ("announced", "own", "differences_ps")
        )
    )
    free = np.ones(3, dtype=np.bool_)
    announced, own, lanes = match_lanes(
        Earliest(), pairs, {3: 50_000, 5: 950_000}, window_ps=200, announced=3, own_free=free
    )
    assert announced.tolist() == own.tolist() == [0, 1, 2]
    assert lanes.tolist() == [3, 3, 5]
    assert not free.any()


@settings(derandomize=True, deadline=None)
@given(streams, streams, st.integers(-300, 300), st.integers(1, 200))
def test_matches_are_one_to_one_and_in_the_window(
    one: Times, other: Times, delay_ps: int, window_ps: int
) -> None:
    """Every match lies in the window, no click is in two, and none that could match is left over.

    Left over means: an announced and an own click, both unmatched, within the window.
    """
    partner, free = match(one, other, delays_ps=(delay_ps,), window_ps=window_ps)
    matched = np.flatnonzero(partner >= 0)
    low = delay_ps - window_ps // 2
    differences = other[partner[matched]] - one[matched]
    assert np.all((differences >= low) & (differences < low + window_ps))
    assert np.unique(partner[matched]).size == matched.size == np.count_nonzero(~free)
    for k in np.flatnonzero(partner < 0):
        rest = other[free] - one[k]
        assert not np.any((rest >= low) & (rest < low + window_ps))
