"""Scoring against a slow reference, and its window, bases and histogram."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.frames import ClickFrame
from netsim.physics.encodings.settings import Turns
from netsim.simulation.liveclicks import _without_close as without_close
from netsim.simulation.neighbours import count_differences, match_clicks, match_further
from netsim.simulation.scoring import DifferenceHistogram, LaneCounts, LaneScorer, build_scorers
from netsim.topology.network import build_network
from netsim.units import MAX_TIME_PS
from tests.support.fan2025 import four_user_topology
from tests.support.topologies import two_user_topology
from tests.unit.netsim.physics.helpers import generator, int64, pack

USERS = ("alice", "bob")


def random_clicks(seed: int, size: int, span_ps: int) -> NDArray[np.int64]:
    """Sorted clicks on all detectors."""
    rng = generator(seed)
    return np.sort(pack(rng.integers(0, span_ps, size), rng.integers(0, 4, size)))


def count_slowly(
    first: NDArray[np.int64], second: NDArray[np.int64], low_ps: int, high_ps: int
) -> LaneCounts:
    """Reference: for each click the first unused partner after the last used one."""
    counts, free = LaneCounts(), list(second.tolist())
    for click in first.tolist():
        # A partner too early for this click is too early for all later ones.
        while free and (free[0] >> 2) - (click >> 2) < low_ps:
            free.pop(0)
        if not free or (free[0] >> 2) - (click >> 2) >= high_ps:
            continue
        partner = free.pop(0)
        same_port = click & 1 == partner & 1
        in_z, in_x = click & 2 == partner & 2 == 0, click & 2 == partner & 2 == 2
        is_one = click & 1 == 1
        wrong = in_z and not same_port, in_x and same_port
        counts += LaneCounts(1, in_z, in_x, *wrong, in_z and is_one, in_x and is_one)
    return counts


def match_slowly(
    first: NDArray[np.int64], second: NDArray[np.int64], until_ps: int, window_ps: tuple[int, int]
) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """Matches by detectors of first clicks before a time, and how many clicks are done with."""
    counts = np.zeros((4, 4), dtype=np.int64)
    known = [click for click in first.tolist() if click >> 2 < until_ps]
    free = second.tolist()
    for click in known:
        while free and (free[0] >> 2) - (click >> 2) < window_ps[0]:
            free.pop(0)
        if free and (free[0] >> 2) - (click >> 2) < window_ps[1]:
            counts[click & 3, free.pop(0) & 3] += 1
    return counts, (len(known), second.size - len(free))


def score(first: NDArray[np.int64], second: NDArray[np.int64]) -> LaneCounts:
    """Counts of the only lane of two users at no distance, window [-1000, 1000)."""
    scorer = LaneScorer(build_network(two_user_topology()), USERS)
    scorer.add("bob", ClickFrame(0, 10**9, second.copy()))
    scorer.add("alice", ClickFrame(0, 10**9, first.copy()))
    scorer.finish()
    (counts,) = scorer.counts
    return counts


@pytest.mark.parametrize("seed", range(4))
def test_matching_against_the_slow_reference(seed: int) -> None:
    """Coincidences, sifted bits and errors are those of a plain search, in crowded streams."""
    first, second = random_clicks(seed, 3000, 3_000_000), random_clicks(seed + 9, 3000, 3_000_000)
    counts = score(first, second)
    assert counts == count_slowly(first, second, -1000, 1000)
    assert 0 < counts.errors < counts.sifted_bits < counts.coincidences < 3000


def test_cutting_time_changes_no_count() -> None:
    """Clicks in one frame and in many frames make the same counts."""
    streams = random_clicks(3, 3000, 3_000_000), random_clicks(12, 3000, 3_000_000)
    frames = 35
    edges_ps = np.linspace(0, 3_000_001, frames + 1).astype(np.int64)
    scorer = LaneScorer(build_network(two_user_topology()), USERS)
    for index in range(frames):
        for user, clicks in zip(USERS, streams, strict=True):
            low, high = np.searchsorted(clicks, edges_ps[index : index + 2] << 2)
            scorer.add(user, ClickFrame(index, int(edges_ps[index + 1]), clicks[low:high].copy()))
    scorer.finish()
    assert scorer.counts == (score(*streams),)


def test_links_of_a_user_share_what_comes_while_it_is_not_blind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scorers of all links count as each alone would; each frame is looked through once."""
    topology = four_user_topology()
    network = build_network(topology)
    names = [user.name for user in topology.users]
    clicks = {name: random_clicks(k, 20_000, 10**9) for k, name in enumerate(names)}
    alone = {users: LaneScorer(network, users) for users in network.links}
    together, calls = build_scorers(network, topology), list[int]()

    def counted(clicks: NDArray[np.int64], last_ps: int, dead_ps: int) -> NDArray[np.int64]:
        calls.append(clicks.size)
        return without_close(clicks, last_ps, dead_ps)

    monkeypatch.setattr("netsim.simulation.liveclicks._without_close", counted)
    for scorers in (alone, together):
        calls.clear()
        for index in range(3):
            low, high = (k * 10**9 // 3 << 2 for k in (index, index + 1))
            for name in names:
                part = clicks[name][(clicks[name] >= low) & (clicks[name] < high)]
                frame = ClickFrame(index, high >> 2, part)
                for users, scorer in scorers.items():
                    if name in users:
                        scorer.add(name, frame)
        for scorer in scorers.values():
            scorer.finish()
    assert len(calls) == 3 * len(names)
    counts = [[scorer.counts for scorer in scorers.values()] for scorers in (alone, together)]
    assert counts[0] == counts[1]
    assert all(lane.coincidences for lanes in counts[0] for lane in lanes)


@pytest.mark.parametrize(
    ("function", "settings", "bins"),
    [(match_clicks, (400_000, -700, 900), (4, 4)), (count_differences, (400_000, -5000, 100), 80)],
)
def test_kernels_are_their_interpreted_selves(
    function: Any, settings: tuple[int, int, int], bins: int | tuple[int, int]
) -> None:
    """Compiled and interpreted kernels count the same."""
    first, second = random_clicks(1, 500, 500_000), random_clicks(2, 500, 500_000)
    compiled, interpreted = np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=np.int64)
    used = function(first, second, *settings, compiled)
    assert used == function.py_func(first, second, *settings, interpreted)
    assert compiled.tolist() == interpreted.tolist()
    assert compiled.sum() > 0


