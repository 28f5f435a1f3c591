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


@kernel
def _match_on(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    ranges: tuple[int, int, int],
    window: tuple[int, int],
    flat: NDArray[np.int64],
) -> int:
    """Match ``first[k:known]`` to ``second[at:]``, of (k, known, at); clicks used up of that."""
    low, width = window
    k, known, at = np.uint64(ranges[0]), np.uint64(ranges[1]), np.uint64(ranges[2])
    stop = np.uint64(second.size)
    while k < known and at < stop:
        one, other = first[k], second[at]
        # No branch: which of the two is behind is as random as a coin.
        into = other - (one & ~DETECTOR_MASK) - low
        flat[_cell(one, other)] += np.int64(np.uint64(into) < np.uint64(width))
        k += np.uint64(into >= 0)
        at += np.uint64(into < width)
    return int(at)


@kernel
def _cell(one: int, other: int) -> np.uint64:
    """Place of the detectors of two clicks in a table of all."""
    return np.uint64((one & DETECTOR_MASK) << DETECTOR_BITS | (other & DETECTOR_MASK))


@kernel
def _halved(first: NDArray[np.int64], known: int, window: tuple[int, int]) -> int:
    """About where to cut ``first[:known]`` so that no partner could be of clicks on both sides."""
    half = known // 2
    while 0 < half < known and first[half] - first[half - 1] < window[1] + DETECTORS:
        half += 1
    return half


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

    Both halves of the time side by side: a step waits for the numbers of the one before it, and a
    processor has room for two.
    """
    known = int(np.searchsorted(first, until_ps << DETECTOR_BITS))
    low, width = window = low_ps << DETECTOR_BITS, (high_ps - low_ps) << DETECTOR_BITS
    flat = np.zeros(counts.size, dtype=np.int64)
    half = _halved(first, known, window)
    k, at, k2, at2 = np.uint64(0), np.uint64(0), np.uint64(half), np.uint64(second.size)
    if half < known:
        at2 = np.uint64(np.searchsorted(second, (first[half] & ~DETECTOR_MASK) + low))
    # Nothing before the cut comes as far as where ``at2`` begins, so that ``at`` stays within.
    k_stop, k2_stop, at2_stop = np.uint64(half), np.uint64(known), np.uint64(second.size)
    while k < k_stop and k2 < k2_stop and at2 < at2_stop:
        one, other, one2, other2 = first[k], second[at], first[k2], second[at2]
        into = other - (one & ~DETECTOR_MASK) - low
        into2 = other2 - (one2 & ~DETECTOR_MASK) - low
        flat[_cell(one, other)] += np.int64(np.uint64(into) < np.uint64(width))
        flat[_cell(one2, other2)] += np.int64(np.uint64(into2) < np.uint64(width))
        k += np.uint64(into >= 0)
        at += np.uint64(into < width)
        k2 += np.uint64(into2 >= 0)
        at2 += np.uint64(into2 < width)
    used = _match_on(first, second, (int(k), half, int(at)), window, flat)
    if half < known:
        used = _match_on(first, second, (int(k2), known, int(at2)), window, flat)
    counts += flat.reshape(counts.shape)
    return known, used


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
