"""Tracking: the clock is followed through drift, lanes that come and go, and the dark."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.synchronise import Lock
from protocols.bbm92.tracking import Tracker
from protocols.link import PS_PER_S, LinkConfig
from tests.support.light import LaneLight, draw_tags
from tests.support.links import TICK_PS
from tests.unit.protocols.bbm92.test_synchronise import (
    PRIOR,
    WEAK_LANE,
    WEAK_SINGLES_HZ,
    Times,
)

HALF_S_PS = PS_PER_S // 2


def walk(seed: int, seconds: int, allan_1s: float) -> NDArray[np.float64]:
    """Offset (ps) at each 10 ms of a clock with white frequency noise of the given deviation."""
    steps = np.random.default_rng(seed).standard_normal(100 * seconds + 1)
    return np.cumsum(steps) * allan_1s * PS_PER_S * math.sqrt(0.01)


def config_of(lanes: Sequence[LaneLight]) -> LinkConfig:
    return replace(PRIOR, lane_delays_ps=tuple(lane.delay_ps for lane in lanes))


def true_tracker(config: LinkConfig, *shifts_ps: float) -> Tracker:
    """A tracker that begins where the clocks are."""
    lock = Lock(Alignment(0, 0.0, 0.0), 10.0, 1000, shifts_ps=shifts_ps)
    return Tracker(config, lock, lit_ps=0)


def tags_of(
    seed: int, seconds: float, lanes: Sequence[LaneLight], *, singles_hz: tuple[float, float]
) -> tuple[Times, Times]:
    announced, own = (
        (tags >> 2) * TICK_PS
        for tags in draw_tags(
            seed, seconds, lanes, singles_hz=singles_hz, offset_ps=0.0, rate_ppm=0.0
        )
    )
    return announced, own


def halves(announced: Times, own: Times, count: int) -> list[tuple[int, Times, Times]]:
    """(end, announced, own around them) of each half second."""
    found = []
    for k in range(count):
        start_ps, stop_ps = k * HALF_S_PS, (k + 1) * HALF_S_PS
        part = announced[(announced >= start_ps) & (announced < stop_ps)]
        found.append((stop_ps, part, own[(own >= start_ps - 10**8) & (own < stop_ps + 10**8)]))
    return found


def follow(
    seed: int, drift_ps: NDArray[np.float64], seconds: int, lanes: tuple[LaneLight, ...]
) -> tuple[Tracker, list[float]]:
    """Track a drifting clock from a true start; errors in ps in the middle of each half second."""
    announced, own = tags_of(seed, seconds, lanes, singles_hz=WEAK_SINGLES_HZ)
    grid_ps = np.arange(drift_ps.size) * 1e10
    own = np.sort(own + np.interp(own, grid_ps, drift_ps).astype(np.int64))
    tracker = true_tracker(config_of(lanes))
    errors = []
    for stop_ps, part, near in halves(announced, own, 2 * seconds):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        middle_ps = stop_ps - HALF_S_PS // 2
        true_ps = float(np.interp(middle_ps, grid_ps, drift_ps))
        errors.append(tracker.alignment.predict_one(middle_ps) - middle_ps - true_ps)
    return tracker, errors


def test_tracker_follows_a_wandering_clock() -> None:
    """Allan deviation 1e-10 on the weakest link, 10 s: the error stays a fraction of the window."""
    tracker, errors = follow(1, walk(1, 10, 1e-10), 10, WEAK_LANE)
    assert not tracker.is_lost
    assert max(abs(error) for error in errors) < 500
    assert np.sqrt(np.mean(np.square(errors[4:]))) < 200


def test_tracker_follows_a_wrong_rate() -> None:
    """A rate of 4 ppb that the start did not know of is learnt within a few seconds."""
    drift_ps = (np.arange(0, 1001) * 1e10 * 4e-9).astype(np.float64)
    tracker, errors = follow(2, drift_ps, 10, (LaneLight(),))
    assert not tracker.is_lost
    assert abs(tracker.alignment.rate - 4e-9) < 1e-9
    assert max(abs(error) for error in errors[6:]) < 100


def lit_over_time(
    seed: int,
    seconds: int,
    lanes: tuple[LaneLight, ...],
    *,
    singles_hz: tuple[float, float] = WEAK_SINGLES_HZ,
) -> list[tuple[bool, ...]]:
    """Which lanes are matched, at the end of each half second."""
    announced, own = tags_of(seed, seconds, lanes, singles_hz=singles_hz)
    tracker = true_tracker(config_of(lanes))
    found = []
    for stop_ps, part, near in halves(announced, own, 2 * seconds):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        found.append(tuple(bool(lit) for lit in tracker.lit))
    return found


def test_lane_that_dies_is_dropped_within_a_second_and_found_again() -> None:
    """The weakest lane of Fan et al. is dark from 4 to 8 s; its neighbour is not touched by that.

    Lit until 4 s, dark from 5 to 8 s, lit from 9 s on.
    """
    off = [LaneLight(pairs_hz=1251.0, to_s=4.0), LaneLight(pairs_hz=1251.0, from_s=8.0)]
    other = LaneLight(delay_ps=5_040_000, pairs_hz=2300.0)
    announced, own = tags_of(4, 12, [*off, other], singles_hz=WEAK_SINGLES_HZ)
    tracker = true_tracker(config_of([off[0], other]))
    found = []
    for stop_ps, part, near in halves(announced, own, 24):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        found.append(tuple(bool(lit) for lit in tracker.lit))
    assert found[:8] == [(True, True)] * 8
    assert found[9:16] == [(False, True)] * 7
    assert found[17:] == [(True, True)] * 7


@pytest.mark.parametrize("distance_ps", [8_000, 20_000, 40_000])
def test_strong_lane_does_not_light_a_dead_one(distance_ps: int) -> None:
    """Next to a lane of 20,000 pairs a second, 8, 20 or 40 ns away, a dead lane stays dead."""
    lanes = (LaneLight(pairs_hz=20_000.0), LaneLight(delay_ps=5_000_000 + distance_ps, pairs_hz=0))
    found = lit_over_time(5, 15, lanes, singles_hz=(1000.0, 1000.0))
    assert all(lit[0] for lit in found)
    assert not any(lit[1] for lit in found[20:])


@pytest.mark.parametrize("singles_hz", [0.0, 400.0, 200_000.0])
def test_tracker_notices_that_the_peaks_are_gone(singles_hz: float) -> None:
    """Light until 2 s, then noise of any rate, or nothing at all: lost within 5.5 s, not before."""
    lanes = (LaneLight(to_s=2.0),)
    announced, own = tags_of(3, 8, lanes, singles_hz=(singles_hz, singles_hz))
    tracker = true_tracker(config_of(lanes))
    for stop_ps, part, near in halves(announced, own, 15):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        if stop_ps <= 2 * PS_PER_S:
            assert not tracker.is_lost
    assert tracker.is_lost


def test_tracker_without_light() -> None:
    """Empty announcements, or no own clicks, give no pairs and speak against all lanes."""
    tracker, nothing = true_tracker(PRIOR), np.empty(0, dtype=np.int64)
    some = np.arange(0, 10**12, 10**9)
    dark = [(nothing, some), (some, nothing), (nothing, nothing)] * 2
    for k, (announced, own) in enumerate(dark):
        stop_ps = (k + 1) * PS_PER_S
        assert tracker.follow(announced, own, stop_ps=stop_ps, light_ps=PS_PER_S) is None
    assert tracker.is_lost


def test_dark_announcements_before_the_light_of_the_lock_are_no_news() -> None:
    """What was kept of the dark before the lock costs no lock; the lanes begin afresh in the light.

    Four seconds of noise, and light from then on.
    """
    lanes = (LaneLight(pairs_hz=1251.0, from_s=4.0),)
    announced, own = tags_of(6, 6, lanes, singles_hz=WEAK_SINGLES_HZ)
    lock = Lock(Alignment(0, 0.0, 0.0), 10.0, 1000)
    tracker = Tracker(config_of(lanes), lock, lit_ps=4 * PS_PER_S)
    for stop_ps, part, near in halves(announced, own, 12):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        assert not tracker.is_lost
        assert bool(tracker.lit[0]) == (stop_ps > 4 * PS_PER_S) or stop_ps == HALF_S_PS


@pytest.mark.parametrize("peaks", [-1, 1])
@pytest.mark.parametrize("lanes", [WEAK_LANE, (*WEAK_LANE, LaneLight(5_020_000, 2300.0))])
def test_clock_that_was_led_one_peak_away_comes_back(
    peaks: int, lanes: tuple[LaneLight, ...]
) -> None:
    """Ten nanoseconds off, side peaks look like middles, and half of all bits are wrong.

    It is noticed within eight announcements and put right.
    """
    announced, own = tags_of(8, 6, lanes, singles_hz=WEAK_SINGLES_HZ)
    lock = Lock(Alignment(0, peaks * 10_000.0, 0.0), 10.0, 1000)
    tracker = Tracker(config_of(lanes), lock, lit_ps=0)
    for stop_ps, part, near in halves(announced, own, 9):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
    assert not tracker.is_lost
    assert abs(tracker.alignment.offset_ps) < 500


# Names of lanes -----------------------------------------------------------------------------------


def test_lane_names_are_corrected_by_the_first_other_lane() -> None:
    """A lock that took lane 1 for lane 0, and knows that it may have, is right once lane 0 shows.

    Lane 1 alone for 2 s, then both: the offset moves by 40 ns, and both lanes are lit.
    """
    lanes = (LaneLight(pairs_hz=1251.0, from_s=2.0), LaneLight(delay_ps=5_040_000, pairs_hz=1251.0))
    announced, own = tags_of(7, 4, lanes, singles_hz=WEAK_SINGLES_HZ)
    lock = Lock(Alignment(0, 40_000.0, 0.0), 10.0, 1000, shifts_ps=(-40_000.0,))
    tracker = Tracker(config_of(lanes), lock, lit_ps=0)
    offsets_ps = []
    for stop_ps, part, near in halves(announced, own, 8):
        tracker.follow(part, near, stop_ps=stop_ps, light_ps=HALF_S_PS)
        offsets_ps.append(tracker.alignment.offset_ps)
    assert all(abs(offset_ps - 40_000) < 500 for offset_ps in offsets_ps[:4])
    assert all(abs(offset_ps) < 500 for offset_ps in offsets_ps[4:])
    assert tracker.lit.all()
    assert tracker.prior().shifts_ps == (0.0,)
