"""Kernels that read a course, and the filter, held against array functions that say the same."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.lanes import count_about, residuals_about
from protocols.bbm92.smoothing import (
    DRIFT_WALK_PER_S,
    RATE_WALK,
    differences_ps,
    follow_cells,
    near_course,
    smooth_announcement,
    solution,
    tangent_at,
)
from protocols.link import PS_PER_S


@pytest.mark.parametrize("knots", [0, 1, 2, 7])
def test_a_course_is_a_parabola_and_lines_between_knots(knots: int) -> None:
    """As `numpy.interp` has it, before, between and after the knots, whatever the order."""
    rng = np.random.default_rng(knots)
    zero_ps, state = 3 * PS_PER_S, np.array([120.0, -7.5e3, 40.0])
    knots_s = np.sort(rng.uniform(-1, 1, knots))
    beyond_ps = rng.normal(0, 500, knots)
    times_ps = zero_ps + rng.integers(-2 * PS_PER_S, 2 * PS_PER_S, 300)
    elapsed_s = (times_ps - zero_ps) / PS_PER_S
    expected_ps = np.polynomial.polynomial.polyval(elapsed_s, state * [1.0, 1.0, 0.5])
    if knots:
        expected_ps += np.interp(elapsed_s, knots_s, beyond_ps)
    course = (zero_ps, state, knots_s, beyond_ps)
    found_ps, slopes = np.transpose([tangent_at(time_ps, *course) for time_ps in times_ps.tolist()])
    assert found_ps == pytest.approx(expected_ps, abs=1e-9, rel=1e-12)
    assert slopes == pytest.approx(state[1] + state[2] * elapsed_s)
    every = np.arange(times_ps.size)
    early_ps = differences_ps(times_ps, times_ps, every, every, 0.0, *course)
    assert np.abs(early_ps + expected_ps).max() <= 0.5 + 1e-9


def test_residuals_are_those_within_half_a_window_of_a_peak() -> None:
    """In order, by each of them; the lower edge belongs to a window, the upper one does not."""
    peaks_ps = np.array([-1_000, 0, 150])
    differences_ps = np.array([249, -1_100, -1_000, -901, -900, 99, 100, 250, 5_000])
    at, values_ps = residuals_about(peaks_ps, differences_ps, 100)
    assert at.tolist() == [0, 1, 2, 3, 5, 5, 6]
    assert values_ps.tolist() == [99.0, -100.0, 0.0, 99.0, 99.0, -51.0, -50.0]
    assert count_about(peaks_ps, differences_ps, 100) == 7


def test_residuals_near_a_course_are_those_about_its_parabola_less_what_is_beyond() -> None:
    """By hand, with one knot 300 ps beyond; the edge on both sides belongs to the window."""
    times_ps = np.array([0, PS_PER_S, 2 * PS_PER_S, 3 * PS_PER_S])
    residuals_ps = np.array([300.0, 350.0, 249.0, 400.0])
    state, knots_s, beyond_ps = np.array([7.0, 5.0, 2.0]), np.array([1.0]), np.array([300.0])
    near_ps = near_course(times_ps, residuals_ps, 50.0, 0, state, knots_s, beyond_ps)
    assert near_ps.tolist() == [0.0, 50.0]
    near_ps = near_course(times_ps, residuals_ps, 51.0, 0, state, knots_s, beyond_ps)
    assert near_ps.tolist() == [0.0, 50.0, -51.0]


def test_differences_are_about_the_course_and_a_shift() -> None:
    """Own time less announced time less the parabola less the shift, to the picosecond."""
    announced_ps = np.array([0, PS_PER_S, 2 * PS_PER_S])
    own_ps = np.array([1_000, PS_PER_S + 1_110, 2 * PS_PER_S + 1_333])
    state, none = np.array([1_000.0, 100.0, 20.0]), np.empty(0)
    announced, own = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])
    found_ps = differences_ps(announced_ps, own_ps, announced, own, 0.4, 0, state, none, none)
    assert found_ps.tolist() == [0, 0, 93, -PS_PER_S - 130]


def moved(step_s: float) -> NDArray[np.float64]:
    """(3, 3): offset, rate and drift after a step."""
    return np.array([[1.0, step_s, step_s**2 / 2], [0.0, 1.0, step_s], [0.0, 0.0, 1.0]])


def noise_of(step_s: float, walk_ps: float) -> NDArray[np.float64]:
    """(3, 3): what white noise of offset, rate and drift makes of a step; by quadrature."""
    powers = np.diag([walk_ps, RATE_WALK * PS_PER_S, DRIFT_WALK_PER_S * PS_PER_S]) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(6)
    parts = (
        weight * moved(step_s * (node + 1) / 2) @ powers @ moved(step_s * (node + 1) / 2).T
        for node, weight in zip(nodes, weights, strict=True)
    )
    return sum(parts, np.zeros((3, 3))) * abs(step_s) / 2


@pytest.mark.parametrize("seed", range(20))
def test_a_covariance_is_taken_off_as_numpy_does(seed: int) -> None:
    """Of covariances whose scales are far apart."""
    rng = np.random.default_rng(seed)
    scales, root = 10.0 ** rng.uniform(-3, 6, 3), rng.normal(size=(3, 3))
    covariance = scales[:, None] * (root @ root.T) * scales
    right = covariance @ (rng.normal(size=3) / scales)
    found = np.array(solution(covariance, right))
    assert found * scales == pytest.approx(np.linalg.solve(covariance, right) * scales, rel=1e-6)


def test_no_solution_is_an_error() -> None:
    """Never infinite numbers in silence."""
    with pytest.raises(ZeroDivisionError):
        solution(np.ones((3, 3)), np.ones(3))


@pytest.mark.parametrize("known", [0, 7])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_filter_finds_what_all_cells_together_say(sign: float, known: int) -> None:
    """The most likely course of all cells at once, by least squares over all their states.

    Each step, the beginning and each cell's mean is an equation, as sure as its covariance has it;
    cell 3 is empty. Rauch, Tung and Striebel 1965: the smoother is that solution. Where residuals
    are looked for says nothing, as long as all are found there.
    """
    rng = np.random.default_rng(5)
    cells, walk_ps, variance = 7, 40.0, 900.0
    steps_s, sizes = sign * rng.uniform(0.05, 0.4, cells), rng.integers(1, 5, cells)
    sizes[3] = 0
    stops = np.cumsum(sizes)
    residuals_ps, course_ps_ = rng.normal(0, 30, stops[-1]), rng.normal(0, 20, cells)
    state, covariance = np.array([10.0, 30.0, -20.0]), np.diag([50.0, 80.0, 60.0]) ** 2
    covariance[0, 1] = covariance[1, 0] = 700.0
    filtered, kept, offsets_ps = follow_cells(
        state.copy(),
        covariance.copy(),
        steps_s,
        stops - sizes,
        stops,
        residuals_ps,
        course_ps_,
        1e6,
        walk_ps,
        1.0,
        variance,
        rng.normal(0, 1_000, known),
    )
    precision, right = np.zeros((3 * cells + 3,) * 2), np.zeros(3 * cells + 3)
    precision[:3, :3] = np.linalg.inv(covariance)
    right[:3] = precision[:3, :3] @ state
    for k, step_s in enumerate(steps_s.tolist()):
        equation = np.zeros((3, 3 * cells + 3))
        equation[:, 3 * k : 3 * k + 3], equation[:, 3 * k + 3 : 3 * k + 6] = (
            -moved(step_s),
            np.eye(3),
        )
        precision += equation.T @ np.linalg.solve(noise_of(step_s, walk_ps), equation)
        of_cell = residuals_ps[stops[k] - sizes[k] : stops[k]] + course_ps_[k]
        precision[3 * k + 3, 3 * k + 3] += of_cell.size / variance
        right[3 * k + 3] += of_cell.sum() / variance
    likeliest = np.linalg.solve(precision, right)
    assert offsets_ps == pytest.approx(likeliest[3::3], rel=1e-6, abs=1e-6)
    assert filtered == pytest.approx(likeliest[-3:], rel=1e-6, abs=1e-6)
    assert kept == pytest.approx(np.linalg.inv(precision)[-3:, -3:], rel=1e-6)


def test_residuals_count_near_a_known_course_alone() -> None:
    """Of five about it and one far off in a single cell, the mean of the five, undiluted by half.

    By hand: the cell is known to 10 ps, its mean, 20 / 0.5 about 100, to 10 ps as well.
    """
    residuals_ps = np.array([118.0, 119.0, 120.0, 121.0, 122.0, 151.0])
    filtered, kept, offsets_ps = follow_cells(
        np.array([1_000.0, 0.0, 0.0]),
        np.diag([100.0, 0.0, 0.0]),
        np.zeros(1),
        np.array([0]),
        np.array([6]),
        residuals_ps,
        np.array([1_000.0]),
        50.0,
        0.0,
        0.5,
        0.25 * 5 * 100.0,
        np.array([100.0]),
    )
    assert filtered[0] == pytest.approx(1_000 + (100 + 20 / 0.5) / 2)
    assert kept[0, 0] == pytest.approx(50.0)
    assert offsets_ps[0] == filtered[0]


@pytest.mark.parametrize("known", [0, 5])
def test_an_announcement_looks_the_same_in_a_mirror(known: int) -> None:
    """Backwards from behind its end, with times and rates of the other sign: the same course.

    Its residuals are those about straight lines between the middles of its cells.
    """
    rng = np.random.default_rng(3)
    knots_ps = np.array([1, 3, 5, 7, 9]) * (PS_PER_S // 100)
    times_ps = np.sort(rng.integers(0, 10 * (PS_PER_S // 100), 400))
    wander_ps = np.cumsum(rng.normal(0, 5, times_ps.size))
    residuals_ps = wander_ps + rng.normal(0, 30, times_ps.size)
    state, zero_ps = np.array([3e6, 1.9e5, 90.0]), -PS_PER_S // 100
    middle = np.array([60.0, 0.0, 0.0]) + moved(0.06) @ state
    covariance = np.diag([200.0, 300.0, 200.0]) ** 2
    covariance[0, 1] = covariance[1, 0] = 2e4
    numbers, known_ps = (1_000.0, 50.0, 0.8, 900.0), rng.normal(0, 400, known)
    middle_ps = int(knots_ps[2])
    ahead = smooth_announcement(
        times_ps,
        residuals_ps,
        knots_ps,
        middle_ps,
        middle,
        zero_ps,
        state,
        covariance,
        *numbers,
        False,
        known_ps,
    )
    turn = np.array([1.0, -1.0, 1.0])
    back = smooth_announcement(
        -times_ps[::-1].copy(),
        residuals_ps[::-1].copy(),
        -knots_ps[::-1].copy(),
        -middle_ps,
        turn * middle,
        -zero_ps,
        turn * state,
        np.outer(turn, turn) * covariance,
        *numbers,
        True,
        known_ps[::-1].copy(),
    )
    assert back[0] == pytest.approx(turn * ahead[0], rel=1e-9)
    assert back[1] == pytest.approx(np.outer(turn, turn) * ahead[1], rel=1e-6, abs=1e-6)
    assert back[2][::-1] == pytest.approx(ahead[2], rel=1e-9, abs=1e-6)
    left_ps = residuals_ps - np.interp(times_ps, knots_ps, ahead[2])
    assert ahead[3] == pytest.approx(left_ps[np.abs(left_ps) <= 1_000], abs=1e-6)
    assert np.std(left_ps) < 0.8 * np.std(residuals_ps)
