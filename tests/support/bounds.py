"""Bounds of statistical tests."""

import math

import numpy as np
from numpy.typing import NDArray

Z_SIGMA = 5.0
"""Two-sided: a correct simulator is refused once in 1.7 million tests."""


def assert_binomial(hits: int, trials: int, probability: float) -> None:
    """Two-sided bound of `Z_SIGMA` on a binomial count."""
    sigma = math.sqrt(trials * probability * (1 - probability))
    assert abs(hits - trials * probability) <= Z_SIGMA * sigma + 1, (
        f"{hits} of {trials}, expected {trials * probability:.1f} +- {sigma:.1f}"
    )


def assert_poisson(count: int, mean: float) -> None:
    """Two-sided bound of `Z_SIGMA` on a Poisson count of known mean."""
    assert abs(count - mean) <= Z_SIGMA * math.sqrt(mean) + 1, (
        f"{count}, expected {mean:.1f} +- {math.sqrt(mean):.1f}"
    )


def assert_same_mean(count: int, other: int, ratio: float = 1.0) -> None:
    """Two-sided bound of `Z_SIGMA` on two Poisson counts, the second with mean 1/ratio of it."""
    sigma = math.sqrt(count + ratio**2 * other)
    assert abs(count - ratio * other) <= Z_SIGMA * sigma + 1, (
        f"{count} against {ratio} * {other}, sigma {sigma:.1f}"
    )


def assert_mean(values: NDArray[np.float64], mean: float, sigma: float) -> None:
    """Two-sided bound of `Z_SIGMA` on the mean of values with known standard deviation."""
    error = sigma / math.sqrt(values.size)
    assert abs(values.mean() - mean) <= Z_SIGMA * error, (
        f"mean {values.mean()}, expected {mean} +- {error}"
    )
