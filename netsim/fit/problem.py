"""A fit as a function: coordinates of the free numbers in, deviations from the data out.

The tables of the topology are parsed once; each evaluation writes the numbers into them, validates
them and asks the analytic twin. It knows no optimiser.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.fit.data import Data, Forecast, values_and_deviations
from netsim.fit.free_numbers import Number
from netsim.fit.places import Tables, set_value
from netsim.topology.network import build_network
from netsim.topology.reading import read

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

PROBE = 1e-3
"""Natural steps by which a number is moved to see what changes: the error of a central difference
is 1e-6 of the change then, and rounding 1e-12."""
SEEN = 1e-9
"""Sigmas by which a datum changes at least over one natural step of a number it depends on."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Free numbers and data of one fit.

    Attributes
    ----------
    tables : dict
        Of the topology; written over by each evaluation.
    """

    tables: Tables
    numbers: tuple[Number, ...]
    data: Data

    @property
    def origin(self) -> Vector:
        """Coordinates of the start."""
        return np.array([number.origin for number in self.numbers])

    @property
    def steps(self) -> Vector:
        """Natural step of each coordinate."""
        return np.array([number.step for number in self.numbers])

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Lower and upper bounds of the coordinates."""
        pairs = [number.bounds for number in self.numbers]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])

    @property
    def priors(self) -> int:
        """Of how many numbers something is known beforehand."""
        return sum(number.prior is not None for number in self.numbers)

    def forecast(self, coordinates: Vector) -> Forecast:
        """What the twin says where the free numbers have these coordinates.

        Raises
        ------
        ConfigError
            Where they contradict each other within one spec.
        """
        for number, coordinate in zip(self.numbers, coordinates, strict=True):
            value = number.scale.to_value(float(coordinate))
            for place in number.places:
                set_value(self.tables, place.keys, min(max(value, number.low), number.high))
        reading = read(self.tables)
        if reading.faults:
            raise ConfigError(reading.faults)
        return Forecast(build_network(reading.topology))

    def deviations(self, coordinates: Vector) -> Vector:
        """Of all data, fitted less measured, in sigmas."""
        return np.array(values_and_deviations(self.data.used, self.forecast(coordinates))[1])

    def prior_deviations(self, coordinates: Vector) -> Vector:
        """Of the numbers of which something is known, from there, in sigmas."""
        return np.array(
            [
                (float(coordinate) - number.origin) / number.prior
                for number, coordinate in zip(self.numbers, coordinates, strict=True)
                if number.prior is not None
            ]
        )

    def residuals(self, coordinates: Vector) -> Vector:
        """Both: their squares are what a fit makes small."""
        priors = self.prior_deviations(coordinates)
        return np.concatenate([self.deviations(coordinates), priors])

    def jacobian(self, coordinates: Vector) -> Matrix:
        """Change of each datum's deviation per natural step of each number."""
        columns = [self._column(coordinates, index) for index in range(len(self.numbers))]
        return np.array(columns).T

    def _column(self, coordinates: Vector, index: int) -> Vector:
        """Central difference; at a bound only its inner half."""
        number = self.numbers[index]
        low, high = number.bounds
        ends, deviations = [], []
        for sign in (1.0, -1.0):
            moved = coordinates.copy()
            moved[index] += sign * PROBE * number.step
            moved[index] = min(max(moved[index], low), high)
            ends.append(moved[index])
            deviations.append(self.deviations(moved))
        change = (deviations[0] - deviations[1]) / (ends[0] - ends[1])
        return np.asarray(change * number.step)


def without_idle(problem: Problem) -> tuple[Problem, tuple[Number, ...]]:
    """Leave out the numbers on which no datum depends.

    Returns
    -------
    tuple
        The smaller problem, and the numbers that were left out.
    """
    changes = np.abs(problem.jacobian(problem.origin)).max(axis=0, initial=0.0)
    problem.forecast(problem.origin)
    idle = tuple(n for n, change in zip(problem.numbers, changes, strict=True) if change < SEEN)
    busy = tuple(number for number in problem.numbers if number not in idle)
    return replace(problem, numbers=busy), idle
