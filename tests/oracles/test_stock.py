"""The chains against what can be known without them."""

import math

import pytest

from tests.oracles.stock import constant_income, poisson_income


def test_a_stock_of_nothing_blocks_all() -> None:
    """And one without bounds what the income does not cover."""
    assert poisson_income(1.0, 2.0, 0) == 1.0
    assert poisson_income(1.0, 2.0, 200) == pytest.approx(0.5)
    assert constant_income(4.0, 2, 400) == pytest.approx(0.5, abs=1e-9)


def test_one_key_at_a_time_in_a_stock_of_one() -> None:
    """Of A requests between two incomes all but the first are blocked."""
    mean = 1.7
    served = 1.0 - math.exp(-mean)
    assert constant_income(mean, 1, 1) == pytest.approx((mean - served) / mean)


def test_equal_rates() -> None:
    """The birth-death chain is uniform."""
    assert poisson_income(3.0, 3.0, 9) == pytest.approx(0.1)
