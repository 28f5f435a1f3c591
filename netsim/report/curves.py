"""Series of figures out of estimates: points with errors, the twin's curve, printed values."""

from collections.abc import Callable, Sequence

import numpy as np

from netsim.report.figure import Series
from netsim.studies.estimates import Estimate

CURVE_POINTS = 60

SIMULATED = "simulated"
"""Name of the only simulated series of a panel."""


def points(name: str, x: Sequence[float], y: Sequence[Estimate], scale: float = 1.0) -> Series:
    """Simulated values with their errors.

    Parameters
    ----------
    scale : float
        Multiplies all values, for another unit.
    """
    return Series(
        name,
        tuple(x),
        tuple(scale * one.value for one in y),
        tuple(scale * (one.sigma or 0.0) for one in y),
    )


def twin_points(name: str, x: Sequence[float], y: Sequence[Estimate], scale: float = 1.0) -> Series:
    """The twin's values at the same places, joined by a line."""
    values = tuple(scale * (one.twin or 0.0) for one in y)
    return Series(_twin_of(name), tuple(x), values, style="line", like=name)


def twin_curve(
    name: str, x: Sequence[float], twin: Callable[[float], float], scale: float = 1.0
) -> Series:
    """The twin between the smallest and the largest of ``x``."""
    places = [float(place) for place in np.linspace(min(x), max(x), CURVE_POINTS)]
    values = tuple(scale * twin(place) for place in places)
    return Series(_twin_of(name), tuple(places), values, style="line", like=name)


def printed(name: str, x: Sequence[float], y: Sequence[float], *, like: str = "") -> Series:
    """Values that the paper prints."""
    return Series(name, tuple(x), tuple(y), style="hollow", like=like)


def _twin_of(name: str) -> str:
    return "twin" if name == SIMULATED else f"{name} (twin)"
