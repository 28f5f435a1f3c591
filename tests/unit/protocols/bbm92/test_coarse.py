"""The histogram of a coarse search, against all differences of all clicks."""

import numpy as np
import pytest

from protocols.bbm92.coarse import _coarse_block


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
