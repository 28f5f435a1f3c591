"""Sorts clicks that come evenly over some time: by a few digits each, not by comparing them."""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

DIGIT_BITS = 10
"""A digit has so many values that a near cache holds what counts them."""


MOST_CLICKS = 1 << 18
"""More of them do not lie in near caches, and NumPy's sort is as fast or faster."""


def sort_even(values: NDArray[np.int64]) -> None:
    """Have (N,) ``values`` ascend, where they are."""
    if values.size > MOST_CLICKS:
        values.sort()
    else:
        sort_by_digits(values)


@kernel
def sort_by_digits(values: NDArray[np.int64]) -> None:
    """Have (N,) ``values`` ascend, where they are.

    By the leading two of their digits, the lower one first, which leaves few of even values in the
    wrong order; these are put right one by one.
    """
    if not values.size:
        return
    least, shift = values.min(), np.uint64(0)
    span = np.uint64(values.max() - least)
    while span >> shift >> np.uint64(2 * DIGIT_BITS):
        shift += np.uint64(1)
    by_low = np.empty_like(values)
    _by_digit(values, least, shift, by_low)
    _by_digit(by_low, least, shift + np.uint64(DIGIT_BITS), values)
    for k in range(1, values.size):
        value, at = values[k], np.uint64(k)
        while at > np.uint64(0) and values[at - np.uint64(1)] > value:
            values[at] = values[at - np.uint64(1)]
            at -= np.uint64(1)
        values[at] = value


@kernel
def _by_digit(
    values: NDArray[np.int64], least: np.int64, shift: np.uint64, out: NDArray[np.int64]
) -> None:
    """Write (N,) ``values`` by the digit from bit ``shift`` of what they are above ``least``.

    Those of one digit stay in their order.
    """
    places = np.zeros((1 << DIGIT_BITS) + 1, dtype=np.uint32)
    mask = np.uint64((1 << DIGIT_BITS) - 1)
    for value in values:
        places[((np.uint64(value - least) >> shift) & mask) + np.uint64(1)] += np.uint32(1)
    for digit in range(1, places.size):
        places[digit] += places[digit - 1]
    for value in values:
        place = (np.uint64(value - least) >> shift) & mask
        out[np.uint64(places[place])] = value
        places[place] += np.uint32(1)
