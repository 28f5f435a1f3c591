"""Histograms of time differences for many rates, block by block, and their best places.

Most bins of weak light are empty: those that are filled are noted, so that the others need neither
be looked at nor cleared.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

STRIDE_BINS = 256
"""Bins that are passed by together where none is wanted."""
FILLED_SHARE = 64
"""Where more than one bin of so many is filled, all are looked at: that takes less time."""
UNKNOWN = -1
"""How many bins are filled where they have not been noted."""


class BestPlaces:
    """The best places so far, at most so many; of equal ones those that came first.

    Attributes
    ----------
    places : (3, P) int64
        Count, number of the rate and offset (ps) of each, by falling count.
    least : int
        What a place must count more than to be taken.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.places = np.empty((3, 0), dtype=np.int64)
        self.least = 0

    def add(self, places: NDArray[np.int64]) -> None:
        """Take in (3, F) places, of rates that have not come before or of higher offsets."""
        every = np.concatenate((self.places, places), axis=1)
        if every.shape[1] >= self._most:
            self.least = int(np.partition(every[0], -self._most)[-self._most])
            every = every[:, every[0] >= self.least]
        counts, numbers, offsets_ps = every
        self.places = every[:, np.lexsort((offsets_ps, numbers, -counts))[: self._most]]


@kernel
def _count_block(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    low_ps: int,
    rate: float,
    shift: int,
    counts: NDArray[np.int32],
    filled: NDArray[np.int32],
) -> int:
    """Histogram own - announced - rate * (announced - first) from ``low_ps`` on.

    ``counts`` are zero before. Those that are not any more are written to ``filled``; returned is
    how many they are, `UNKNOWN` if they do not fit. Times ascend, within 2 hours (2^53 ps), and the
    rate is far below 1: then ``base_ps`` never falls, and no difference beyond the last bin.
    """
    high_ps, notes = counts.size << shift, filled.size > 0
    first = last = used = 0
    for k in range(announced_ps.size):
        time_ps = announced_ps[k]
        base_ps = time_ps + low_ps + np.int64(rate * (time_ps - announced_ps[0]))
        while first < own_ps.size and own_ps[first] < base_ps:
            first += 1
        while last < own_ps.size and own_ps[last] - base_ps < high_ps:
            last += 1
        for late_ps in own_ps[first:last]:
            # Not below zero: that a number is unsigned spares a test of the index.
            at = np.uint64(late_ps - base_ps) >> np.uint64(shift)
            if notes and counts[at] == 0:
                if used < filled.size:
                    filled[used] = at
                used += 1
            counts[at] += 1
    return used if notes and used <= filled.size else UNKNOWN


@kernel
def _places_above(
    counts: NDArray[np.int32],
    filled: NDArray[np.int32],
    used: int,
    least: int,
    places: NDArray[np.int64],
) -> int:
    """Write the bins that count more than ``least`` with the next one to ``places``; how many.

    The first ``used`` in ``filled`` are not empty, or it is `UNKNOWN` which.
    """
    noted = 0
    if used != UNKNOWN:
        for k in range(used):
            at = np.int64(filled[k])
            if at > 0 and counts[at - 1] == 0 and counts[at] > least:
                places[noted] = at - 1
                noted += 1
            if at < counts.size - 1 and counts[at] + counts[at + 1] > least:
                places[noted] = at
                noted += 1
        return noted
    for start in range(0, counts.size - 1, STRIDE_BINS):
        part, top = counts[start : start + STRIDE_BINS + 1], np.int32(0)
        for k in range(part.size - 1):
            top = max(top, np.int32(part[k] + part[k + 1]))
        for k in range(part.size - 1 if top > least else 0):
            if part[k] + part[k + 1] > least:
                places[noted] = start + k
                noted += 1
    return noted


@kernel
def search_blocks(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    begins: NDArray[np.int64],
    lows_ps: NDArray[np.int64],
    rates: NDArray[np.float64],
    shift: int,
    counts: NDArray[np.int32],
    least: int,
    start: int,
    found: NDArray[np.int64],
) -> tuple[int, int]:
    """Write places that count more than ``least`` to ``found``, block after block.

    Parameters
    ----------
    begins, lows_ps : (rates, blocks) int64
        First own click that a block may hold, and its first difference.
    rates : (rates,) float64
    counts : (B,) int32
        Room for a block.
    start : int
        Block to begin with, those of all rates counted.
    found : (3, F) int64
        Room for count, number of the rate and offset (ps) of places: of any block, at least.

    Returns
    -------
    next block, places
        The former stops short of the last one where the room might not last for another.
    """
    few, noted = counts.size // FILLED_SHARE, 0
    own_span_ps = own_ps[-1] - own_ps[0] + 1.0
    pairs = announced_ps.size * (own_ps.size * ((counts.size << shift) / own_span_ps))
    filled = np.empty(few if pairs < few else 0, dtype=np.int32)
    counts[:] = 0
    for block in range(start, lows_ps.size):
        if noted + counts.size > found.shape[1]:
            return block, noted
        number, part = divmod(block, lows_ps.shape[1])
        own_near_ps, low_ps = own_ps[begins[number, part] :], lows_ps[number, part]
        used = _count_block(announced_ps, own_near_ps, low_ps, rates[number], shift, counts, filled)
        places = found[2, noted:]
        for k in range(_places_above(counts, filled, used, least, places)):
            at = places[k]
            found[0, noted] = counts[at] + counts[at + 1]
            found[1, noted] = number
            places[k] = low_ps + ((at + 1) << shift)
            noted += 1
        if used == UNKNOWN:
            counts[:] = 0
        for k in range(used):
            counts[filled[k]] = 0
    return lows_ps.size, noted
