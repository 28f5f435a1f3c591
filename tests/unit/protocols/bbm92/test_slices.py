"""Stretches of light: the brightest one is never one without light."""

import numpy as np
import pytest

from netsim.units import PS_PER_S
from protocols.bbm92.slices import brightest_ps, fit_light, take_turns
from tests.support.links import link_config

LENGTH_PS = PS_PER_S // 20


@pytest.mark.parametrize("gap_s", [0.1, 1.0, 10.0])
def test_a_few_clicks_on_both_sides_of_a_gap(gap_s: float) -> None:
    """The middle is dark: where all clicks were fewer than chance it was taken, and held none."""
    clicks_ps = np.arange(20) * (LENGTH_PS // 40)
    times_ps = np.concatenate((clicks_ps, clicks_ps + int(gap_s * PS_PER_S)))
    start_ps = brightest_ps(times_ps, LENGTH_PS)
    assert np.any((times_ps >= start_ps) & (times_ps < start_ps + LENGTH_PS))


def test_of_stretches_as_bright_the_middle_one() -> None:
    """Even light."""
    times_ps = np.arange(0, 10 * LENGTH_PS, LENGTH_PS // 1000)
    assert abs(brightest_ps(times_ps, LENGTH_PS) - 4.5 * LENGTH_PS) <= LENGTH_PS


def test_a_clock_that_wanders_is_fitted_to_some_light() -> None:
    """An index beyond none ended a run of clocks of 3e-8 at 1 s."""
    config = link_config(allan_deviation_1s=4e-8)
    clicks_ps = np.arange(20) * (LENGTH_PS // 40)
    light = take_turns(np.concatenate((clicks_ps, clicks_ps + 10 * PS_PER_S)))
    assert fit_light(config, light).search.size