@pytest.mark.parametrize("seed", range(6))
def test_matches_are_those_of_the_slow_reference_anywhere(seed: int) -> None:
    """Windows off zero, streams of any density, cut at any time; which clicks are done with too."""
    rng = generator(seed)
    for _ in range(100):
        span_ps = int(rng.choice([50, 1000, 30_000]))
        first, second = (
            random_clicks(int(rng.integers(1_000_000_000)), size, span_ps)
            for size in rng.integers(0, 60, 2)
        )
        low_ps, until_ps = int(rng.integers(-60, 60)), int(rng.integers(0, span_ps))
        high_ps = low_ps + int(rng.integers(1, 60))
        counts = np.zeros((4, 4), dtype=np.int64)
        used = match_clicks(first, second, until_ps, low_ps, high_ps, counts)
        expected, slow = match_slowly(first, second, until_ps, (low_ps, high_ps))
        assert counts.tolist() == expected.tolist()
        assert used == slow
        # The same in two parts, wherever each stream is cut.
        cuts = [int(rng.integers(0, clicks.size + 1)) for clicks in (first, second)]
        left, new = (first[: cuts[0]], second[: cuts[1]]), (first[cuts[0] :], second[cuts[1] :])
        counts = np.zeros((4, 4), dtype=np.int64)
        assert match_further(left, new, until_ps, low_ps, high_ps, counts) == slow
        assert counts.tolist() == expected.tolist()


def test_frames_of_turned_analysers_make_no_key() -> None:
    """One coincidence in each frame: those of neither user's turn count, as they come."""
    turns = {
        user: Turns(generator(seed), share=0.4, turn_rad=0.0) for seed, user in enumerate(USERS)
    }
    scorer = LaneScorer(build_network(two_user_topology()), USERS, turns=turns)
    straight = list[bool]()
    assert scorer.key_share == 1.0
    for index in range(37):
        for user in USERS:
            clicks = pack(int64(index * 10**9 + 1000), 0)
            scorer.add(user, ClickFrame(index, (index + 1) * 10**9, clicks))
        straight.append(not any(turn.is_turned(index) for turn in turns.values()))
        if index in (2, 19):
            assert scorer.key_share == sum(straight) / len(straight)
    scorer.finish()
    assert 5 < sum(straight) < len(straight) - 5
    assert scorer.key_share == sum(straight) / len(straight)
    assert scorer.counts == (LaneCounts(sum(straight), sifted_z=sum(straight)),)


