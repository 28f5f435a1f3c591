"""The matchings that come with this package: earliest, nearest, and none but clear pairs."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.matching import Matching, NearPairs


@kernel
def _first_free(announced: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (L,) that are taken where each takes both clicks if no earlier one has."""
    taken, count = np.empty(announced.size, dtype=np.int64), np.uint64(0)
    if announced.size == 0:
        return taken
    low, own_low = announced.min(), own.min()
    is_gone = np.zeros(announced.max() - low + 1, dtype=np.bool_)
    is_own_gone = np.zeros(own.max() - own_low + 1, dtype=np.bool_)
    for pair in range(announced.size):
        k, j = np.uint64(announced[pair] - low), np.uint64(own[pair] - own_low)
        if not (is_gone[k] or is_own_gone[j]):
            is_gone[k] = is_own_gone[j] = True
            taken[count] = pair
            count += np.uint64(1)
    return taken[:count]


class Earliest(Matching):
    """Each announced click takes the earliest free click within the window."""

    is_predicted: ClassVar[bool] = True

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """In the order of announced clicks."""
        return _first_free(pairs.announced, pairs.own)


class Nearest(Matching):
    """Pairs that differ least from the lane's delay come first."""

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """In the order of differences; of equal ones the earlier."""
        order = np.argsort(np.abs(pairs.differences_ps), kind="stable")
        nearest = pairs.at(order)
        chosen: NDArray[np.int64] = order[_first_free(nearest.announced, nearest.own)]
        return chosen


class Unrivalled(Matching):
    """Pairs alone whose clicks have no other partner within the window."""

    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """Both clicks in one pair only."""
        return np.flatnonzero(_is_single(pairs.announced) & _is_single(pairs.own))


def _is_single(clicks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(K,) bool: those that occur once."""
    _, places, counts = np.unique(clicks, return_inverse=True, return_counts=True)
    is_single: NDArray[np.bool_] = counts[places] == 1
    return is_single
