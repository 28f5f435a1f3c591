"""Blocks of announced clicks: how many clicks of both ends are in each, against searches."""

import numpy as np
import pytest

from protocols.bbm92 import lanes
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.lanes import BLOCK_PS, lane_shares, pair_density_per_ps
from protocols.link import PS_PER_S
from tests.support.links import link_config


def clicks(seed: int, light: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Times in 2 s: evenly, in three bursts with darkness between, or two alone."""
    rng = np.random.default_rng(seed)
    if light == "two":
        return np.array([0, 2 * PS_PER_S])
    times_ps = rng.integers(0, 2 * PS_PER_S, 5_000)
    if light == "bursts":
        times_ps = times_ps // 100 + rng.integers(0, 3, times_ps.size) * (PS_PER_S * 9 // 10)
    return np.sort(times_ps)


@pytest.mark.parametrize("own_light", ["even", "bursts", "two"])
@pytest.mark.parametrize("light", ["even", "bursts", "two"])
def test_blocks_hold_what_searches_find(light: str, own_light: str) -> None:
    """Each click is in one block, and the density is the mean product of both ends' counts."""
    announced_ps, own_ps = clicks(1, light), clicks(2, own_light) + 3_000
    edges_ps, counts = lanes._count_blocks(announced_ps)
    assert edges_ps[0] == announced_ps[0]
    assert edges_ps[-1] == announced_ps[-1] + 1
    assert np.ptp(np.diff(edges_ps)) <= 1
    assert BLOCK_PS <= np.diff(edges_ps).min() < 2 * BLOCK_PS
    assert counts.tolist() == np.diff(np.searchsorted(announced_ps, edges_ps)).tolist()
    line = Alignment(announced_ps[0].item(), 3_000.0, 1e-6)
    own = np.diff(np.searchsorted(own_ps, line.predict(edges_ps)))
    expected = float((counts * own).sum()) * own.size / (edges_ps[-1] - edges_ps[0])
    assert pair_density_per_ps(line, announced_ps, own_ps) == pytest.approx(expected, rel=1e-12)


def test_clicks_on_an_edge_belong_to_the_block_behind_it() -> None:
    """Many clicks on edges, at equal times and in empty blocks: what two searches find."""
    rng = np.random.default_rng(5)
    for _ in range(100):
        edges_ps = np.sort(rng.integers(0, 30, rng.integers(2, 12)))
        times_ps = np.sort(rng.integers(-5, 35, rng.integers(0, 40)))
        expected = np.diff(np.searchsorted(times_ps, edges_ps))
        assert lanes._count_between(edges_ps, times_ps).tolist() == expected.tolist()


def test_shares_are_areas_under_the_peaks_of_a_lane() -> None:
    """Exponential flanks at 1:2:1, by quadrature; all bins together have every pair."""
    config = link_config(umi_delay_ps=10_000, coherence_rate_per_s=1e9)
    lows_ps = np.arange(-40_000.0, 40_000.0, 500.0).reshape(2, -1)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    at_ps = lows_ps[..., None] + 250.0 * (nodes + 1)
    peaks = ((-10_000, 0.25), (0, 0.5), (10_000, 0.25))
    heights = sum(w * np.exp(-np.abs(at_ps - p) / 1_000) / 2_000 for p, w in peaks)
    shares = lane_shares(config, lows_ps, 500.0)
    assert shares == pytest.approx((heights * weights).sum(axis=2) * 250.0, rel=1e-9)
    assert shares.sum() == pytest.approx(1.0, abs=1e-9)
