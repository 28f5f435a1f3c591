"""The arithmetic of a clock search against the search itself."""

import pytest

from protocols import clockprior
from protocols.bbm92 import synchronise


def test_constants_are_those_of_the_search() -> None:
    """Bins and slice are the ones that the search fills."""
    assert clockprior.COARSE_SHIFT == synchronise.COARSE_SHIFT
    assert clockprior.COARSE_SLICE_PS == synchronise.COARSE_SLICE_PS


def test_bins_are_about_those_that_a_search_reports() -> None:
    """Offsets of 2 ms and rates of 1 ppm are 1.7e6 bins (`test_unrelated_recordings`)."""
    assert clockprior.search_bins(2e9, 1.0) == pytest.approx(1.7e6, rel=0.2)
    assert clockprior.search_bins(0, 0) == 1
