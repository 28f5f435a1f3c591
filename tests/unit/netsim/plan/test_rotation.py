"""Rotating patterns serve every pair, by a count that knows nothing of rotations."""

import numpy as np
import pytest

from netsim.plan.bounds import channels_bound
from netsim.plan.rotation import rotating_ladder
from tests.unit.netsim.plan.requests import everyone


def served_pairs(users: np.ndarray, nobody: int) -> set[tuple[int, int]]:
    """Pairs that are neighbours on a ladder given row by row."""
    pairs = set()
    for v in range(users.size):
        for w in ([v + 1] if v % 2 == 0 else []) + [v + 2]:
            if w < users.size and nobody not in (users[v], users[w]) and users[v] != users[w]:
                pairs.add((min(users[v], users[w]), max(users[v], users[w])))
    return pairs


@pytest.mark.parametrize("users", [10, 13, 16, 19, 25, 28, 31, 34, 37, 40])
def test_tight_numbers_of_users_reach_the_bound(users: int) -> None:
    """For N = 1 modulo 3 a pattern serves all pairs with the least number of channels."""
    channels = channels_bound(everyone(users), None)
    assert channels is not None
    found = rotating_ladder(np.random.default_rng(1), users, channels)
    assert found is not None
    assert found.size == channels
    assert len(served_pairs(found, users)) == users * (users - 1) // 2


def test_a_pattern_with_unused_labels() -> None:
    """Seventeen users: two stretches of 26 rows with one unused label each, 102 channels."""
    found = rotating_ladder(np.random.default_rng(1), 17, 102, holes=1)
    assert found is not None
    assert np.count_nonzero(found == 17) == 2
    assert np.count_nonzero(found != 17) == 102
    assert len(served_pairs(found, 17)) == 136


def test_no_pattern_fits_every_number() -> None:
    """Nine users with 27 channels have no pattern; neither has one channel too few."""
    assert rotating_ladder(np.random.default_rng(1), 9, 27) is None
    assert rotating_ladder(np.random.default_rng(1), 16, 81) is None
