"""Kalman filter and smoother of a clock's offset, rate and drift through one announcement.

It knows residuals about expected peaks and their times, nothing of lanes, lights and rounds. The
announcement is cut into cells so short that a wandering clock moves by much less than a peak's
width in each; every cell gives one measurement, the mean of the residuals near the course that the
cells before it predict. A second pass, back through the cells, lets each know of those after it
(Rauch, Tung and Striebel, AIAA J. 3, 1445 (1965)).

Times are in seconds, offsets in ps, rates in ps/s (1e-12), drifts in ps/s^2. Time may run
backwards: the cells then come in descending order.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.compiled import kernel

RATE_WALK = 1e-11
"""Random walk of the rate in 1 s."""
DRIFT_WALK_PER_S = 3e-10
"""Random walk, in 1 s, of the rate's change in 1 s."""
PS_PER_S = 1e12


@kernel
def advance(
    state: NDArray[np.float64], covariance: NDArray[np.float64], step_s: float, walk_ps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State (3,) and covariance (3, 3) after ``step_s`` (of either sign).

    Noise: white frequency noise (``walk_ps`` in 1 s), and random walks of rate and drift, each
    integrated over the step.
    """
    half, moved, spread = step_s**2 / 2, np.empty(3), np.empty((3, 3))
    moved[0] = state[0] + step_s * state[1] + half * state[2]
    moved[1], moved[2] = state[1] + step_s * state[2], state[2]
    for k in range(3):
        one, two, three = covariance[0, k], covariance[1, k], covariance[2, k]
        spread[0, k], spread[1, k] = one + step_s * two + half * three, two + step_s * three
        spread[2, k] = three
    for k in range(3):
        one, two, three = spread[k, 0], spread[k, 1], spread[k, 2]
        spread[k, 0], spread[k, 1] = one + step_s * two + half * three, two + step_s * three
    long_s, sign = abs(step_s), np.sign(step_s)
    rate_noise, drift_noise = (RATE_WALK * PS_PER_S) ** 2, (DRIFT_WALK_PER_S * PS_PER_S) ** 2
    of_both = sign * (rate_noise * long_s**2 / 2 + drift_noise * long_s**4 / 8)
    spread[0, 0] += walk_ps**2 * long_s
    spread[0, 0] += rate_noise * long_s**3 / 3 + drift_noise * long_s**5 / 20
    spread[1, 1] += rate_noise * long_s + drift_noise * long_s**3 / 3
    spread[2, 2] += drift_noise * long_s
    spread[0, 1] += of_both
    spread[1, 0] += of_both
    spread[0, 2] += drift_noise * long_s**3 / 6
    spread[2, 0] += drift_noise * long_s**3 / 6
    spread[1, 2] += sign * drift_noise * long_s**2 / 2
    spread[2, 1] += sign * drift_noise * long_s**2 / 2
    return moved, spread


@kernel
def smooth_announcement(  # noqa: PLR0917 - a kernel takes arrays, not objects
    times_ps: NDArray[np.int64],
    residuals_ps: NDArray[np.float64],
    knots_ps: NDArray[np.int64],
    middle_ps: int,
    middle: NDArray[np.float64],
    zero_ps: int,
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    half_ps: float,
    walk_ps: float,
    share: float,
    variance: float,
    is_backward: bool,  # noqa: FBT001
    known_ps: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """`follow_cells` with cells about knots, and what is near the course that it finds.

    Parameters
    ----------
    times_ps, residuals_ps : (K,)
        In order of time, less the course that ``middle`` (3,) predicts from ``middle_ps`` on.
    knots_ps : (N,) int64
        Ascending middles of the cells.
    zero_ps, state, covariance : int, (3,), (3, 3)
        Before the first cell; after the last one, if time runs backwards.
    known_ps : (N,) or (0,) float64
        Offsets less the predicted ones near which residuals count; see `follow_cells`.

    Returns
    -------
    (3,), (3, 3), (N,), (L,) float64
        State and covariance in the last cell (the first one), the smoothed offsets less the
        predicted ones, and the residuals within ``half_ps`` of them (see `near_course`).
    """
    cells = knots_ps.size
    starts, stops = _cells(times_ps, knots_ps)
    knots_s, steps_s = np.empty(cells), np.empty(cells)
    predicted_ps, beyond_ps = np.empty(cells), np.empty(cells)
    for k in range(cells):
        knots_s[k] = (knots_ps[k] - middle_ps) / PS_PER_S
        predicted_ps[k] = parabola_at(knots_s[k], middle)
    if is_backward:
        knots_ps, predicted_ps = knots_ps[::-1].copy(), predicted_ps[::-1].copy()
        starts, stops = starts[::-1].copy(), stops[::-1].copy()
        known_ps = known_ps[::-1].copy()
    for k in range(cells):
        steps_s[k] = (knots_ps[k] - zero_ps) / PS_PER_S
        zero_ps = knots_ps[k]
    state, covariance, offsets_ps = follow_cells(
        state,
        covariance,
        steps_s,
        starts,
        stops,
        residuals_ps,
        predicted_ps,
        half_ps,
        walk_ps,
        share,
        variance,
        known_ps,
    )
    for k in range(cells):
        beyond_ps[cells - 1 - k if is_backward else k] = offsets_ps[k] - predicted_ps[k]
    near_ps = near_course(times_ps, residuals_ps, half_ps, middle_ps, middle, knots_s, beyond_ps)
    return state, covariance, beyond_ps, near_ps


@kernel
def _cells(
    times_ps: NDArray[np.int64], knots_ps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each cell (N,) begins and ends in ascending times, halfway from knot to knot."""
    starts, stops = np.empty_like(knots_ps), np.empty_like(knots_ps)
    starts[0], stops[-1] = 0, times_ps.size
    for k in range(1, knots_ps.size):
        edge_ps = (knots_ps[k] + knots_ps[k - 1]) // 2
        starts[k] = stops[k - 1] = np.searchsorted(times_ps, edge_ps)
    return starts, stops


@kernel
def follow_cells(  # noqa: PLR0917 - a kernel takes arrays, not objects
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    steps_s: NDArray[np.float64],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    residuals_ps: NDArray[np.float64],
    course_ps: NDArray[np.float64],
    half_ps: float,
    walk_ps: float,
    share: float,
    variance: float,
    known_ps: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Filter and smooth.

    Parameters
    ----------
    state, covariance : (3,), (3, 3) float64
        Before the first cell.
    steps_s : (N,) float64
        From the state to the middle of the first cell, and from each middle to the next.
    starts, stops : (N,) int64
        Where the residuals of each cell begin and end.
    residuals_ps : (K,) float64
        Of the pairs near the expected peaks, less ``course_ps`` at their time.
    course_ps : (N,) float64
        The course that the residuals were taken about, at the middle of each cell.
    half_ps : float
        Residuals within this of the known course count.
    walk_ps : float
        White frequency noise in 1 s.
    share : float
        Of related pairs among them: unrelated ones dilute the mean.
    variance : float
        Of the residuals of one pair.
    known_ps : (N,) or (0,) float64
        The known course less ``course_ps``; if there is none, it is what the cells before predict.

    Returns
    -------
    (3,), (3, 3), (N,) float64
        State and covariance at the middle of the last cell; smoothed offset in each.
    """
    cells = steps_s.size
    filtered, predicted = np.empty((cells, 3)), np.empty((cells, 3))
    kept, expected, gain = np.empty((cells, 3, 3)), np.empty((cells, 3, 3)), np.empty(3)
    for k in range(cells):
        state, covariance = advance(state, covariance, steps_s[k], walk_ps)
        _copy_matrix(covariance, expected[k])
        for i in range(3):
            predicted[k, i] = state[i]
        ahead_ps = known_ps[k] + course_ps[k] - state[0] if known_ps.size else 0.0
        about_ps = state[0] + ahead_ps - course_ps[k]
        total, count = 0.0, 0
        for i in range(starts[k], stops[k]):
            away_ps = residuals_ps[i] - about_ps
            if -half_ps <= away_ps < half_ps:
                total += away_ps
                count += 1
        if count:
            noise = variance / (count * share**2)
            ahead_ps += total / (count * share)
            for i in range(3):
                gain[i] = covariance[i, 0] / (covariance[0, 0] + noise)
            for i in range(2, -1, -1):  # row 0, which all need, last
                state[i] += gain[i] * ahead_ps
                for j in range(3):
                    covariance[i, j] -= gain[i] * covariance[0, j]
        _copy_matrix(covariance, kept[k])
        for i in range(3):
            filtered[k, i] = state[i]
    offsets_ps = _smooth_back(filtered, predicted, kept, expected, steps_s)
    return filtered[cells - 1], kept[cells - 1], offsets_ps


@kernel
def _copy_matrix(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Copy (3, 3) in loops: slices take many times as long to compile."""
    for row in range(3):
        for column in range(3):
            target[row, column] = source[row, column]


@kernel
def _smooth_back(
    filtered: NDArray[np.float64],
    predicted: NDArray[np.float64],
    kept: NDArray[np.float64],
    expected: NDArray[np.float64],
    steps_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(N,) offsets that know of the cells after theirs.

    From states (N, 3) and covariances (N, 3, 3) with and without the measurement of their cell,
    and the steps (N,) to it.
    """
    cells = filtered.shape[0]
    smooth, away = filtered[cells - 1].copy(), np.empty(3)
    offsets_ps = np.empty(cells)
    offsets_ps[cells - 1] = smooth[0]
    for k in range(cells - 2, -1, -1):
        for i in range(3):
            away[i] = smooth[i] - predicted[k + 1, i]
        one, two, three = solution(expected[k + 1], away)
        # By the transition of the step, transposed.
        step_s = steps_s[k + 1]
        three += step_s * two + step_s**2 / 2 * one
        two += step_s * one
        for i in range(3):
            smooth[i] = filtered[k, i]
            smooth[i] += kept[k, i, 0] * one + kept[k, i, 1] * two + kept[k, i, 2] * three
        offsets_ps[k] = smooth[0]
    return offsets_ps


@kernel
def solution(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float, float]:
    """X with ``matrix`` X = ``right`` (3,), for a covariance (3, 3): its factors are L D L^T.

    Written out: compiled `numpy.linalg` needs scipy, and its sums differ between processors.
    ZeroDivisionError if there is none.
    """
    first, by_first, of_third = matrix[0, 0], matrix[1, 0] / matrix[0, 0], matrix[2, 0]
    third_by_first = of_third / first
    second = matrix[1, 1] - by_first * matrix[1, 0]
    left = matrix[2, 1] - by_first * of_third
    by_second = left / second
    third = matrix[2, 2] - third_by_first * of_third - by_second * left
    two = right[1] - by_first * right[0]
    three = (right[2] - third_by_first * right[0] - by_second * two) / third
    two = two / second - by_second * three
    return right[0] / first - by_first * two - third_by_first * three, two, three


@kernel
def tangent_at(
    time_ps: int,
    zero_ps: int,
    state: NDArray[np.float64],
    knots_s: NDArray[np.float64],
    beyond_ps: NDArray[np.float64],
) -> tuple[float, float]:
    """Offset (ps) by a parabola and what is beyond it at knots; slope (ps/s) of the parabola alone.

    Parameters
    ----------
    zero_ps : int
        Where the parabola has the offset, rate and drift of ``state``.
    state : (3,) float64
    knots_s : (N,) float64
        Ascending, from ``zero_ps``.
    beyond_ps : (N,) or (0,) float64
        Between knots straight lines, outside of them the nearest one; nothing if there are none.
    """
    slopes, elapsed_s = slopes_between(knots_s, beyond_ps), (time_ps - zero_ps) / PS_PER_S
    offset_ps, _ = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, np.uint64(0))
    return offset_ps, state[1] + state[2] * (time_ps - zero_ps) / PS_PER_S


@kernel
def parabola_at(elapsed_s: float, state: NDArray[np.float64]) -> float:
    """Offset (ps) of ``state`` (3,) so much later."""
    return float(state[0] + elapsed_s * (state[1] + state[2] / 2 * elapsed_s))


@kernel
def slopes_between(
    knots_s: NDArray[np.float64], beyond_ps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N - 1,) of the straight lines from each knot to the next."""
    slopes = np.empty(max(beyond_ps.size - 1, 0))
    for j in range(slopes.size):
        slopes[j] = (beyond_ps[j + 1] - beyond_ps[j]) / (knots_s[j + 1] - knots_s[j])
    return slopes


@kernel
def offset_at(  # noqa: PLR0917 - a kernel takes arrays, not objects
    elapsed_s: float,
    state: NDArray[np.float64],
    knots_s: NDArray[np.float64],
    beyond_ps: NDArray[np.float64],
    slopes: NDArray[np.float64],
    j: np.uint64,
) -> tuple[float, np.uint64]:
    """That of `tangent_at`, and the knot before it, looked for from knot ``j`` on."""
    offset_ps, one = parabola_at(elapsed_s, state), np.uint64(1)
    if beyond_ps.size == 0:
        return offset_ps, j
    last = np.uint64(beyond_ps.size - 1)
    while j > np.uint64(0) and elapsed_s < knots_s[j]:
        j -= one
    while j < last and elapsed_s >= knots_s[j + one]:
        j += one
    if j == last or elapsed_s <= knots_s[j]:
        return offset_ps + beyond_ps[j], j
    return offset_ps + (slopes[j] * (elapsed_s - knots_s[j]) + beyond_ps[j]), j


@kernel
def differences_ps(  # noqa: PLR0917 - a kernel takes arrays, not objects
    announced_ps: NDArray[np.int64],
    own_ps: NDArray[np.int64],
    announced: NDArray[np.int64],
    own: NDArray[np.int64],
    shift_ps: float,
    zero_ps: int,
    state: NDArray[np.float64],
    knots_s: NDArray[np.float64],
    beyond_ps: NDArray[np.float64],
) -> NDArray[np.int64]:
    """(K,) own less predicted times of pairs, by indices (K,) of their clicks.

    The prediction is that of `tangent_at` and ``shift_ps``, rounded to ps.
    """
    out, slopes = np.empty_like(announced), slopes_between(knots_s, beyond_ps)
    j = np.uint64(0)  # indices are unsigned: a signed one is tested for counting from the end
    for k in range(announced.size):
        time_ps = announced_ps[np.uint64(announced[k])]
        elapsed_s = (time_ps - zero_ps) / PS_PER_S
        offset_ps, j = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, j)
        late_ps = own_ps[np.uint64(own[k])] - time_ps
        out[k] = late_ps - np.int64(np.rint(offset_ps + shift_ps))
    return out


@kernel
def near_course(  # noqa: PLR0917 - a kernel takes arrays, not objects
    times_ps: NDArray[np.int64],
    residuals_ps: NDArray[np.float64],
    half_ps: float,
    zero_ps: int,
    state: NDArray[np.float64],
    knots_s: NDArray[np.float64],
    beyond_ps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(L,) distances from a course of those within ``half_ps`` of it.

    Of residuals (K,) at ``times_ps`` about its parabola alone.
    """
    near, count = np.empty(times_ps.size), np.int64(0)
    slopes, j = slopes_between(knots_s, beyond_ps), np.uint64(0)
    for k in range(times_ps.size):
        elapsed_s = (times_ps[k] - zero_ps) / PS_PER_S
        offset_ps, j = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, j)
        near[count] = residuals_ps[k] - (offset_ps - parabola_at(elapsed_s, state))
        count += np.int64(abs(near[count]) <= half_ps)
    return near[:count].copy()
