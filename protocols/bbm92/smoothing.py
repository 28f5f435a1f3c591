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

from protocols.bbm92.matrices import applied, product, solution
from protocols.compiled import kernel

RATE_WALK = 1e-11
"""Random walk of the rate in 1 s."""
DRIFT_WALK_PER_S = 3e-10
"""Random walk, in 1 s, of the rate's change in 1 s."""
PS_PER_S = 1e12


@kernel
def advance(
    state: NDArray[np.float64], covariance: NDArray[np.float64], step_s: float, walk_ps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """State (3,), covariance (3, 3) after ``step_s`` (of either sign), and the transition (3, 3).

    Noise: white frequency noise (``walk_ps`` in 1 s), and random walks of rate and drift, each
    integrated over the step.
    """
    move = np.zeros((3, 3))
    move[0, 0] = move[1, 1] = move[2, 2] = 1.0
    move[0, 1] = move[1, 2] = step_s
    move[0, 2] = step_s**2 / 2
    long_s, sign = abs(step_s), np.sign(step_s)
    rate_noise, drift_noise = (RATE_WALK * PS_PER_S) ** 2, (DRIFT_WALK_PER_S * PS_PER_S) ** 2
    noise = np.zeros((3, 3))
    noise[0, 0] = walk_ps**2 * long_s + rate_noise * long_s**3 / 3 + drift_noise * long_s**5 / 20
    noise[1, 1] = rate_noise * long_s + drift_noise * long_s**3 / 3
    noise[2, 2] = drift_noise * long_s
    noise[0, 1] = noise[1, 0] = sign * (rate_noise * long_s**2 / 2 + drift_noise * long_s**4 / 8)
    noise[0, 2] = noise[2, 0] = drift_noise * long_s**3 / 6
    noise[1, 2] = noise[2, 1] = sign * drift_noise * long_s**2 / 2
    carried, spread = product(move, covariance), np.empty((3, 3))
    for row in range(3):
        for column in range(3):
            total = 0.0
            for k in range(3):
                total += carried[row, k] * move[column, k]
            spread[row, column] = total + noise[row, column]
    return applied(move, state), spread, move


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
        Residuals within this of the predicted course count.
    walk_ps : float
        White frequency noise in 1 s.
    share : float
        Of related pairs among them: unrelated ones dilute the mean.
    variance : float
        Of the residuals of one pair.

    Returns
    -------
    (3,), (3, 3), (N,) float64
        State and covariance at the middle of the last cell; smoothed offset in each.
    """
    cells = steps_s.size
    filtered, predicted = np.empty((cells, 3)), np.empty((cells, 3))
    kept, expected = np.empty((cells, 3, 3)), np.empty((cells, 3, 3))
    moves, gain = np.empty((cells, 3, 3)), np.empty(3)
    for k in range(cells):
        state, covariance, move = advance(state, covariance, steps_s[k], walk_ps)
        copy_matrix(move, moves[k])
        copy_matrix(covariance, expected[k])
        for i in range(3):
            predicted[k, i] = state[i]
        about_ps = state[0] - course_ps[k]
        total, count = 0.0, 0
        for i in range(starts[k], stops[k]):
            away_ps = residuals_ps[i] - about_ps
            if -half_ps <= away_ps < half_ps:
                total += away_ps
                count += 1
        if count:
            noise = variance / (count * share**2)
            mean_ps = total / (count * share)
            for i in range(3):
                gain[i] = covariance[i, 0] / (covariance[0, 0] + noise)
            for i in range(2, -1, -1):  # row 0, which all need, last
                state[i] += gain[i] * mean_ps
                for j in range(3):
                    covariance[i, j] -= gain[i] * covariance[0, j]
        copy_matrix(covariance, kept[k])
        for i in range(3):
            filtered[k, i] = state[i]
    offsets_ps = smooth_back(filtered, predicted, kept, expected, moves)
    return filtered[cells - 1], kept[cells - 1], offsets_ps


@kernel
def copy_matrix(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Copy (3, 3), in loops: see `protocols.bbm92.matrices`."""
    for row in range(3):
        for column in range(3):
            target[row, column] = source[row, column]


@kernel
def smooth_back(
    filtered: NDArray[np.float64],
    predicted: NDArray[np.float64],
    kept: NDArray[np.float64],
    expected: NDArray[np.float64],
    moves: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(N,) offsets that know of the cells after theirs.

    From states (N, 3) and covariances (N, 3, 3) with and without the measurement of their cell,
    and transitions (N, 3, 3).
    """
    cells = filtered.shape[0]
    smooth, away = np.empty(3), np.empty(3)
    for i in range(3):
        smooth[i] = filtered[cells - 1, i]
    offsets_ps = np.empty(cells)
    offsets_ps[cells - 1] = smooth[0]
    for k in range(cells - 2, -1, -1):
        back = solution(expected[k + 1], product(moves[k + 1], kept[k]))
        for i in range(3):
            away[i] = smooth[i] - predicted[k + 1, i]
        for i in range(3):
            total = 0.0
            for j in range(3):
                total += back[j, i] * away[j]
            smooth[i] = filtered[k, i] + total
        offsets_ps[k] = smooth[0]
    return offsets_ps


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
    offset_ps, _ = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, 0)
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
    j: int,
) -> tuple[float, int]:
    """That of `tangent_at`, and the knot before it, looked for from knot ``j`` on."""
    offset_ps = parabola_at(elapsed_s, state)
    last = beyond_ps.size - 1
    if last < 0:
        return offset_ps, j
    while j > 0 and elapsed_s < knots_s[j]:
        j -= 1
    while j < last and elapsed_s >= knots_s[j + 1]:
        j += 1
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
    out, slopes, j = np.empty_like(announced), slopes_between(knots_s, beyond_ps), 0
    for k in range(announced.size):
        time_ps = announced_ps[announced[k]]
        elapsed_s = (time_ps - zero_ps) / PS_PER_S
        offset_ps, j = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, j)
        out[k] = own_ps[own[k]] - time_ps - np.int64(np.rint(offset_ps + shift_ps))
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
    slopes, j = slopes_between(knots_s, beyond_ps), 0
    for k in range(times_ps.size):
        elapsed_s = (times_ps[k] - zero_ps) / PS_PER_S
        offset_ps, j = offset_at(elapsed_s, state, knots_s, beyond_ps, slopes, j)
        near[count] = residuals_ps[k] - (offset_ps - parabola_at(elapsed_s, state))
        count += np.int64(abs(near[count]) <= half_ps)
    return near[:count].copy()
