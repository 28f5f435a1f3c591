"""What an optimisation may choose: the range of a number, or one of several values.

A range reads ``PATH=VALUES``, the path as an override has it (`netsim.topology.overrides`)::

    users.*.fibre.length_m=0:50e3               any length up to 50 km
    qnsp.source.pumps.*.power_mw=log:0.1:10     by factors: as many trials below 1 as above
    protocol.window_ps=500:3000                 whole numbers, which this number must be
    protocol.security=asymptotic,finite         one of these
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from netsim.errors import ConfigError
from netsim.studies.estimates import Cell
from netsim.studies.grid import LOG, Axis, parse_axis, value_text
from netsim.topology.overrides import full_path, values_at
from netsim.topology.schema import is_whole_number


@dataclass(frozen=True, slots=True)
class Range:
    """What one number of a topology may be.

    Attributes
    ----------
    axis : Axis
        Its values are the two ends, or all there is to choose from.
    is_choice : bool
        Whether only the values themselves may be chosen.
    is_whole : bool
        Whether only whole numbers between the ends may be.
    """

    axis: Axis
    is_choice: bool = False
    is_whole: bool = False

    @property
    def path(self) -> str:
        """Of the whole topology."""
        return self.axis.path

    @property
    def ends(self) -> tuple[float, float]:
        """Of a range that is no choice."""
        low, high = map(float, self.axis.values)
        return low, high

    def position(self, text: str) -> float | None:
        """Where a value lies, 0 at the lower end and 1 at the upper one; None in a choice."""
        if self.is_choice:
            return None
        scale = math.log if self.axis.is_log else float
        low, high, value = (scale(number) for number in (*self.ends, float(text)))
        return (value - low) / (high - low)

    def typed(self, cell: Cell) -> Cell:
        """A value as Python has it: whole numbers as such, which tables do not tell."""
        return int(cell) if self.is_whole and isinstance(cell, float) else cell

    def to_json(self) -> dict[str, Any]:
        """For a file; `range_from_json` is its inverse."""
        return {**asdict(self.axis), "is_choice": self.is_choice, "is_whole": self.is_whole}

    @property
    def text(self) -> str:
        """As `parse_range` reads it."""
        values = self.axis.values
        if self.is_choice:
            return f"{self.path}={','.join(values)}"
        return f"{self.path}={LOG if self.axis.is_log else ''}{':'.join(values)}"

    def holds(self, value: object) -> bool:
        """Whether ``value``, as a topology has it, may be chosen."""
        if self.is_choice:
            return value_text(value) in self.axis.values
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.ends[0] <= float(value) <= self.ends[1]  # type: ignore[arg-type]


def parse_range(text: str) -> Range:
    """Read ``PATH=FIRST:LAST``, ``PATH=log:FIRST:LAST`` or ``PATH=A,B,C``.

    Raises
    ------
    ValueError
        It does not read so.
    """
    path, equals, values = (piece.strip() for piece in text.partition("="))
    ends = values.removeprefix(LOG).split(":")
    if not path or not equals or not values:
        raise ValueError(f"{text!a} is no PATH=FIRST:LAST")
    if len(ends) > 2:
        raise ValueError(f"{values!a} counts points; an optimisation takes FIRST:LAST")
    if len(ends) == 1:
        return Range(parse_axis(text), is_choice=True)
    return _range(full_path(path), ends, values, is_log=values.startswith(LOG))


def range_from_json(entry: Mapping[str, Any]) -> Range:
    """Inverse of `Range.to_json`; LookupError or TypeError for anything else."""
    axis = Axis(str(entry["path"]), tuple(map(str, entry["values"])), bool(entry["is_log"]))
    return Range(axis, bool(entry["is_choice"]), bool(entry["is_whole"]))


def range_of(path: str, values: object) -> Range:
    """A range from Python: a text as above, or a sequence of all there is to choose from."""
    if isinstance(values, str):
        return parse_range(f"{path}={values}")
    if not isinstance(values, Sequence) or not values:
        raise ValueError(f"{path}: a range is a text such as 0:10, or a sequence of choices")
    return Range(Axis(full_path(path), tuple(map(value_text, values))), is_choice=True)


def check_ranges(ranges: Sequence[Range]) -> None:
    """Raise ConfigError if there is none, or one comes twice."""
    paths = [one.path for one in ranges]
    if not paths:
        raise ConfigError.of("--over", "is missing: PATH=FIRST:LAST, what may be chosen")
    if len(set(paths)) < len(paths):
        raise ConfigError.of("--over", f"{max(paths, key=paths.count)} comes twice")


def settings_as_they_are(
    raw: dict[str, object], ranges: Sequence[Range]
) -> Mapping[str, object] | None:
    """What a topology has at the paths; None unless every range holds one value of it.

    Parameters
    ----------
    raw : dict
        The topology as a file has it.
    ranges : sequence of Range
    """
    found: dict[str, object] = {}
    for one in ranges:
        values = values_at(raw, one.path)
        if not values or any(value != values[0] for value in values) or not one.holds(values[0]):
            return None
        found[one.path] = value_text(values[0]) if one.is_choice else values[0]
    return found


def _range(path: str, ends: Sequence[str], text: str, *, is_log: bool) -> Range:
    try:
        low, high = map(float, ends)
    except ValueError as error:
        raise ValueError(f"{text!a} is no FIRST:LAST") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{text!a} is no range from a lower to a higher number")
    if is_log and low <= 0.0:
        raise ValueError(f"{text!a} does not lie above zero, as log: must")
    is_whole = is_whole_number(path)
    if is_whole and not (low.is_integer() and high.is_integer()):
        raise ValueError(f"{text!a}: {path} takes whole numbers")
    return Range(Axis(path, (value_text(low), value_text(high)), is_log), is_whole=is_whole)
