"""Coincidences from times alone: predict where a partner click should be, and look in the window.

It knows times and windows, never bases or bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.matching import Matching, NearPairs

_NONE: NDArray[np.int64] = np.empty(0, dtype=np.int64)
BLOCK_CLICKS = 1 << 13
"""Announced clicks that are looked at together."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the announcer's clock stands in the responder's: t_r = t_a + offset + rate (t_a - t_0).

    ``reference_ps`` (t_0) is an announcer time; keeping it near the data keeps float64 exact.
    """

    reference_ps: int
    offset_ps: float
    """At ``reference_ps``, for light that arrives at both users at the same true time."""
    rate: float
    """Dimensionless."""

    def predict(self, times_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) int64: responder times of the announcer times ``times_ps`` ((N,) int64)."""
        return predict(times_ps, self.reference_ps, self.offset_ps, self.rate)

    def predict_one(self, time_ps: int) -> int:
        """Responder time of one announcer time."""
        return time_ps + round(self.offset_ps + self.rate * (time_ps - self.reference_ps))

    def moved(self, reference_ps: int) -> "Alignment":
        """The same line with another reference."""
        offset_ps = self.offset_ps + self.rate * (reference_ps - self.reference_ps)
        return Alignment(reference_ps, offset_ps, self.rate)


@kernel
def predict(
    times_ps: NDArray[np.int64], reference_ps: int, offset_ps: float, rate: float
) -> NDArray[np.int64]:
    """Responder times of announcer times, rounded to ps; see `Alignment`."""
    out = np.empty_like(times_ps)
    for k in range(times_ps.size):
        out[k] = times_ps[k] + _late_ps(times_ps[k], reference_ps, offset_ps, rate)
    return out


@kernel
def _late_ps(time_ps: int, reference_ps: int, offset_ps: float, rate: float) -> np.int64:
    """How much later the responder's clock shows an announcer time."""
    return np.int64(np.rint(offset_ps + rate * (time_ps - reference_ps)))


@kernel
def _step(
    early_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    k: np.uint64,
    j: np.uint64,
    first: NDArray[np.uint64],
) -> tuple[np.uint64, np.uint64]:
    """One step of `_find_first`: past own click ``j``, or on to the time after ``k``.

    Which of them comes first is a coin toss: added, not branched upon.
    """
    first[k] = j
    is_early = np.uint64(own_ps[j] < early_ps[k])
    return k + np.uint64(1) - is_early, j + is_early


@kernel
def _go_on(  # noqa: PLR0917 - a kernel takes arrays, not objects
    early_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    k: np.uint64,
    stop: np.uint64,
    j: np.uint64,
    first: NDArray[np.uint64],
) -> None:
    """The rest of a part of `_find_first`, up to ``stop``."""
    while k < stop:
        while j < np.uint64(own_ps.size - 1) and own_ps[j] < early_ps[k]:
            j += np.uint64(1)
        first[k] = j
        k += np.uint64(1)


@kernel
def _find_first(
    early_ps: NDArray[np.int64], own_ps: NDArray[np.int64], first: NDArray[np.uint64]
) -> None:
    """Index of the first own click at or after each of some times: (N,) to ``first``.

    The last own click where none is. Both ascend, and there is at least one of both. Each step
    waits for the one before it, so four parts are walked through side by side. Indices are
    unsigned: a signed one is tested for counting from the end.
    """
    size, last = np.uint64(early_ps.size), np.uint64(own_ps.size - 1)
    second, third = size // np.uint64(4), size // np.uint64(2)
    fourth = second + third
    k0, k1, k2, k3 = np.uint64(0), second, third, fourth
    j0 = min(np.uint64(np.searchsorted(own_ps, early_ps[k0])), last)
    j1 = min(np.uint64(np.searchsorted(own_ps, early_ps[k1])), last)
    j2 = min(np.uint64(np.searchsorted(own_ps, early_ps[k2])), last)
    j3 = min(np.uint64(np.searchsorted(own_ps, early_ps[k3])), last)
    # Of each part: times that a line predicts may fall by what a float leaves out.
    steps = np.uint64(size >= np.uint64(4))
    while steps:  # as many as no part ends in
        steps = min(second - k0, third - k1, fourth - k2, size - k3)
        steps = min(steps, last - max(j0, j1, j2, j3))
        for _ in range(steps):
            k0, j0 = _step(early_ps, own_ps, k0, j0, first)
            k1, j1 = _step(early_ps, own_ps, k1, j1, first)
            k2, j2 = _step(early_ps, own_ps, k2, j2, first)
            k3, j3 = _step(early_ps, own_ps, k3, j3, first)
    _go_on(early_ps, own_ps, k0, second, j0, first)
    _go_on(early_ps, own_ps, k1, third, j1, first)
    _go_on(early_ps, own_ps, k2, fourth, j2, first)
    _go_on(early_ps, own_ps, k3, size, j3, first)


