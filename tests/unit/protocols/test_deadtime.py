"""Dead times in ticks: as given, and as a recording shows them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.deadtime import apparent_dead_ticks, dead_ticks


def recording(rates_hz: list[float], dead_ps: list[int], duration_s: float) -> NDArray[np.int64]:
    """Poisson clicks of detectors that are blind after each, in ps."""
    rng = np.random.Generator(np.random.PCG64DXSM(5))
    tags = []
    for detector, (rate_hz, blind_ps) in enumerate(zip(rates_hz, dead_ps, strict=True)):
        gaps_ps = rng.exponential(1e12 / rate_hz, int(rate_hz * duration_s)) + blind_ps
        tags.append(np.cumsum(gaps_ps).astype(np.int64) << 2 | detector)
    return np.sort(np.concatenate(tags))


@pytest.mark.parametrize(
    ("dead_time_ps", "tick_ps", "ticks"),
    [(0, 10, 0), (25_000, 1, 25_001), (25_000, 10, 2501), (25_000, 81, 310), (5, 10, 2)],
)
def test_ticks_that_are_surely_enough(dead_time_ps: int, tick_ps: int, ticks: int) -> None:
    """Two times cut to ticks and so many apart were at least the dead time apart."""
    assert dead_ticks(dead_time_ps, tick_ps) == ticks
    if ticks:
        assert (ticks - 1) * tick_ps >= dead_time_ps > (ticks - 2) * tick_ps


def test_recording_shows_its_longest_dead_time() -> None:
    """Four detectors at 50,000 clicks/s: the longest of 25, 25, 45, 30 ns, to within 1 ns."""
    tags = recording([50e3] * 4, [25_000, 25_000, 45_000, 30_000], 2.0)
    assert 45_000 < apparent_dead_ticks(tags) < 46_000


def test_gaps_by_chance_are_none() -> None:
    """Few clicks lie far apart: that is no dead time."""
    assert apparent_dead_ticks(recording([50e3, 50e3, 5.0, 5.0], [0] * 4, 10.0)) == 0
    assert apparent_dead_ticks(np.empty(0, dtype=np.int64)) == 0
    few = recording([50e3, 50e3, 5.0, 5.0], [25_000, 25_000, 0, 0], 10.0)
    assert 25_000 < apparent_dead_ticks(few) < 26_000


def test_the_limit_of_evidence() -> None:
    """20 clicks and more, whenever they begin; a gap of more than 20 spans / N^2, plus one tick.

    Of N even clicks the gap is span / (N - 1): N^2 / (N - 1) is 21.05 for 20, whatever the unit.
    """
    even = np.arange(20, dtype=np.int64) * 1000
    assert apparent_dead_ticks(even << 2) == 1001
    assert apparent_dead_ticks(even[:19] << 2) == 0
    assert apparent_dead_ticks(even + 10**9 << 2 | 3) == 1001
    # N^2 times the closest gap is 400 * 90, and 20 spans are 20 * 1800: no more, and no evidence.
    limit = np.r_[0, 90, 1800 - 1710 * np.linspace(0.9, 0, 18)].astype(np.int64)
    assert (np.diff(limit).min(), limit[-1] - limit[0]) == (90, 1800)
    assert apparent_dead_ticks(limit << 2) == 0
