"""Student's t against scipy, which shares no code with it."""

import pytest
from scipy import stats

from netsim.studies.student import mean_interval, t_cdf, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30, 199])
def test_distribution_and_quantile(freedom: int) -> None:
    """Over the range that intervals use, and negative arguments."""
    for t in (-3.0, 0.0, 0.3, 1.0, 2.5, 12.0):
        assert t_cdf(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-12)
    for probability in (0.5, 0.9, 0.975, 0.9995):
        expected = stats.t.ppf(probability, freedom)
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_intervals() -> None:
    """Of a few values as scipy has it; a single one has none."""
    values = [3.0, 5.0, 4.5, 4.0]
    mean, half = mean_interval(values, 0.95)
    low, high = stats.t.interval(0.95, 3, loc=4.125, scale=stats.sem(values))
    assert (mean, half) == pytest.approx((4.125, (high - low) / 2))
    assert mean_interval([2.0], 0.95) == (2.0, None)
