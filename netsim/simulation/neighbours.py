"""Clicks of two users that come together: what is searched for in all clicks there are.

A click is packed, ``time_ps << 2 | detector``; differences are those of the second user less the
first, in half-open windows ``[low, high)``.
"""

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTOR_MASK, DETECTORS
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

_FAR = 3
"""Clicks that are passed at once, if they are too early."""
_NOWHERE = np.uint64(DETECTORS * DETECTORS)


@kernel
def _step(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    k: np.uint64,
    at: np.uint64,
    window: tuple[int, int],
    flat: NDArray[np.int64],
) -> tuple[np.uint64, np.uint64]:
    """Count ``first[k]`` and ``second[at]`` if they match; where to go on."""
    low, width = window
    one, other = first[k], second[at]
    into = other - (one & ~DETECTOR_MASK) - low
    cell = np.uint64((one & DETECTOR_MASK) << DETECTOR_BITS | (other & DETECTOR_MASK))
    # No branch: which of the two is behind is as random as a coin.
    flat[cell] += np.int64(np.uint64(into) < np.uint64(width))
    return k + np.uint64(into >= 0), at + np.uint64(into < width)


@kernel
def _leap(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    k: np.uint64,
    at: np.uint64,
    window: tuple[int, int],
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """As up to `_FAR` + 1 steps; where to go on, and in which of the counts, `_NOWHERE` if none.

    There are `_FAR` clicks behind ``second[at]``.
    """
    low, width = window
    one = first[k]
    target = (one & ~DETECTOR_MASK) + low
    early = np.uint64(second[at] < target)
    for ahead in range(1, _FAR):
        early += np.uint64(second[at + np.uint64(ahead)] < target)
    at += early
    k += np.uint64(early < _FAR)
    other = second[at]
    if np.uint64(other - target) >= np.uint64(width):  # mostly, so that it is guessed right
        return k, at, _NOWHERE
    cell = np.uint64((one & DETECTOR_MASK) << DETECTOR_BITS | (other & DETECTOR_MASK))
    return k + np.uint64(early == _FAR), at + np.uint64(1), cell


@kernel
def _match_on(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    ranges: tuple[np.uint64, np.uint64, np.uint64],
    window: tuple[int, int],
    flat: NDArray[np.int64],
) -> tuple[np.uint64, np.uint64]:
    """Match ``first[k:known]`` to ``second[at:]``, of (k, known, at); clicks used up of either."""
    k, known, at = ranges
    stop = np.uint64(second.size)
    while k < known and at < stop:
        k, at = _step(first, second, k, at, window, flat)
    return k, at


@kernel
def _cut(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    near: int,
    known: int,
    window: tuple[int, int],
) -> tuple[int, int]:
    """Where to cut ``first[:known]``, from ``near`` on, so that no click is near both sides.

    And the first click of ``second`` that is not too early for what comes then; before the cut
    nothing reaches as far.
    """
    low, width = window
    while 0 < near < known and first[near] - first[near - 1] < width + DETECTORS:
        near += 1
    if near >= known:
        return known, second.size
    return near, int(np.searchsorted(second, (first[near] & ~DETECTOR_MASK) + low))


@kernel
def match_clicks(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    until_ps: int,
    low_ps: int,
    high_ps: int,
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """Match ``first`` before ``until_ps`` to ``second``; clicks used up of either.

    Three parts of the time side by side: a step waits for the numbers of the one before it, and a
    processor has room for as many.
    """
    known = int(np.searchsorted(first, until_ps << DETECTOR_BITS))
    window = low_ps << DETECTOR_BITS, (high_ps - low_ps) << DETECTOR_BITS
    flat = np.zeros(counts.size, dtype=np.int64)
    one_cut, one_at = _cut(first, second, known // 3, known, window)
    other_cut, other_at = _cut(first, second, max(one_cut, 2 * known // 3), known, window)
    cut, cut2, end = np.uint64(one_cut), np.uint64(other_cut), np.uint64(known)
    k, k2, k3 = np.uint64(0), cut, cut2
    at, at2, at3 = np.uint64(0), np.uint64(one_at), np.uint64(other_at)
    stop = np.uint64(max(second.size - _FAR, 0))
    while k < cut and k2 < cut2 and k3 < end and at3 < stop:
        k, at, cell = _leap(first, second, k, at, window)
        if cell < _NOWHERE:
            flat[cell] += 1
        k2, at2, cell = _leap(first, second, k2, at2, window)
        if cell < _NOWHERE:
            flat[cell] += 1
        k3, at3, cell = _leap(first, second, k3, at3, window)
        if cell < _NOWHERE:
            flat[cell] += 1
    _, used = _match_on(first, second, (k, cut, at), window, flat)
    if cut < end:
        _, used = _match_on(first, second, (k2, cut2, at2), window, flat)
    if cut2 < end:
        _, used = _match_on(first, second, (k3, end, at3), window, flat)
    counts += flat.reshape(counts.shape)
    return known, int(used)


@kernel
def match_further(
    left: tuple[NDArray[np.int64], NDArray[np.int64]],
    new: tuple[NDArray[np.int64], NDArray[np.int64]],
    until_ps: int,
    low_ps: int,
    high_ps: int,
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """As `match_clicks`, of what is left of either user with what is new behind it, not copied."""
    (first_left, second_left), (first, second) = left, new
    window = low_ps << DETECTOR_BITS, (high_ps - low_ps) << DETECTOR_BITS
    flat = np.zeros(counts.size, dtype=np.int64)
    zero, until = np.uint64(0), until_ps << DETECTOR_BITS
    known_left = np.uint64(np.searchsorted(first_left, until))
    known = np.uint64(np.searchsorted(first, until))
    k, at = _match_on(first_left, second_left, (zero, known_left, zero), window, flat)
    # Of at most one of the two something is left then.
    k, at_new = _match_on(first_left, second, (k, known_left, zero), window, flat)
    k_new, at = _match_on(first, second_left, (zero, known, at), window, flat)
    counts += flat.reshape(counts.shape)
    used_first, used_left = int(np.int64(known_left + known)), int(np.int64(at))
    if used_left < second_left.size:
        return used_first, used_left
    _, used = match_clicks(first[k_new:], second[at_new:], until_ps, low_ps, high_ps, counts)
    return used_first, used_left + int(np.int64(at_new)) + used


@kernel
def count_differences(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    until_ps: int,
    low_ps: int,
    bin_ps: int,
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """Count all differences of ``first`` before ``until_ps``; clicks used up of either."""
    known = np.uint64(np.searchsorted(first, until_ps << DETECTOR_BITS))
    high_ps = low_ps + bin_ps * counts.size
    low, high = low_ps << DETECTOR_BITS, high_ps << DETECTOR_BITS
    k, start = np.uint64(0), np.uint64(0)
    while k < known and start < second.size:
        one = first[k] & ~DETECTOR_MASK
        difference = second[start] - one
        if low <= difference < high:
            at = start
            while at < second.size and second[at] - one < high:
                counts[((second[at] - one >> DETECTOR_BITS) - low_ps) // bin_ps] += 1
                at += np.uint64(1)
            k += np.uint64(1)
        else:
            # No branch: which of the two is behind is as random as a coin.
            is_behind = np.uint64(difference >= high)
            k += is_behind
            start += np.uint64(1) - is_behind
    return int(known), int(start)
