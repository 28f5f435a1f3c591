"""Bins about expected peaks, and what is counted in them, against array functions."""

import numpy as np

from protocols.bbm92 import fitting
from protocols.bbm92.fitting import COUNT_BIN_PS, COUNT_REACH_PS
from protocols.bbm92.lanes import GROUP_GAP_PS


def test_bins_are_all_of_those_near_any_place() -> None:
    """In order, each once, wherever places come close to each other."""
    rng = np.random.default_rng(1)
    reach = COUNT_REACH_PS // COUNT_BIN_PS
    for spread_ps in (1e3, 1e4, 1e5):
        places_ps = rng.normal(0, spread_ps, 15)
        middles = np.floor(places_ps / COUNT_BIN_PS)
        expected = np.unique(np.add.outer(middles, np.arange(-reach, reach + 1)))
        assert fitting._bins_about(places_ps).tolist() == (COUNT_BIN_PS * expected).tolist()


def test_pairs_are_counted_where_there_are_bins() -> None:
    """In two groups far apart, each asked for once, with gaps that belong to no bin."""
    rng = np.random.default_rng(2)
    one_ps = COUNT_BIN_PS * np.array([-3, -2, 4, 5, 6], dtype=np.float64)
    lows_ps = np.concatenate((one_ps, one_ps + 2 * GROUP_GAP_PS))
    all_ps = np.concatenate(
        [rng.integers(start, start + 8_000, 500) for start in (-3_000, 1_999_000)]
    )
    asked = []

    def differences_ps(low_ps: int, high_ps: int) -> np.ndarray:
        asked.append((low_ps, high_ps))
        return all_ps[(all_ps >= low_ps) & (all_ps < high_ps)]

    counts = fitting._counts_in(lows_ps, differences_ps)
    inside = (all_ps >= lows_ps[:, None]) & (all_ps < lows_ps[:, None] + COUNT_BIN_PS)
    assert counts.tolist() == inside.sum(axis=1).tolist()
    assert counts.sum() > 100
    assert asked == [(-1_500, 3_500), (1_998_500, 2_003_500)]
