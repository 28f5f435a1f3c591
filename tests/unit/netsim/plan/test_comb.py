"""Which labels may carry photons, and which meet which."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from netsim.plan.comb import NOBODY, build_comb, pump_sums


def test_the_comb_of_the_paper() -> None:
    """Pumps 34 and 46 on even labels 12 to 60 leave 20 labels: 25 less pumps, lines and 40."""
    comb = build_comb((34, 46), 2, (12, 60))
    barred = {22, 34, 40, 46, 58}
    assert comb.labels.tolist() == [label for label in range(12, 61, 2) if label not in barred]
    assert comb.sums == (68, 80, 92)


@pytest.mark.parametrize("pumps", [(40,), (34, 46), (39, 40), (38, 40, 42), (37, 40, 44)])
def test_neighbours_add_up_to_two_pumps(pumps: tuple[int, ...]) -> None:
    """The table of neighbours says what a slow search over all pairs of labels says."""
    comb = build_comb(pumps, 1, (10, 70), avoid=frozenset({20, 21}))
    sums = {p + q for p, q in combinations_with_replacement(pumps, 2)}
    labels = comb.labels.tolist()
    slow = {(a, b) for a in labels for b in labels if a != b and a + b in sums}
    told = {
        (labels[v], labels[w])
        for v in range(len(labels))
        for w in comb.neighbours[v]
        if w != NOBODY
    }
    assert told == slow
    assert not {20, 21} & set(labels)


def test_three_pumps_stimulate_mixed_lines_too() -> None:
    """With pumps 37, 40 and 44 also p_i + p_j - p_k carries classical light: 33, 41 and 47."""
    assert not {33, 41, 47} & set(build_comb((37, 40, 44), 1, (10, 70)).labels.tolist())


def test_equally_spaced_pumps_share_a_sum() -> None:
    """Three pumps have six sums, five if equally spaced; two have three, one has one."""
    assert [len(pump_sums(p)) for p in ((40,), (34, 46), (38, 40, 42), (37, 40, 44))] == [
        1,
        3,
        5,
        6,
    ]


def test_self_paired_labels_are_left_out_unless_allowed() -> None:
    """The middle of two pumps is usable only if asked for, and then does not neighbour itself."""
    assert 40 not in build_comb((34, 46), 2, (12, 60)).labels
    comb = build_comb((34, 46), 2, (12, 60), allow_self_paired=True)
    middle = int(np.flatnonzero(comb.labels == 40)[0])
    assert sorted(comb.labels[comb.neighbours[middle][comb.neighbours[middle] >= 0]]) == [28, 52]


@pytest.mark.parametrize(("distance", "ladders"), [(1, 1), (2, 2), (3, 2), (4, 3), (6, 4), (7, 4)])
def test_two_pumps_make_so_many_ladders(distance: int, ladders: int) -> None:
    """Pumps n comb positions apart leave floor(n / 2) + 1 connected sets of labels."""
    comb = build_comb((100, 100 + distance), 1, (0, 200))
    assert len(comb.components) == ladders
