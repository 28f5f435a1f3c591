"""Values that numbers of a topology take in turn, and the points that they make.

An axis reads ``PATH=VALUES``, the path as an override has it (`netsim.topology.overrides`)::

    users.*.fibre.length_m=0:50e3:11            eleven values from 0 to 50 km
    qnsp.source.pump_power_mw=log:0.1:10:9      nine, each the same factor above the one before
    protocol.security=asymptotic,finite         as listed
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from netsim.errors import ConfigError
from netsim.topology.overrides import full_path

MAX_VALUES = 100_000
DIGITS = 12
"""Of values between the ends of a range; enough for any device, and short."""
LOG = "log:"

_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])(?![^{]*\})")


@dataclass(frozen=True, slots=True)
class Axis:
    """One number of a topology and what it takes.

    Attributes
    ----------
    path : str
        Of the whole topology.
    values : tuple of str
        At least one, as `netsim.load_topology` takes them behind the ``=``.
    is_log : bool
        Whether they rise by a factor.
    """

    path: str
    values: tuple[str, ...]
    is_log: bool = False

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None if one is none."""
        try:
            found = tuple(map(float, self.values))
        except ValueError:
            return None
        return found if all(map(math.isfinite, found)) else None


@dataclass(frozen=True, slots=True)
class Point:
    """One value of each axis.

    Attributes
    ----------
    index : int
        Place among all points.
    settings : tuple of (path, value)
    """

    index: int
    settings: tuple[tuple[str, str], ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """As `netsim.load_topology` takes them."""
        return tuple(f"{path}={value}" for path, value in self.settings)

    @property
    def label(self) -> str:
        """For people."""
        return ", ".join(self.overrides) or "as it is"


def parse_axis(text: str) -> Axis:
    """Read ``PATH=VALUES``.

    Raises
    ------
    ValueError
        It does not read so.
    """
    path, equals, values = (piece.strip() for piece in text.partition("="))
    if not path or not equals or not values:
        raise ValueError(f"{text!a} is no PATH=VALUES")
    return Axis(full_path(path), tuple(_values(values)), values.startswith(LOG))


def axis_of(path: str, values: object) -> Axis:
    """An axis from Python: ``values`` as in a text, or a sequence of numbers or texts."""
    if isinstance(values, str):
        return parse_axis(f"{path}={values}")
    if not isinstance(values, Sequence | np.ndarray) or not len(values):
        raise ValueError(
            f"{path}: values are a text such as 0:10:5, or a sequence that is not empty"
        )
    return Axis(full_path(path), tuple(map(value_text, values)))


def points_of(axes: Sequence[Axis], *, zipped: bool = False) -> tuple[Point, ...]:
    """All points of a grid, the last axis running fastest; or pairs of values that go together.

    Raises
    ------
    ConfigError
        An axis comes twice, axes of unequal length are ``zipped``, or there are too many points.
    """
    paths = [axis.path for axis in axes]
    if len(set(paths)) < len(paths):
        raise ConfigError.of("--over", f"{max(paths, key=paths.count)} comes twice")
    lengths = [len(axis.values) for axis in axes]
    if zipped and len(set(lengths)) > 1:
        raise ConfigError.of("--zip", f"axes of {', '.join(map(str, lengths))} values do not pair")
    if math.prod(lengths) > MAX_VALUES and not zipped:
        raise ConfigError.of("--over", f"more than {MAX_VALUES} points")
    combined = zip(*(axis.values for axis in axes), strict=True) if zipped else _grid(axes)
    return tuple(
        Point(index, tuple(zip(paths, values, strict=True)))
        for index, values in enumerate(combined)
    )


def _grid(axes: Sequence[Axis]) -> Iterator[tuple[str, ...]]:
    return product(*(axis.values for axis in axes))


def _values(text: str) -> Iterator[str]:
    is_log = text.startswith(LOG)
    ends = text.removeprefix(LOG).split(":")
    if len(ends) == 3:
        yield from map(value_text, _range(ends, text, is_log=is_log))
        return
    if is_log:
        raise ValueError(f"{text!a} is no log:FIRST:LAST:COUNT")
    if len(ends) == 2 and all(map(_is_number, ends)):
        raise ValueError(f"{text!a} has no COUNT: FIRST:LAST:COUNT")
    values = [value.strip() for value in _OUTSIDE_BRACKETS.split(text)]
    if len(values) > MAX_VALUES or not all(values):
        raise ValueError(f"{text[:60]!a} is no list of values")
    yield from values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _range(ends: Sequence[str], text: str, *, is_log: bool) -> list[float]:
    try:
        first, last, count = float(ends[0]), float(ends[1]), int(ends[2])
    except ValueError as error:
        raise ValueError(f"{text!a} is no FIRST:LAST:COUNT") from error
    if not 1 <= count <= MAX_VALUES or not math.isfinite(first) or not math.isfinite(last):
        raise ValueError(f"{text!a} has no 1 to {MAX_VALUES} finite values")
    if is_log and min(first, last) <= 0.0:
        raise ValueError(f"{text!a} does not lie above zero, as log: must")
    space = np.geomspace if is_log else np.linspace
    values: list[float] = space(first, last, count).tolist()
    return values


def value_text(value: object) -> str:
    """A value as TOML has it; whole numbers without a point, which suit integers too."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.number):
        return f"{float(value):.{DIGITS}g}"
    return str(value)
