"""Pairs of clicks whose clocks agree."""

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, pairs_about
from protocols.matching import NearPairs

SAME_CLOCK = Alignment(0, 0.0, 0.0)


def near_pairs(
    predicted_ps: NDArray[np.int64], own_ps: NDArray[np.int64], *, low_ps: int, high_ps: int
) -> NearPairs:
    """All pairs with low <= own - predicted < high; both (N,) int64 in ps, ascending."""
    return pairs_about(SAME_CLOCK, predicted_ps, own_ps, low_ps=low_ps, high_ps=high_ps)