def test_window_is_half_open() -> None:
    """A difference of -W/2 is in, one of W/2 is not."""
    at = int64(100_000)
    for difference_ps, inside in ((-1001, 0), (-1000, 1), (999, 1), (1000, 0)):
        counts = score(pack(at, 0), pack(at + difference_ps, 0))
        assert counts.coincidences == inside


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, 0, LaneCounts(1, sifted_z=1)),
        (0, 1, LaneCounts(1, sifted_z=1, errors_z=1)),
        (1, 1, LaneCounts(1, sifted_z=1, ones_z=1)),
        (3, 3, LaneCounts(1, sifted_x=1, errors_x=1, ones_x=1)),
        (2, 3, LaneCounts(1, sifted_x=1)),
        (3, 2, LaneCounts(1, sifted_x=1, ones_x=1)),
        (1, 2, LaneCounts(1)),
        (3, 0, LaneCounts(1)),
    ],
)
def test_bases_and_errors(first: int, second: int, expected: LaneCounts) -> None:
    """Z is an error where ports differ, X where they agree; mixed bases are not sifted."""
    at = int64(100_000)
    assert score(pack(at, first), pack(at, second)) == expected


def test_click_is_used_once() -> None:
    """Two clicks near one partner make one coincidence."""
    assert score(pack(int64(1000, 1100), 0), pack(int64(1050), 0)).coincidences == 1
    assert score(pack(int64(1050), 0), pack(int64(1000, 1100), 0)).coincidences == 1


def test_lane_window_lies_at_its_nominal_delay() -> None:
    """Charlie and Dave's two lanes are scored apart, each at its own delay."""
    network = build_network(four_user_topology())
    scorer = LaneScorer(network, ("charlie", "dave"))
    assert [lane.channels for lane in scorer.lanes] == [("C50", "C30"), ("C54", "C26")]
    base_ps = 10_000_000
    late_ps = base_ps + round(scorer.lanes[1].delay_ps)
    scorer.add("charlie", ClickFrame(0, 10**9, pack(int64(base_ps), 0)))
    scorer.add("dave", ClickFrame(0, 10**9, pack(int64(late_ps), 0)))
    scorer.finish()
    assert scorer.counts == (LaneCounts(), LaneCounts(1, sifted_z=1))


def test_stranger_is_refused() -> None:
    """Clicks of a third user have no place in a link."""
    scorer = LaneScorer(build_network(two_user_topology()), USERS)
    with pytest.raises(KeyError):
        scorer.add("carol", ClickFrame(0, 10, int64()))


def test_counts_add() -> None:
    """Counts of two runs are those of one run of both."""
    assert LaneCounts(5, 2, 1, 1, 0) + LaneCounts(1, 1, 0, 0, 0) == LaneCounts(6, 3, 1, 1, 0)


def test_histogram_counts_to_the_end_of_the_longest_run() -> None:
    """The last clicks of 26 days have their differences too."""
    histogram = DifferenceHistogram(USERS, low_ps=-500, bin_ps=250, bins=4)
    for user, early_ps in (("alice", 400), ("bob", 100)):
        clicks = np.array([MAX_TIME_PS - early_ps << 2], dtype=np.int64)
        histogram.add(user, ClickFrame(0, MAX_TIME_PS, clicks))
    histogram.finish()
    assert histogram.counts.tolist() == [0, 0, 0, 1]


def test_histogram_counts_all_differences() -> None:
    """Every pair of clicks counts, second less first, in half-open bins."""
    first, second = random_clicks(3, 400, 400_000), random_clicks(4, 400, 400_000)
    histogram = DifferenceHistogram(USERS, low_ps=-5000, bin_ps=250, bins=40)
    histogram.add("alice", ClickFrame(0, 10**6, first.copy()))
    histogram.add("bob", ClickFrame(0, 10**6, second.copy()))
    histogram.finish()
    differences_ps = ((second >> 2)[None, :] - (first >> 2)[:, None]).ravel()
    edges_ps = histogram.edges_ps
    # np.histogram closes its last bin; an edge of its own keeps it open.
    expected, _ = np.histogram(differences_ps, [*edges_ps.tolist(), 10**6])
    assert histogram.counts.tolist() == expected[:-1].tolist()
    assert (edges_ps[0], edges_ps[-1]) == (-5000, 5000)


def test_histogram_bins_are_half_open() -> None:
    """What lies on the lower edge counts, on the upper one not, whatever the detectors."""
    edges_ps, detectors = np.array([-50, -1, 0, 49, 50]), np.arange(4)
    for own in detectors.tolist():
        for edge_ps in edges_ps.tolist():
            counts = np.zeros(2, dtype=np.int64)
            first = pack(np.array([1000]), np.array([own]))
            second = np.sort(pack(np.full(4, 1000 + edge_ps), detectors))
            count_differences(first, second, 2000, -50, 50, counts)
            expected = [4 * (-50 <= edge_ps < 0), 4 * (0 <= edge_ps < 50)]
            assert counts.tolist() == expected, (own, edge_ps)
