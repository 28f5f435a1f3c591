"""Which pairs the matchings choose, against searches in all pairs; and one that breaks its word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.bbm92.coincidence import match_lanes
from protocols.bbm92.matchings import Earliest, Nearest, Unrivalled
from protocols.matching import Matching, NearPairs
from tests.support.near import near_pairs

Times = NDArray[np.int64]
WINDOW_PS = 200
streams = st.lists(st.integers(0, 2_000), max_size=12, unique=True).map(
    lambda times: np.array(sorted(times), dtype=np.int64)
)


def matched(matching: Matching, announced: Times, own: Times) -> set[tuple[int, int]]:
    """Times of the two clicks of each match."""
    pairs = near_pairs(announced, own, low_ps=-1_000, high_ps=1_000)
    free = np.ones(own.size, dtype=np.bool_)
    places, clicks, _ = match_lanes(
        matching, pairs, {0: 0}, window_ps=WINDOW_PS, announced=announced.size, own_free=free
    )
    assert np.flatnonzero(~free).tolist() == sorted(clicks.tolist())
    return set(zip(announced[places].tolist(), own[clicks].tolist(), strict=True))


def in_window(announced: Times, own: Times) -> list[tuple[int, int]]:
    """All pairs in [-window/2, window/2), in the order of announced clicks, then own ones."""
    half = WINDOW_PS // 2
    return [
        (int(one), int(other)) for one in announced for other in own if -half <= other - one < half
    ]


def greedy(pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """One after the other, if both clicks are free."""
    taken: set[tuple[int, int]] = set()
    for one, other in pairs:
        if all(one != a and other != b for a, b in taken):
            taken.add((one, other))
    return taken


@settings(derandomize=True, deadline=None)
@given(streams, streams)
def test_all_three_are_what_they_say(announced: Times, own: Times) -> None:
    """The earliest, the nearest (of two as near the earlier), those without a rival."""
    pairs = in_window(announced, own)
    assert matched(Earliest(), announced, own) == greedy(pairs)
    nearest = sorted(pairs, key=lambda pair: abs(pair[1] - pair[0]))
    assert matched(Nearest(), announced, own) == greedy(nearest)
    alone = {
        (one, other)
        for one, other in pairs
        if sum(a == one for a, _ in pairs) == sum(b == other for _, b in pairs) == 1
    }
    assert matched(Unrivalled(), announced, own) == alone


def test_a_click_between_two() -> None:
    """By hand: 40 before, 10 behind."""
    announced, own = np.array([100]), np.array([60, 110])
    assert matched(Earliest(), announced, own) == {(100, 60)}
    assert matched(Nearest(), announced, own) == {(100, 110)}
    assert matched(Unrivalled(), announced, own) == set()


class Everything(Matching):
    """All pairs, whatever clicks they share."""

    def choose(self, pairs: NearPairs) -> Times:
        """All."""
        return np.arange(pairs.own.size)


def test_a_click_in_two_matches_is_refused() -> None:
    """No bit of key is counted twice."""
    with pytest.raises(ValueError, match="a click in two matches"):
        matched(Everything(), np.array([100]), np.array([60, 110]))
    assert matched(Everything(), np.array([100, 900]), np.array([60, 910])) == {
        (100, 60),
        (900, 910),
    }


class Beyond(Matching):
    """One pair more than there are."""

    def choose(self, pairs: NearPairs) -> Times:
        """The one behind the last."""
        return np.array([pairs.own.size])


def test_a_match_of_no_pair_is_refused() -> None:
    """What a matching says is looked at before it is used."""
    with pytest.raises(ValueError, match="no pair"):
        matched(Beyond(), np.array([100]), np.array([60]))
