"""The histograms of a coarse search, and their best places."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.places import (
    FILLED_SHARE,
    STRIDE_BINS,
    UNKNOWN,
    BestPlaces,
    _count_block,
    _places_above,
    search_blocks,
)

SHIFT = 4


def _expected(
    announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64], low_ps: int, rate: float, bins: int
) -> NDArray[np.int64]:
    """The histogram, each pair by itself."""
    elapsed_ps = announced_ps - announced_ps[:1]
    bases_ps = announced_ps + low_ps + np.trunc(rate * elapsed_ps).astype(np.int64)
    at = (own_ps[:, None] - bases_ps[None, :]) // 2**SHIFT
    return np.bincount(at[(at >= 0) & (at < bins)], minlength=bins)


@pytest.mark.parametrize("rate", [0.0, 3e-4, -3e-4])
@pytest.mark.parametrize("low_ps", [-4000, 0, 700])
def test_differences_fall_into_half_open_bins(low_ps: int, rate: float) -> None:
    """With clicks at equal times, gaps wider than the range, and none at the end of either list."""
    rng = np.random.default_rng(abs(low_ps) + round(1e5 * rate) + 100)
    bins = 300
    for size in (0, 1, 40, 400):
        announced_ps, own_ps = (
            np.sort(np.concatenate((rng.integers(0, 20_000, size), rng.integers(0, 10**9, size))))
            for _ in range(2)
        )
        expected = _expected(announced_ps, own_ps, low_ps, rate, bins)
        filled_bins = np.flatnonzero(expected)
        for room in {0, max(filled_bins.size - 1, 0), filled_bins.size, bins}:
            counts, filled = np.zeros(bins, dtype=np.int32), np.empty(room, dtype=np.int32)
            used = _count_block(announced_ps, own_ps, low_ps, rate, SHIFT, counts, filled)
            assert counts.tolist() == expected.tolist()
            if filled_bins.size <= room and room:
                assert sorted(filled[:used]) == filled_bins.tolist()
            else:
                assert used == UNKNOWN
        assert size < 40 or filled_bins.size > 0


@pytest.mark.parametrize("bins", [2, STRIDE_BINS, STRIDE_BINS + 1, 5 * STRIDE_BINS + 17])
@pytest.mark.parametrize("mean", [0.01, 3.0])
def test_places_are_those_of_a_look_at_all_bins(bins: int, mean: float) -> None:
    """All that count more than the least, whether filled bins have been noted or not."""
    rng = np.random.default_rng(bins)
    counts = rng.poisson(mean, bins).astype(np.int32)
    filled = rng.permutation(np.flatnonzero(counts)).astype(np.int32)
    places = np.empty(bins, dtype=np.int64)
    for least in range(4):
        above = np.flatnonzero(counts[:-1] + counts[1:] > least)
        for used in (filled.size, UNKNOWN):
            noted = _places_above(counts, filled, used, least, places)
            assert sorted(places[:noted]) == above.tolist()


@pytest.mark.parametrize("spare", [0, 1000])
@pytest.mark.parametrize(("clicks", "most"), [(3, 20), (12, 7), (400, 7), (400, 50)])
def test_best_places_are_those_of_all_histograms(clicks: int, most: int, spare: int) -> None:
    """Of several rates and blocks, dense or hardly filled, sorted at once or often."""
    rng = np.random.default_rng(clicks + most)
    bins, parts, low_ps = 150, 3, -2000
    announced_ps, own_ps = (np.sort(rng.integers(0, 100_000, clicks)) for _ in range(2))
    rates = np.array([-1e-3, 0.0, 2e-3])
    lows_ps = low_ps + 1000 * np.arange(3)[:, None] + (np.arange(parts) * (bins - 1) << SHIFT)
    begins = np.searchsorted(own_ps, announced_ps[0] + lows_ps)
    room, counts = np.empty((3, bins + spare), dtype=np.int64), np.empty(bins, dtype=np.int32)
    best, block = BestPlaces(most), 0
    while block < lows_ps.size:
        block, noted = search_blocks(
            announced_ps, own_ps, begins, lows_ps, rates, SHIFT, counts, best.least, block, room
        )
        best.add(room[:, :noted])
    expected = []
    for number, rate in enumerate(rates):
        for block_ps in lows_ps[number].tolist():
            histogram = _expected(announced_ps, own_ps, block_ps, float(rate), bins)
            pairs = histogram[:-1] + histogram[1:]
            expected += [
                (-int(pairs[at]), number, block_ps + ((int(at) + 1) << SHIFT))
                for at in np.flatnonzero(pairs)
            ]
    assert len(expected) > most or clicks == 3
    found = [(-count, number, offset_ps) for count, number, offset_ps in best.places.T.tolist()]
    assert found == sorted(expected)[:most]


def test_few_pairs_in_many_bins_are_noted_and_a_burst_of_them_is_not() -> None:
    """Either way the next block begins with nothing in it."""
    counts = np.empty(64 * FILLED_SHARE, dtype=np.int32)
    room = np.empty((3, 3 * counts.size), dtype=np.int64)
    announced_ps = np.array([0], dtype=np.int64)
    lows_ps, begins = np.zeros((3, 1), dtype=np.int64), np.zeros((3, 1), dtype=np.int64)
    for burst in (10, 100):
        own_ps = np.append(np.arange(burst) * 2 << SHIFT, 10**12)
        block, noted = search_blocks(
            announced_ps, own_ps, begins, lows_ps, np.zeros(3), SHIFT, counts, 0, 0, room
        )
        assert block == 3
        assert room[0, :noted].tolist() == [1] * noted
        assert noted == 3 * (2 * burst - 1)
