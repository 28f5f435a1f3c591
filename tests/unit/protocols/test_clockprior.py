"""The arithmetic of a clock search against the search itself."""

import pytest

from protocols import clockprior


def test_bins_are_about_those_that_a_search_reports() -> None:
    """Offsets of 2 ms and rates of 1 ppm are 1.7e6 bins (`test_unrelated_recordings`)."""
    assert clockprior.search_bins(2e9, 1.0) == pytest.approx(1.7e6, rel=0.2)
    assert clockprior.search_bins(0, 0) == 1


def test_a_second_of_offset_is_searched_and_a_thousand_ppm_are_not() -> None:
    """Either is what `netsim distil` may be asked for: 20 s an attempt, and two minutes."""
    assert clockprior.search_bins(1e12, 1.0) < clockprior.MAX_SEARCH_BINS
    assert clockprior.search_bins(2e9, 1000.0) > clockprior.MAX_SEARCH_BINS
