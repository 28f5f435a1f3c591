"""Clocks: inverse, order of questions, agreement of the scalar and the vector path."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.physics import clock as clock_module
from netsim.physics.clock import GRID_PS, KEPT_PS, Clock
from netsim.units import PS_PER_S
from tests.unit.netsim.physics.helpers import generator, int64, pack


def make_clock(
    *,
    seed: int = 1,
    allan_deviation_1s: float = 1e-10,
    offset_ps: int | None = None,
    rate_ppm: float | None = None,
) -> Clock:
    """A clock with public bounds of 1 ms and 0.5 ppm."""
    return Clock(
        generator(seed),
        offset_bound_ps=1_000_000_000,
        rate_bound_ppm=0.5,
        allan_deviation_1s=allan_deviation_1s,
        offset_ps=offset_ps,
        rate_ppm=rate_ppm,
    )


def test_perfect_clock_shows_true_time() -> None:
    """No offset, no rate, no walk: local is true."""
    clock = make_clock(allan_deviation_1s=0.0, offset_ps=0, rate_ppm=0.0)
    for time_ps in (-5, 0, 1, 10**15 + 1):
        assert clock.local_ps(time_ps) == time_ps == clock.true_ps(time_ps)


def test_offset_and_rate_are_what_they_say() -> None:
    """After 1000 s a clock fast by 0.25 ppm gains 0.25 ms on its offset, exactly."""
    clock = make_clock(allan_deviation_1s=0.0, offset_ps=-12_345, rate_ppm=0.25)
    assert clock.local_ps(0) == -12_345
    assert clock.local_ps(1000 * PS_PER_S) == 1000 * PS_PER_S - 12_345 + 250_000_000


@pytest.mark.parametrize("seed", range(5))
def test_inverse_within_one_ps(seed: int) -> None:
    """``true_ps`` undoes ``local_ps`` and the other way round, within 1 ps, also before 0."""
    clock = make_clock(seed=seed)
    for time_ps in generator(seed).integers(-PS_PER_S, 500 * PS_PER_S, 300).tolist():
        assert abs(clock.true_ps(clock.local_ps(time_ps)) - time_ps) <= 1
        assert abs(clock.local_ps(clock.true_ps(time_ps)) - time_ps) <= 1


def test_first_true_time_of_a_local_time() -> None:
    """One picosecond before, the clock still shows less."""
    clock = make_clock(seed=3)
    for local_ps in (10**9, 10**12 + 7, 5 * 10**13 + 1):
        first_ps = clock.first_true_ps(local_ps)
        assert clock.local_ps(first_ps - 1) < local_ps <= clock.local_ps(first_ps)


@pytest.mark.parametrize("rate_ppm", [-5000.0, 5000.0])
@pytest.mark.parametrize("start_ps", [0, 10**12])
def test_first_true_time_where_a_clock_stands_or_jumps(rate_ppm: float, start_ps: int) -> None:
    """It shows one time twice, or leaves one out, every 200 ps."""
    clock = make_clock(seed=3, rate_ppm=rate_ppm)
    for local_ps in range(start_ps, start_ps + 1000):
        first_ps = clock.first_true_ps(local_ps)
        assert clock.local_ps(first_ps - 1) < local_ps <= clock.local_ps(first_ps)


def test_answers_do_not_depend_on_the_order_of_questions() -> None:
    """Asking about the far future first changes no answer, bit for bit."""
    times_ps = [0, 3 * GRID_PS + 1, 10 * PS_PER_S, 400 * PS_PER_S + 7, 30_000 * PS_PER_S]
    forward = make_clock()
    backward = make_clock()
    asked = [forward.local_ps(time_ps) for time_ps in times_ps]
    assert asked == [backward.local_ps(time_ps) for time_ps in times_ps[::-1]][::-1]


def test_forgetting_changes_no_answer_and_bounds_memory() -> None:
    """Two hours, frame by frame: as a clock that remembers all, in the room of ten minutes."""
    keeping, forgetting = make_clock(), make_clock()
    most_bytes = 0
    for time_ps in range(0, 7200 * PS_PER_S, 30 * PS_PER_S):
        forgetting.forget(time_ps)
        for asked_ps in (time_ps - KEPT_PS, time_ps, time_ps + 120 * PS_PER_S + 7):
            assert forgetting.local_ps(asked_ps) == keeping.local_ps(asked_ps)
        clicks = pack(int64(time_ps, time_ps + GRID_PS + 1), int64(2, 1))
        assert (
            forgetting.digitise(clicks, tick_ps=10) == keeping.digitise(clicks, tick_ps=10)
        ).all()
        most_bytes = max(most_bytes, forgetting.memory_bytes)
    assert most_bytes <= 8 * 600 * PS_PER_S // GRID_PS < keeping.memory_bytes
    with pytest.raises(LookupError, match="forgotten"):
        forgetting.local_ps(0)


def error_by_numpy_ps(times_ps: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Local minus true time by NumPy alone, from the numbers that the seed gives.

    A step of the walk over T has sigma_y sqrt(T 1 s) of standard deviation.
    """
    rng, step_s, steps = generator(seed), 0.05, 70_000
    offset_s, rate = rng.uniform(-1e-3, 1e-3), rng.uniform(-0.5e-6, 0.5e-6)
    walk_s = np.zeros(steps + 1)
    np.cumsum(1e-10 * math.sqrt(step_s) * rng.standard_normal(steps), out=walk_s[1:])
    times_s = times_ps * 1e-12
    walked_s = np.interp(times_s, step_s * np.arange(steps + 1), walk_s)
    error_ps: NDArray[np.float64] = (offset_s + rate * times_s + walked_s) * 1e12
    return error_ps


