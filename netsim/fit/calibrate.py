"""A fit from its inputs to its result: the one entry for programs; prints and writes nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.fit.choice import data_of
from netsim.fit.data import values_and_deviations
from netsim.fit.degeneracy import sparse_basis
from netsim.fit.free_numbers import Number, Scale, free_numbers
from netsim.fit.measured import read_measured
from netsim.fit.places import tables_of
from netsim.fit.problem import Problem, without_idle
from netsim.fit.results import Change, Combination, Fit, FittedDatum, FittedNumber
from netsim.fit.solve import Solution, covariance, faint_directions, prior_jacobian, solve
from netsim.topology.load import load_topology
from netsim.topology.network import build_network

Vector = NDArray[np.float64]

DIGITS = 8
"""Significant digits of a fitted number: what is printed is what was judged."""
PART = 0.1
"""Share of the largest change below which a number is left out of a faint combination."""
TOUCHED = 1e-3
"""Share of a number's natural step in the open directions, above which the data leave it open."""


def fit_topology(
    topology: str | Path,
    measured: Sequence[str | Path],
    *,
    free: Sequence[str],
    common: Sequence[str] = (),
    priors: Sequence[str] = (),
    relative_error: float = 0.01,
) -> Fit:
    """Fit numbers of a topology to measured rates and error rates, by the analytic twin.

    Parameters
    ----------
    topology : str or Path
        As in `netsim.topology.load.load_topology`; its values are the start, and the centre of
        priors.
    measured : sequence of str or Path
        Tables, see `netsim.fit.measured`.
    free, common, priors : sequence of str
        Paths of the numbers to fit, ties and widths, see `netsim.fit.free_numbers.free_numbers`.
    relative_error : float
        Of figures without a standard deviation, > 0.

    Raises
    ------
    ConfigError
        Faults of the topology, the tables or the paths, all of one kind at once; too few data.
    """
    spec = load_topology(topology)
    data = data_of(
        read_measured([Path(path) for path in measured]),
        build_network(spec),
        relative_error=relative_error,
    )
    tables = tables_of(spec)
    numbers = free_numbers(tables, free=free, common=common, priors=priors)
    problem, idle = without_idle(Problem(tables, numbers, data))
    _refuse_too_few_data(problem, idle)
    solution = solve(problem)
    return _Judge(problem, solution).fit(
        topology=str(topology),
        sources=tuple(map(str, measured)),
        relative_error=relative_error,
        idle=tuple(place.path for number in idle for place in number.places),
    )


def _refuse_too_few_data(problem: Problem, idle: Sequence[Number]) -> None:
    data, free = problem.data.count, len(problem.numbers)
    if not free:
        names = ", ".join(number.path for number in idle)
        raise ConfigError.of("--free", f"no datum depends on {names}")
    if data + problem.priors < free:
        priors = f" and {problem.priors} priors" if problem.priors else ""
        message = (
            f"{free} free numbers, but only {data} independent data{priors}: measure more, free "
            "fewer, tie some together (--common), or say what is known of them (--prior)"
        )
        raise ConfigError.of("--free", message)


class _Judge:
    """Says what a solution is worth."""

    def __init__(self, problem: Problem, solution: Solution) -> None:
        self._problem, self._solution = problem, solution
        self._bounds = [
            number.bound_at(coordinate)
            for number, coordinate in zip(problem.numbers, solution.coordinates, strict=True)
        ]
        _, self._open = covariance(solution.jacobian)

    def fit(
        self,
        *,
        topology: str,
        sources: tuple[str, ...],
        relative_error: float,
        idle: tuple[str, ...],
    ) -> Fit:
        """All of it."""
        problem, solution = self._problem, self._solution
        numbers = tuple(self._numbers())
        rounded = np.array(
            [
                number.scale.to_coordinate(fitted.fitted)
                for number, fitted in zip(problem.numbers, numbers, strict=True)
            ]
        )
        forecast = problem.forecast(rounded)
        values, deviations = values_and_deviations(problem.data.data, forecast)
        return Fit(
            topology=topology,
            sources=sources,
            numbers=numbers,
            data=tuple(
                FittedDatum(d.item, d.quantity, d.value, value, deviation, d.is_used, d.note)
                for d, value, deviation in zip(problem.data.data, values, deviations, strict=True)
            ),
            independent_data=problem.data.count,
            relative_error=relative_error,
            chi2=float(np.sum(problem.residuals(rounded) ** 2)),
            is_converged=solution.is_converged,
            evaluations=solution.evaluations,
            open_combinations=tuple(
                self._combination(row, 0.0, 0.0) for row in sparse_basis(self._open)
            ),
            faint_combinations=tuple(
                self._combination(row, effect, PART)
                for effect, row in faint_directions(solution.jacobian)
            ),
            idle=idle,
            remarks=problem.data.remarks,
            total_skr_bps=forecast.prediction.total_skr_bps,
        )

    def _numbers(self) -> Iterator[FittedNumber]:
        is_open = np.linalg.norm(self._open, axis=0) > TOUCHED
        sigmas = self._sigmas()
        for index, number in enumerate(self._problem.numbers):
            coordinate = float(self._solution.coordinates[index])
            fitted = float(f"{number.scale.to_value(coordinate):.{DIGITS}g}")
            yield FittedNumber(
                paths=tuple(place.path for place in number.places),
                start=number.start,
                fitted=min(max(fitted, number.low), number.high),
                sigma=sigmas[index],
                prior=number.prior,
                scale=number.scale.value,
                bound=self._bounds[index],
                is_open=bool(is_open[index]),
            )

    def _sigmas(self) -> list[float | None]:
        """Of the values; numbers at a bound are held there."""
        sigmas: list[float | None] = [None] * len(self._problem.numbers)
        if not self._problem.data.have_sigmas:
            return sigmas
        inside = np.array([bound is None for bound in self._bounds])
        rows = np.vstack([self._solution.jacobian, prior_jacobian(self._problem)])
        spread, still_open = covariance(rows[:, inside])
        is_open = np.linalg.norm(still_open, axis=0) > TOUCHED
        for place, index in enumerate(np.flatnonzero(inside)):
            number = self._problem.numbers[index]
            scaled = float(np.sqrt(spread[place, place])) * number.step
            coordinate = float(self._solution.coordinates[index])
            sigmas[index] = None if is_open[place] else number.sigma(coordinate, scaled)
        return sigmas

    def _combination(self, row: Vector, effect: float, part: float) -> Combination:
        """Numbers that move by more than ``part`` of the largest, the largest first."""
        order = np.argsort(-np.abs(row), kind="stable")
        return Combination(
            tuple(self._change(i, float(row[i])) for i in order if abs(row[i]) > part), effect
        )

    def _change(self, index: int, steps: float) -> Change:
        number = self._problem.numbers[index]
        moved = steps * number.step
        if number.scale is Scale.LOGARITHM:
            return Change(number.path, number.scale.to_value(moved), None)
        return Change(number.path, None, moved)
