"""Disjoint paths against all there are, on random networks."""

from collections.abc import Iterator
from itertools import combinations, pairwise, permutations

import numpy as np
import pytest

from netsim.relay.paths import Costs, Path, disjoint_paths, path_count

USERS = tuple("abcdef")


def random_network(rng: np.random.Generator, share: float) -> dict[tuple[str, str], float]:
    """About such a share of all links, the two users of each in any order."""
    pairs = [pair for pair in combinations(USERS, 2) if rng.random() < share]
    return {
        pair if rng.random() < 0.5 else pair[::-1]: float(rng.integers(0, 30)) / 10
        for pair in pairs
    }


def path_cost(costs: Costs, path: Path) -> float:
    """Sum over its links."""
    return sum(costs[link] if link in costs else costs[link[::-1]] for link in pairwise(path))


def all_paths(costs: Costs) -> Iterator[Path]:
    """Every path from the first user to the last."""
    start, *between, stop = USERS
    for length in range(len(between) + 1):
        for middle in permutations(between, length):
            path = (start, *middle, stop)
            hops = pairwise(path)
            if all(hop in costs or hop[::-1] in costs for hop in hops):
                yield path


def least_cost(costs: Costs, count: int) -> float | None:
    """Of so many paths without a user in common; None if there are not as many."""
    sums = [
        sum(path_cost(costs, path) for path in paths)
        for paths in combinations(all_paths(costs), count)
        if len({user for path in paths for user in path[1:-1]})
        == sum(len(path) - 2 for path in paths)
    ]
    return min(sums, default=None)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_cheap_as_the_cheapest_of_all(count: int) -> None:
    """On 60 networks of six users: there are paths where there are any, disjoint, at least cost."""
    rng = np.random.default_rng(count)
    found = []
    for _ in range(60):
        costs = random_network(rng, 0.2 + 0.15 * count)
        paths = disjoint_paths(costs, "a", "f", count)
        expected = least_cost(costs, count)
        found.append(bool(paths))
        assert bool(paths) is (expected is not None)
        if expected is None:
            continue
        between = [user for path in paths for user in path[1:-1]]
        assert len(paths) == count
        assert len(set(between)) == len(between)
        assert {(path[0], path[-1]) for path in paths} == {("a", "f")}
        assert sum(path_cost(costs, path) for path in paths) == pytest.approx(expected, abs=1e-9)
    assert 5 < sum(found) < 60


def test_two_paths_may_need_to_leave_the_cheapest() -> None:
    """The cheapest path shuts out any second one: it is given up."""
    costs = {("a", "b"): 1.0, ("b", "c"): 1.0, ("c", "d"): 1.0, ("b", "d"): 5.0, ("a", "c"): 5.0}
    assert disjoint_paths(costs, "a", "d", 1) == (("a", "b", "c", "d"),)
    assert disjoint_paths(costs, "a", "d", 2) == (("a", "b", "d"), ("a", "c", "d"))
    assert disjoint_paths(costs, "d", "a", 3) == ()


def test_count_of_paths() -> None:
    """As many as the narrowest place lets through, and the link of the ends is none."""
    links = [("a", "b"), ("b", "c"), ("c", "d"), ("b", "d"), ("a", "c"), ("a", "d")]
    assert path_count(links, "a", "d") == 2
    assert path_count([*links[:3], ("a", "d")], "a", "d") == 1
    assert path_count([("a", "d")], "a", "d") == 0


def test_nobody_is_reached_without_links() -> None:
    """Nor over somebody who is not there."""
    assert disjoint_paths({}, "a", "b", 1) == ()
    assert disjoint_paths({("a", "c"): 1.0}, "a", "b", 1) == ()
