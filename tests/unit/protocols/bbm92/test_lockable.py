"""How much light clocks are found by: by hand, and on either side of it."""

import math
from dataclasses import replace

import pytest

from protocols.bbm92.coarse import FIRST_WORK, MAX_WORK
from protocols.bbm92.lockable import PAID_DEPTH, ClockBounds, lockable_hz, stays_lit
from protocols.bbm92.search import FIRST_CREDIT, WORK_PER_S
from tests.unit.protocols.bbm92.test_clock_course import POLARISATION, clicks, play

BOUNDS = ClockBounds(
    POLARISATION.offset_bound_ps, POLARISATION.rate_bound_ppm, has_side_peaks=False
)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "is_found"), [(1.5, True), (0.5, False)])
def test_many_other_clicks_need_more_coincidences(share: float, *, is_found: bool) -> None:
    """Among 300 and 30 kHz: with half as many again all seeds lock in 30 s, with half none."""
    clicks_hz = (3e5, 3e4)
    pairs_hz = share * lockable_hz(clicks_hz, BOUNDS)
    singles_hz = (clicks_hz[0] - pairs_hz, clicks_hz[1] - pairs_hz)
    for seed in (1, 2, 3):
        times = clicks(seed, 30.0, pairs_hz=pairs_hz, singles_hz=singles_hz, jitter_ps=200.0)
        _, _, locked_s = play(POLARISATION, *times, seconds=30)
        assert (locked_s is not None) is is_found


@pytest.mark.slow
@pytest.mark.parametrize("allan_1s", [4e-9, 1.6e-8])
@pytest.mark.parametrize(("share", "least", "most"), [(2.0, 0.75, 1.05), (0.4, 0.0, 0.3)])
def test_clocks_that_wander_need_pairs_that_follow_each_other_soon(
    allan_1s: float, share: float, least: float, most: float
) -> None:
    """At twice as many most are matched, at 0.4 of them few: 50 and 10/s, or 800 and 160."""
    pairs_hz = share * lockable_hz((1e4, 1e4), replace(BOUNDS, allan_deviation_1s=allan_1s))
    assert pairs_hz == pytest.approx(share * (allan_1s / 8e-10) ** 2)
    config = replace(POLARISATION, window_ps=10_000, allan_deviation_1s=allan_1s)
    for seed in (1, 2, 3):
        times = clicks(
            seed,
            30.5,
            pairs_hz=pairs_hz,
            singles_hz=(1e4, 1e4),
            allan_1s=allan_1s,
            jitter_ps=200.0,
        )
        matched, _, _ = play(config, *times, seconds=30)
        assert least <= matched / (30 * pairs_hz) <= most


def tail(count: int, mean: float) -> float:
    """P(Poisson(mean) >= count), term by term."""
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
    return 1.0 - below


def test_light_that_clocks_are_found_by() -> None:
    """By hand, for 2 ms and 1 ppm: bins, chance pairs in two of them, the best 256 or 40 places.

    At 10 kHz the slice is as long as it may be, 0.64 s; at 3 MHz no work is left for a longer one
    than the first, 0.04 s in bins of 16 ns; in side peaks is half of the pairs of a lane.
    """
    for clicks_hz, slice_s, bin_s, places, seen in (
        (1e4, 0.64, 4.096e-9, 256, 1),
        (3e6, 0.04, 16.384e-9, 40, 1),
        (3e6, 0.04, 16.384e-9, 40, 2),
    ):
        bins = (4e-3 / bin_s + 4) * (1 + 2e-6 * slice_s / bin_s)
        chance = 2 * clicks_hz**2 * bin_s * slice_s
        bounds = replace(BOUNDS, has_side_peaks=seen == 2)
        count = round(lockable_hz((clicks_hz, clicks_hz), bounds) * seen * slice_s + chance)
        assert tail(count, chance) < 1.1 * places / bins
        assert tail(count - 2, chance) > places / bins


def test_more_clicks_and_wider_bounds_need_more() -> None:
    """Up to where there is nothing but chance; without any clicks a few pairs do."""
    rates = [lockable_hz((hz, hz), BOUNDS) for hz in (0.0, 1e3, 1e4, 1e5, 1e6)]
    assert rates == sorted(rates)
    assert lockable_hz((1e5, 1e5), replace(BOUNDS, offset_ps=1e10)) > rates[3]
    assert lockable_hz((1e5, 1e5), replace(BOUNDS, rate_ppm=20.0)) > rates[3]
    # Passing by the responder's clicks is dearer: all of them for each place, of hers half.
    assert lockable_hz((3e4, 3e5), BOUNDS) > lockable_hz((3e5, 3e4), BOUNDS)
    wandering = replace(BOUNDS, allan_deviation_1s=1e-7)
    assert lockable_hz((1e5, 1e5), wandering) == 125.0**2
    assert lockable_hz((1e5, 1e5), replace(wandering, has_side_peaks=True)) == 200.0**2


def test_a_lane_stays_lit_by_more_than_chance() -> None:
    """By hand: (c + b) ln 2 above 4 and b; with side peaks (2 c + 3 b) ln 2 above 4 and 3 b."""
    for related_hz, unrelated_hz, sides, is_lit in (
        (5.7, 0.0, False, False),
        (5.8, 0.0, False, True),
        (43.0, 100.0, False, False),
        (45.0, 100.0, False, True),
        (2.8, 0.0, True, False),
        (2.9, 0.0, True, True),
        (66.0, 100.0, True, False),
        (67.0, 100.0, True, True),
    ):
        assert stays_lit(related_hz, unrelated_hz, has_side_peaks=sides) is is_lit


def test_a_minute_pays_for_that_depth_and_no_deeper_one() -> None:
    """One of depth 1 and two of depth 2; one of a third depth comes after a minute."""
    spent = FIRST_WORK * (1 + 2 * 4 ** (PAID_DEPTH - 1))
    next_one = min(FIRST_WORK * 4**PAID_DEPTH, MAX_WORK)
    assert PAID_DEPTH == 2
    assert spent <= FIRST_CREDIT + 60 * WORK_PER_S < spent + next_one


def test_bounds_of_two_clocks_add_up() -> None:
    """As each differs from a perfect one; one interferometer is enough for side peaks."""
    one = ClockBounds(1e9, 0.5, has_side_peaks=False, allan_deviation_1s=3e-10)
    other = ClockBounds(2e9, 1.0, has_side_peaks=True, allan_deviation_1s=4e-10)
    both = ClockBounds(3e9, 1.5, has_side_peaks=True, allan_deviation_1s=5e-10)
    assert one.between(other) == both
