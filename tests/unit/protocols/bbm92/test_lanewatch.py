"""The decision whether a lane is matched: from counts alone, quick, and practically never wrong."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.lanewatch import LIMIT, LaneWatch
from protocols.link import PS_PER_S
from tests.support.links import link_config

LIGHT_PS = PS_PER_S // 2
DELAY_PS = 5_000_000
WEAK_HZ, WEAK_BACKGROUND_HZ = 880.0, 240.0
"""A lane of 260 sifted bits/s at 200 kHz of singles at either end, of which 40 are accidental: its
three peaks hold four times the true 220, and three times twice the 40."""


def watch_counts(
    counts: NDArray[np.int64], background_hz: float, *, is_lit: bool = True
) -> NDArray[np.bool_]:
    """Whether a lane is lit after each half second with so many pairs in its three peaks."""
    config = link_config()
    watch = LaneWatch(config)
    watch.lit[:] = is_lit
    watch._scores[:] = LIMIT if is_lit else -LIMIT
    density = background_hz * 0.5 / (3 * config.window_ps)
    found = []
    for count in counts:
        pairs = np.full(count, DELAY_PS)
        watch.look(pairs, density_per_ps=density, light_ps=LIGHT_PS)
        found.append(bool(watch.lit[0]))
    return np.array(found)


def draw_counts(seed: int, mean_hz: float, size: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).poisson(0.5 * mean_hz, size)


@pytest.mark.parametrize(
    ("pairs_hz", "background_hz"),
    [
        (WEAK_HZ, WEAK_BACKGROUND_HZ),
        (4 / 3 * 4.2 * 240, 240.0),
        (360.0, 240.0),
        (10.5, 2.0),
        (9, 0),
    ],
    ids=["260 bits/s", "QBER 9.6 %", "QBER 22 %", "3 bits/s", "no background"],
)
def test_live_lane_is_never_dropped(pairs_hz: float, background_hz: float) -> None:
    """Twenty minutes of lanes with up to 22 % accidental errors: not one announcement is missed.

    The score would have to fall by 20 in natural logarithms against its drift: less than 1e-8.
    """
    counts = draw_counts(1, pairs_hz + background_hz, 2400)
    assert watch_counts(counts, background_hz).all()


@pytest.mark.parametrize("background_hz", [240.0, 60.0, 2.4, 0.0])
def test_dead_lane_is_never_lit(background_hz: float) -> None:
    """Twenty minutes without light, at 200, 100 and 20 kHz of singles and none: never matched."""
    counts = draw_counts(2, background_hz, 2400)
    assert not watch_counts(counts, background_hz, is_lit=False).any()


@pytest.mark.parametrize(
    ("pairs_hz", "background_hz", "most"), [(WEAK_HZ, 240.0, 2), (440.0, 60.0, 6), (880.0, 0.0, 1)]
)
def test_lane_that_dies_is_dropped_soon(pairs_hz: float, background_hz: float, most: int) -> None:
    """Hundred deaths: within a second at 200 kHz of singles, three at 100 kHz, at once in quiet."""
    for seed in range(100):
        alive = draw_counts(seed, pairs_hz + background_hz, 20)
        dead = draw_counts(seed + 1000, background_hz, 20)
        lit = watch_counts(np.concatenate((alive, dead)), background_hz)
        assert lit[:20].all()
        assert not lit[20 + most - 1 :].any()


@pytest.mark.slow
def test_dead_lane_harvests_few_accidentals() -> None:
    """Whatever the singles, the wrong matches before a drop are some twenty on average."""
    for background_hz in (240.0, 60.0, 12.0, 2.4):
        harvest = 0
        for seed in range(50):
            counts = draw_counts(seed, background_hz, 200)
            lit = watch_counts(counts, background_hz)
            harvest += int(counts[lit].sum()) // 3  # of three peaks the central one is matched
        assert harvest / 50 < 30


def test_lane_that_comes_back_is_lit_at_once() -> None:
    """A weak lane is matched in the first half second of its light."""
    counts = np.concatenate((draw_counts(1, 240.0, 10), draw_counts(2, WEAK_HZ + 240.0, 10)))
    lit = watch_counts(counts, 240.0, is_lit=False)
    assert lit.tolist() == [False] * 10 + [True] * 10


def test_decision_does_not_wait_for_light_that_has_become_weaker() -> None:
    """A lane that falls to a hundredth, far above the background still, is matched again soon."""
    counts = np.concatenate((draw_counts(1, 20_000.0, 20), draw_counts(2, 200.0, 40)))
    lit = watch_counts(counts, 0.0)
    assert lit[:20].all()
    assert lit[40:].all()