@kernel
def _note_about(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    reference_ps: int,
    offset_ps: float,
    rate: float,
    low_ps: int,
    high_ps: int,
    found: NDArray[np.int64],
) -> int:
    """Number of pairs with low <= own - predicted < high; the first ones, as many as fit.

    Indices and difference of each go to a column of ``found``. Announced clicks are taken in blocks
    that a near cache holds; which of them have a partner is added up before it is branched upon.
    Within a block a line moves by next to nothing: it is asked for the few that have one.
    """
    first, near = np.empty(BLOCK_CLICKS, dtype=np.uint64), np.empty(BLOCK_CLICKS, dtype=np.uint64)
    stop, count = np.uint64(own_ps.size), np.int64(0)
    for start in range(0, announced_ps.size if own_ps.size else 0, BLOCK_CLICKS):
        block_ps = announced_ps[start : start + BLOCK_CLICKS]
        one_ps = _late_ps(block_ps[0], reference_ps, offset_ps, rate)
        other_ps = _late_ps(block_ps[-1], reference_ps, offset_ps, rate)
        early_ps = block_ps + (min(one_ps, other_ps) + low_ps)
        width_ps = high_ps - low_ps + abs(other_ps - one_ps)
        _find_first(early_ps, own_ps, first)
        some = np.uint64(0)
        for k in range(early_ps.size):
            near[some] = k
            late_ps = own_ps[first[k]] - early_ps[k]
            some += np.uint64(0 <= late_ps < width_ps)
        for k in near[:some]:
            j, time_ps = first[k], block_ps[k]
            predicted_ps = time_ps + _late_ps(time_ps, reference_ps, offset_ps, rate)
            while j < stop and own_ps[j] - early_ps[k] < width_ps:
                late_ps = own_ps[j] - predicted_ps
                if low_ps <= late_ps < high_ps:
                    if count < found.shape[1]:
                        found[0, count], found[1, count] = start + np.int64(k), j
                        found[2, count] = late_ps
                    count += 1
                j += np.uint64(1)
    return int(count)


@kernel
def find_about(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    reference_ps: int,
    offset_ps: float,
    rate: float,
    low_ps: int,
    high_ps: int,
) -> NDArray[np.int64]:
    """(3, K) int64: indices of all pairs about a line, see `pairs_about`, and their differences."""
    line = (reference_ps, offset_ps, rate)
    found = np.empty((3, announced_ps.size), dtype=np.int64)
    count = _note_about(announced_ps, own_ps, *line, low_ps, high_ps, found)
    if count > announced_ps.size:  # seldom: most clicks have one partner at most
        found = np.empty((3, count), dtype=np.int64)
        _note_about(announced_ps, own_ps, *line, low_ps, high_ps, found)
    return found[:, :count]


def pairs_about(
    line: Alignment,
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    *,
    low_ps: int,
    high_ps: int,
) -> NearPairs:
    """All pairs with low <= own - predicted < high, where ``line`` predicts; all ascending."""
    return NearPairs(
        *find_about(
            announced_ps, own_ps, line.reference_ps, line.offset_ps, line.rate, low_ps, high_ps
        )
    )


