"""The histogram of a coarse search, its best places, and how long a slice it takes."""

import numpy as np
import pytest

from protocols.bbm92.coarse import (
    STRIDE_BINS,
    _coarse_block,
    _LightOfEffort,
    _places_above,
    _work,
    effort_of,
    grid_of,
)
from protocols.bbm92.prior import wide_prior
from protocols.clockprior import COARSE_SLICE_PS
from protocols.link import PS_PER_S
from tests.unit.protocols.bbm92.test_clock_course import POLARISATION


@pytest.mark.parametrize("rate", [0.0, 3e-4, -3e-4])
@pytest.mark.parametrize("low_ps", [-4000, 0, 700])
def test_differences_fall_into_half_open_bins(low_ps: int, rate: float) -> None:
    """With clicks at equal times, gaps wider than the range, and none at the end of either list."""
    rng = np.random.default_rng(abs(low_ps) + round(1e5 * rate) + 100)
    shift, bins = 4, 300
    for size in (0, 1, 40, 400):
        announced_ps, own_ps = (
            np.sort(np.concatenate((rng.integers(0, 20_000, size), rng.integers(0, 10**9, size))))
            for _ in range(2)
        )
        counts = np.full(bins, 7, dtype=np.int32)
        best = _coarse_block(announced_ps, own_ps, low_ps, rate, shift, counts)
        elapsed_ps = announced_ps - announced_ps[:1]
        bases_ps = announced_ps + low_ps + np.trunc(rate * elapsed_ps).astype(np.int64)
        at = (own_ps[:, None] - bases_ps[None, :]) // 2**shift
        expected = np.bincount(at[(at >= 0) & (at < bins)], minlength=bins)
        assert counts.tolist() == expected.tolist()
        assert best == (expected[:-1] + expected[1:]).max()
        assert size < 40 or best > 0


@pytest.mark.parametrize("bins", [2, STRIDE_BINS, STRIDE_BINS + 1, 5 * STRIDE_BINS + 17])
@pytest.mark.parametrize("mean", [0.01, 3.0])
def test_best_places_are_those_of_a_sort(bins: int, mean: float) -> None:
    """All that count more than the least, ascending; where they are too many, the best of them."""
    counts = np.random.default_rng(bins).poisson(mean, bins).astype(np.int32)
    pairs = counts[:-1] + counts[1:]
    for least in range(4):
        above = np.flatnonzero(pairs > least)
        assert _places_above(counts, least, bins).tolist() == above.tolist()
        for most in {1, max(above.size // 2, 1)} if above.size else ():
            found = _places_above(counts, least, most)
            assert np.all(np.diff(found) > 0)
            assert sorted(pairs[found]) == sorted(pairs[above])[-most:]


@pytest.mark.parametrize(
    ("light_s", "hz", "slice_ms"),
    [(0.84, 2.7e3, 40), (10.0, 2.7e3, 40), (24.0, 2.7e3, 160), (24.0, 1e4, 160), (3.4, 1e5, 40)],
)
def test_long_light_is_looked_through_in_longer_slices(
    light_s: float, hz: float, slice_ms: int
) -> None:
    """Where rates that a short one leaves open make more work of its places than it saves."""
    times_ps = np.linspace(0, light_s * PS_PER_S, int(light_s * hz)).astype(np.int64)
    prior, light = wide_prior(POLARISATION), _LightOfEffort.of(times_ps, times_ps)
    first = effort_of(POLARISATION, prior, times_ps, times_ps, 0)
    assert first.slice_ps == slice_ms * PS_PER_S // 1000
    short = _work(POLARISATION, prior, grid_of(POLARISATION, prior, COARSE_SLICE_PS), light)
    assert first.work == short if slice_ms == 40 else first.work < 2 / 3 * short
    assert effort_of(POLARISATION, prior, times_ps, times_ps, 1).slice_ps >= first.slice_ps
