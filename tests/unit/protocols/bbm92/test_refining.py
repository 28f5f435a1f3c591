"""A candidate in long light: found as by looking at all of it, in a small part of the work."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92 import refining
from protocols.bbm92.coarse import REFINE_SHIFT, Candidate
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.refining import best_candidate
from protocols.link import PS_PER_S
from tests.support.links import link_config

LIGHT_S = 12
REFERENCE_PS = 5 * PS_PER_S
OFFSET_PS, RATE = 1_000_000.0, 3e-7
RATE_REACH = 1e-7
CANDIDATE = Candidate(
    0,
    Alignment(REFERENCE_PS, OFFSET_PS + 60_000.0, RATE + 0.6 * RATE_REACH),
    300_000 + math.ceil(RATE_REACH * 7 * PS_PER_S),
    RATE_REACH,
)
ALL_RATES = 1 + math.ceil(2 * RATE_REACH * 7 * PS_PER_S / (1 << REFINE_SHIFT))
ALL_CELLS = (2 * CANDIDATE.reach_ps >> REFINE_SHIFT) * ALL_RATES


@pytest.mark.parametrize(("pairs_hz", "low", "high"), [(500, 0.0, 0.25), (3, 1.0, 1.4)])
def test_long_light_is_looked_through_where_it_must_be(
    pairs_hz: int, low: float, high: float
) -> None:
    """Bright: a part shows where; dim: all rates. The line is right within two bins either way."""
    rng = np.random.default_rng(pairs_hz)
    pairs_ps = np.sort(rng.integers(0, LIGHT_S * PS_PER_S, pairs_hz * LIGHT_S))
    assert low * ALL_CELLS <= cells_of_the_right_line(pairs_ps, rng) <= high * ALL_CELLS


@pytest.mark.parametrize("first_ms", [100, 500, 920])
def test_a_burst_tells_no_rate(first_ms: int) -> None:
    """Forty pairs in 20 ms, every 1.5 s: the one near the reference is sure at any rate."""
    rng = np.random.default_rng(first_ms)
    starts_ps = np.arange(first_ms, 1_000 * LIGHT_S, 1_500)[:8] * (PS_PER_S // 1_000)
    pairs_ps = np.sort(starts_ps[:, None] + rng.integers(0, PS_PER_S // 50, (8, 40)), axis=None)
    cells_of_the_right_line(pairs_ps, rng)


def cells_of_the_right_line(pairs_ps: NDArray[np.int64], rng: np.random.Generator) -> int:
    """Looked at to find the line of these pairs, among 500 single clicks a second."""
    others_ps = rng.integers(0, LIGHT_S * PS_PER_S, (2, 500 * LIGHT_S))
    partners_ps = pairs_ps + np.rint(OFFSET_PS + RATE * (pairs_ps - REFERENCE_PS)).astype(np.int64)
    announced_ps = np.sort(np.concatenate((pairs_ps, others_ps[0])))
    own_ps = np.sort(np.concatenate((partners_ps, others_ps[1])))
    found, cells = best_candidate(link_config(), [CANDIDATE], announced_ps, own_ps)
    assert found is not None
    ends_ps = pairs_ps[[0, -1]]
    true_ps = ends_ps + OFFSET_PS + RATE * (ends_ps - REFERENCE_PS)
    assert np.abs(found.line.predict(ends_ps) - true_ps).max() < 2 << REFINE_SHIFT
    assert found.count >= 0.75 * pairs_ps.size
    return cells


@pytest.mark.parametrize("width", [1, 3, 16, 17])
@pytest.mark.parametrize("pairs", [0, 1, 2, 301])
def test_grid_has_the_largest_sum_of_a_histogram(pairs: int, width: int) -> None:
    """Over all rates and places, the first of equal ones; nothing where the bins are too few."""
    rng = np.random.default_rng(pairs)
    bins, grain, steps = 16, 2e-8, 7
    reach_ps = bins << REFINE_SHIFT - 1
    elapsed_ps = rng.integers(-PS_PER_S, PS_PER_S, pairs)
    values_ps = rng.integers(-reach_ps, reach_ps, pairs)
    best = (0, 0, 0)
    for step in range(steps):
        moved_ps = values_ps - ((step - 3) * grain * elapsed_ps).astype(np.int64)
        places = (moved_ps + reach_ps) >> REFINE_SHIFT
        for first in range(bins - width + 1):
            total = int(((places >= first) & (places < first + width)).sum())
            if total > best[0]:
                best = total, first, step
    found = refining._refine_grid(values_ps, elapsed_ps, reach_ps, -3 * grain, grain, steps, width)
    assert found == best
