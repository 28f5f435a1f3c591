"""Which labels of a comb to lay an allocation on, and in which order users start there.

It knows ladders (`netsim.plan.bounds`) and nothing of the search.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.plan.comb import Comb
from netsim.plan.cover import Sites
from netsim.plan.request import PlanRequest

Indices = NDArray[np.int64]


def central_sites(comb: Comb, count: int) -> Indices | None:
    """Indices of ``count`` labels that carry many lanes and lie close together.

    They lie on one connected set if one is large enough (the one that leaves the narrowest span),
    else on as few as possible. From the centre outwards, set by set; None if the comb has too few.
    """
    large = [part[:count] for part in comb.components if part.size >= count]
    if large:
        return min(large, key=lambda part: int(np.ptp(comb.labels[part])))
    joined = np.concatenate((np.empty(0, dtype=np.int64), *comb.components))
    return joined[:count] if joined.size >= count else None


def ladder_sites(comb: Comb, count: int) -> Indices | None:
    """Indices of ``count`` labels (an even number) that make one ladder of two pumps, row by row.

    2 r and 2 r + 1 are a rung, v and v + 2 lie on one rail; the rows next to the centre are taken.
    None if the comb has no such ladder.
    """
    if len(comb.pumps) != 2:
        return None
    for part in comb.components:
        rows = ladder_rows(comb, part)
        first = min(
            range(len(rows) - count // 2 + 1),
            key=lambda k: max(_distance(comb, rows[k]), _distance(comb, rows[k + count // 2 - 1])),
            default=None,
        )
        if first is not None:
            chosen = rows[first : first + count // 2]
            return np.array([v for r, row in enumerate(chosen) for v in row[:: 1 - r % 2 * 2]])
    return None


def ladder_rows(comb: Comb, part: Indices) -> list[tuple[int, int]]:
    """Neighbouring rows (A_r, B_r) of a ladder around its innermost label, ascending in A_r."""
    index = {int(comb.labels[v]): int(v) for v in part}
    step, total = comb.pumps[1] - comb.pumps[0], comb.twice_centre
    start = int(comb.labels[part[0]])
    rows: list[tuple[int, int]] = []
    for direction in (-step, step):
        label = start if direction > 0 else start - step
        found = []
        while label in index and total - label in index and 2 * label != total:
            found.append((index[label], index[total - label]))
            label += direction
        rows = rows[::-1] + found if direction > 0 else found
    return rows


def _distance(comb: Comb, row: tuple[int, int]) -> int:
    return abs(2 * int(comb.labels[row[0]]) - comb.twice_centre)


def starting_users(rng: Generator, request: PlanRequest, channels: int, partners: int) -> Sites:
    """As many labels to each user as needed, the rest evenly, in random order.

    Parameters
    ----------
    partners : int
        Most partners of a label.
    """
    users = np.arange(len(request.users))
    degrees = request.degrees
    needed = [-(-degrees[name] // partners) for name in request.users]
    start = np.concatenate((np.repeat(users, needed), np.resize(users, channels)))[:channels]
    rng.shuffle(start)
    return start


def neighbours_among(comb: Comb, sites: Indices) -> Indices:
    """The comb's table of neighbours for some of its labels only, numbered as in ``sites``."""
    position = np.full(comb.labels.size + 1, -1, dtype=np.int64)
    position[sites] = np.arange(sites.size)
    return position[comb.neighbours[sites]]
