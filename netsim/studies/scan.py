"""The twin over a grid of points: a row a point and link, in milliseconds each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netsim.errors import ConfigError
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis, Point
from netsim.studies.measures import MEASURES, Measured, expected
from netsim.topology.load import topology_of
from netsim.topology.specs import TopologySpec
from netsim.twin.forecast import predict

TopologyLike = TopologySpec | str | Path
Overrides = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the twin says of one point.

    Attributes
    ----------
    point : Point
    links : mapping
        Empty where the point cannot be simulated.
    reason : str
        Why; empty where it can.
    """

    point: Point
    links: Measured
    reason: str = ""


def expect_at(
    topology: TopologyLike,
    point: Point,
    overrides: Overrides = (),
    duration_s: float | str | None = None,
) -> Expected:
    """Ask the twin at one point; what is wrong with a topology there becomes its reason."""
    try:
        spec = topology_of(topology, overrides=(*overrides, *point.overrides))
        return Expected(point, expected(predict(spec, duration_s=duration_s)))
    except ConfigError as error:
        return Expected(point, {}, "; ".join(map(str, error.faults)))


def twin_rows(axes: Sequence[Axis], found: Sequence[Expected]) -> Iterator[Row]:
    """A row a point and link; one alone for a point that cannot be simulated."""
    for one in found:
        settings: Row = settings_row(axes, one.point)
        for link, values in one.links.items():
            yield settings | {"link": link, **values, "reason": ""}
        if one.reason:
            nothing: Row = dict.fromkeys(measure.name for measure in MEASURES)
            yield settings | {"link": "", **nothing, "reason": one.reason}


def settings_row(axes: Sequence[Axis], point: Point) -> Row:
    """Columns of the axes; numbers as numbers."""
    row: Row = {}
    for axis, (path, value) in zip(axes, point.settings, strict=True):
        row[path] = value if axis.numbers is None else float(value)
    return row
