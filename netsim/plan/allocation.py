"""An allocation: which user gets which labels of a comb, and the lanes that follow from it.

It knows nothing of how it was found nor of rates.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.plan.comb import NOBODY, Comb
from netsim.plan.request import PlanRequest


@dataclass(frozen=True, slots=True)
class PlannedLane:
    """Two labels of two users that pair.

    Attributes
    ----------
    users : (int, int)
        Indices of the users, ascending.
    labels : (int, int)
        Label of the first user, label of the second.
    """

    users: tuple[int, int]
    labels: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """Labels of a comb given to users.

    Attributes
    ----------
    comb : Comb
    owners : (L,) int64
        Index of the user of each label of the comb; `NOBODY` for those that stay unused.
    """

    comb: Comb
    owners: NDArray[np.int64]

    @property
    def used(self) -> NDArray[np.int64]:
        """Labels that somebody gets, ascending."""
        used: NDArray[np.int64] = self.comb.labels[self.owners != NOBODY]
        return used

    @property
    def channels(self) -> int:
        """How many labels are used."""
        return int(np.count_nonzero(self.owners != NOBODY))

    @property
    def span(self) -> int:
        """Comb positions from the lowest to the highest label, both included."""
        used = self.used
        return int(used[-1] - used[0]) // self.comb.spacing_labels + 1 if used.size else 0

    def labels_of(self, user: int) -> list[int]:
        """Labels of the user with this index, ascending."""
        return [int(label) for label in self.comb.labels[self.owners == user]]

    def lanes(self) -> list[PlannedLane]:
        """All lanes between different users, by users and then by labels."""
        return sorted(self._lanes(), key=lambda lane: (lane.users, lane.labels))

    def _lanes(self) -> Iterator[PlannedLane]:
        labels = self.comb.labels.tolist()
        for v, w in zip(*np.nonzero(self.comb.neighbours != NOBODY), strict=True):
            partner = int(self.comb.neighbours[v, w])
            users = int(self.owners[v]), int(self.owners[partner])
            if NOBODY not in users and users[0] < users[1]:
                yield PlannedLane(users, (labels[v], labels[partner]))


def wanted_indices(request: PlanRequest) -> list[tuple[int, int]]:
    """Wanted pairs as indices of the users, ascending within a pair."""
    index = {name: k for k, name in enumerate(request.users)}
    pairs = ((index[one], index[other]) for one, other in (d.users for d in request.demands))
    return [(min(pair), max(pair)) for pair in pairs]


def missing_pairs(allocation: Allocation, wanted: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Wanted pairs without a lane."""
    served = {lane.users for lane in allocation.lanes()}
    return [pair for pair in wanted if pair not in served]


def pruned(allocation: Allocation, wanted: list[tuple[int, int]]) -> Allocation:
    """The same without labels that no wanted pair needs, outermost labels first."""
    order = np.argsort(-np.abs(2 * allocation.comb.labels - allocation.comb.twice_centre))
    for v in order:
        if allocation.owners[v] == NOBODY:
            continue
        owners = allocation.owners.copy()
        owners[v] = NOBODY
        without = replace(allocation, owners=owners)
        if not missing_pairs(without, wanted):
            allocation = without
    return allocation