@kernel
def _free_within(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced: NDArray[np.int64],
    own: NDArray[np.int64],
    differences_ps: NDArray[np.int64],
    delay_ps: int,
    window_ps: int,
    announced_free: NDArray[np.bool_],
    own_free: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Columns (3, L) of the pairs in the window whose clicks are both free.

    Of the columns of pairs, with differences from the delay.
    """
    low_ps = delay_ps - window_ps // 2
    places, near = np.empty(announced.size, dtype=np.int64), np.uint64(0)
    for pair in range(announced.size):
        places[near] = pair
        # Less than the window above its beginning: unsigned, what is below it is far above.
        near += np.uint64(np.uint64(differences_ps[pair] - low_ps) < np.uint64(window_ps))
    offered, count = np.empty((3, near + 1), dtype=np.int64), np.uint64(0)
    for place in range(near):
        at = np.uint64(places[place])
        k, j = np.uint64(announced[at]), np.uint64(own[at])
        offered[0, count], offered[1, count] = k, j
        offered[2, count] = differences_ps[at] - delay_ps
        count += np.uint64(announced_free[k] & own_free[j])
    return offered[:, :count]


@kernel
def _take(
    offered: NDArray[np.int64],
    chosen: NDArray[np.int64],
    announced_free: NDArray[np.bool_],
    own_free: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Announced and own click of each match (K,), and how many come before one that cannot be.

    It uses a click that was taken already, or is no pair that was offered.
    """
    announced, own = np.empty_like(chosen), np.empty_like(chosen)
    for match in range(chosen.size):
        place = chosen[match]
        if not 0 <= place < offered.shape[1]:
            return announced, own, match
        k, j = np.uint64(offered[0, place]), np.uint64(offered[1, place])
        if not (announced_free[k] and own_free[j]):
            return announced, own, match
        announced_free[k] = own_free[j] = False
        announced[match], own[match] = k, j
    return announced, own, chosen.size


def match_lane(
    matching: Matching,
    pairs: NearPairs,
    *,
    delay_ps: int,
    window_ps: int,
    announced_free: NDArray[np.bool_],
    own_free: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Match pairs whose difference less ``delay_ps`` lies in [-window/2, window/2).

    Each click is used once.

    Parameters
    ----------
    matching : Matching
        Which of them.
    pairs : NearPairs
        Must cover the window.
    delay_ps, window_ps : int
        Delay of the lane; full width of the window.
    announced_free, own_free : (N,), (M,) bool
        Clicks that are not used yet; written.

    Returns
    -------
    (K,) int64, (K,) int64
        Announced and own click of each match, in the order in which they were chosen.

    Raises
    ------
    ValueError
        If the matching uses a click twice, or what is no pair.
    """
    offered = _free_within(
        pairs.announced,
        pairs.own,
        pairs.differences_ps,
        delay_ps,
        window_ps,
        announced_free,
        own_free,
    )
    chosen = matching.choose(NearPairs(*offered))
    announced, own, taken = _take(offered, chosen, announced_free, own_free)
    if taken < chosen.size:
        raise ValueError("a click in two matches, or a match of no pair")
    return announced, own


def match_lanes(
    matching: Matching,
    pairs: NearPairs,
    delays_ps: Mapping[int, int],
    *,
    window_ps: int,
    announced: int,
    own_free: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Announced and own click, and lane, of each match (K,), in the order of announced clicks.

    Lane by lane (`match_lane`), by their delays; ``announced`` is how many clicks there are.
    """
    announced_free = np.ones(announced, dtype=np.bool_)
    found = [
        match_lane(
            matching,
            pairs,
            delay_ps=delay_ps,
            window_ps=window_ps,
            announced_free=announced_free,
            own_free=own_free,
        )
        for delay_ps in delays_ps.values()
    ]
    positions = np.concatenate([_NONE, *(clicks for clicks, _ in found)])
    own = np.concatenate([_NONE, *(clicks for _, clicks in found)])
    sizes = np.array([clicks.size for clicks, _ in found], dtype=np.int64)
    lanes = np.repeat(np.array([*delays_ps], dtype=np.uint8), sizes)
    if (positions[1:] < positions[:-1]).any():
        order = np.argsort(positions, kind="stable")  # which merges what ascends
        return positions[order], own[order], lanes[order]
    return positions, own, lanes
