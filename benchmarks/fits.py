"""Exponents of costs: the slope of log cost over log size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """cost = factor * size ** exponent, by least squares of logarithms.

    Attributes
    ----------
    error : float
        Standard error of the exponent, from how far the points lie from the line.
    """

    factor: float
    exponent: float
    error: float

    @classmethod
    def of(cls, sizes: Sequence[float], costs: Sequence[float]) -> "PowerLaw":
        """Of three points at least, all above zero."""
        x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
        middle, height = math.fsum(x) / len(x), math.fsum(y) / len(y)
        spread = math.fsum((each - middle) ** 2 for each in x)
        together = math.fsum((a - middle) * (b - height) for a, b in zip(x, y, strict=True))
        exponent = together / spread
        off = (b - height - exponent * (a - middle) for a, b in zip(x, y, strict=True))
        error = math.sqrt(math.fsum(each**2 for each in off) / (len(x) - 2) / spread)
        return cls(math.exp(height - exponent * middle), exponent, error)

    def cost(self, size: float) -> float:
        """On the line."""
        return float(self.factor * size**self.exponent)