@pytest.mark.parametrize("is_digitised", [False, True])
def test_a_clock_is_line_and_walk(*, is_digitised: bool) -> None:
    """Also before 0, and far off."""
    times_ps = int64(-(10**15) - 1, -(10**12), -1, 0, 1, GRID_PS, 7 * 10**12 + 3, 10**15 + 9)
    clock = make_clock(seed=4)
    if is_digitised:
        shown_ps = clock.digitise(pack(times_ps, 2), tick_ps=1) >> 2
    else:
        shown_ps = int64(*(clock.local_ps(time_ps) for time_ps in times_ps.tolist()))
    assert np.abs(shown_ps - times_ps - error_by_numpy_ps(times_ps, 4)).max() <= 0.51


def test_what_was_never_drawn_may_be_forgotten() -> None:
    """A clock that is told of an hour nobody has asked for goes on where the walk goes."""
    clock, time_ps = make_clock(seed=4), 3000 * PS_PER_S + 7
    clock.forget(time_ps)
    error_ps = clock.local_ps(time_ps) - time_ps
    assert abs(error_ps - error_by_numpy_ps(int64(time_ps), 4)[0]) <= 0.51


def test_giving_the_offset_changes_nothing_else() -> None:
    """Rate and walk are the same, whether the offset is drawn or given."""
    drawn, given = make_clock(), make_clock(offset_ps=0)
    assert given.rate_ppm == drawn.rate_ppm
    moved_ps = [drawn.local_ps(time_ps) - given.local_ps(time_ps) for time_ps in (0, 10**14)]
    assert all(abs(ps - drawn.offset_ps) <= 1 for ps in moved_ps)


def test_drawn_errors_lie_within_their_bounds_and_fill_them() -> None:
    """Offset and rate are uniform within the public bounds."""
    clocks = [make_clock(seed=seed) for seed in range(1000)]
    for bound, values in (
        (1e9, [clock.offset_ps for clock in clocks]),
        (0.5, [clock.rate_ppm for clock in clocks]),
    ):
        assert bound * 0.98 < max(values) <= bound
        assert -bound <= min(values) < -bound * 0.98
        assert abs(np.mean(values)) < 5 * bound / np.sqrt(3 * 1000)


@pytest.mark.parametrize("tick_ps", [1, 10, 81, 7_001])
def test_digitiser_is_the_scalar_clock(tick_ps: int) -> None:
    """The kernel cuts the very times that ``local_ps`` shows, before 0 and over the grid."""
    clock = make_clock(seed=2)
    times_ps = np.sort(generator(5).integers(-1000, 3 * PS_PER_S, 500))
    times_ps = np.concatenate((times_ps, int64(4 * GRID_PS * 20), int64(10**15)))
    clicks = pack(times_ps, np.arange(times_ps.size) % 4)
    expected = sorted(
        ((clock.local_ps(int(click) >> 2) // tick_ps) << 2) | (int(click) & 3) for click in clicks
    )
    assert clock.digitise(clicks, tick_ps=tick_ps).tolist() == expected


@pytest.mark.parametrize("tick_ps", [1, 10, 49, 81, 1_000_000])
@pytest.mark.parametrize("start_ps", [-(10**9), GRID_PS - 10**6, 10**15, 10**18])
def test_first_and_last_time_of_a_tick_are_of_it(start_ps: int, tick_ps: int) -> None:
    """Before 0, over an edge of the grid, and after a week; quotients of floats cut as integers."""
    first = start_ps // tick_ps
    ticks = np.repeat(np.arange(first, first + 1000), 2)
    times_ps = ticks * tick_ps
    times_ps[1::2] += tick_ps - 1
    line, walk_ps, cell = (0.0, 0.0), np.zeros(4), max(start_ps // GRID_PS, 0)
    tags = clock_module._digitise(pack(times_ps, 1), line, walk_ps, cell, tick_ps)
    assert (tags >> 2).tolist() == ticks.tolist()
    assert np.all(tags & 3 == 1)


def test_digitiser_kernel_is_its_interpreted_self(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled and interpreted digitisers give the same tags, bit for bit."""
    clicks = pack(np.sort(generator(5).integers(0, 3 * PS_PER_S, 500)), 1)
    compiled = make_clock().digitise(clicks, tick_ps=10)
    for name in ("_digitise", "_line_of", "_cut", "_put_in_order"):
        monkeypatch.setattr(clock_module, name, getattr(clock_module, name).py_func)
    assert np.array_equal(make_clock().digitise(clicks, tick_ps=10), compiled)


def test_tags_of_one_tick_are_in_order() -> None:
    """Clicks of several detectors within one tick come out ascending by detector."""
    clock = make_clock(allan_deviation_1s=0.0, offset_ps=0, rate_ppm=0.0)
    clicks = pack(int64(100, 101, 102, 103, 200), int64(3, 1, 2, 0, 1))
    tags = clock.digitise(clicks, tick_ps=100)
    assert (tags >> 2).tolist() == [1, 1, 1, 1, 2]
    assert (tags & 3).tolist() == [0, 1, 2, 3, 1]


def test_no_clicks_no_tags() -> None:
    """An empty frame stays empty."""
    assert make_clock().digitise(int64(), tick_ps=10).size == 0
