"""Clicks that come evenly, sorted by their leading digits; as NumPy does, whatever they are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.simulation.coincidence.sorting import MOST_CLICKS, sort_by_digits, sort_even


def even(size: int, span: int) -> NDArray[np.int64]:
    """So many of a span that does not begin at 0."""
    return np.random.default_rng(size).integers(-span // 3, span - span // 3, size)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100, 5000, 40_000, MOST_CLICKS + 1])
@pytest.mark.parametrize("span", [1, 7, 1 << 10, 1 << 20, (1 << 20) + 1, 1 << 46, 1 << 62])
def test_sorts_as_numpy_does(size: int, span: int) -> None:
    values = even(size, span)
    expected = np.sort(values)
    sort_even(values)
    assert np.array_equal(values, expected)


def test_what_does_not_come_evenly_is_sorted_too() -> None:
    """Most of it within a millionth of the span; and parts that ascend already."""
    far, near = np.array([-(1 << 62), (1 << 62) - 1]), even(2000, 1 << 30)
    parts = [np.sort(even(size, 1 << 40)) for size in (500, 700, 900)]
    for values in (np.concatenate((near, far)), np.concatenate(parts), np.repeat(near, 3)):
        expected = np.sort(values)
        sort_even(values)
        assert np.array_equal(values, expected)


def test_kernel_agrees_with_its_interpreted_self() -> None:
    values = even(300, 1 << 42)
    other = values.copy()
    sort_by_digits(values)
    sort_by_digits.py_func(other)
    assert np.array_equal(values, other)
