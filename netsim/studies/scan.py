"""The twin over a grid of points: a row a point and link, in milliseconds each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netsim.arguments import explained
from netsim.errors import ConfigError
from netsim.results.frames import Tabular
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis, Point, axis_of, points_of
from netsim.studies.measures import MEASURES, Measured, expected
from netsim.topology.load import topology_of
from netsim.topology.overrides import Overrides
from netsim.topology.specs import TopologySpec
from netsim.twin.forecast import predict

TopologyLike = TopologySpec | str | Path


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
    overrides: tuple[str, ...] = (),
    duration_s: float | str | None = None,
) -> Expected:
    """Ask the twin at one point; what is wrong with a topology there becomes its reason."""
    try:
        spec = topology_of(topology, overrides=(*overrides, *point.overrides))
        return Expected(point, expected(predict(spec, duration_s=duration_s)))
    except ConfigError as error:
        return Expected(point, {}, "; ".join(map(str, error.faults)))


@dataclass(frozen=True, slots=True)
class Curves(Tabular):
    """What the twin says at many points.

    Attributes
    ----------
    axes : tuple of Axis
    rows : tuple of mapping
        One a point and link: the settings, ``link``, measures and ``reason``.
    """

    axes: tuple[Axis, ...]
    rows: tuple[Row, ...]


@explained
def predict_over(
    topology: TopologyLike,
    over: Mapping[str, str | Sequence[object]],
    *,
    zipped: bool = False,
    overrides: Overrides = (),
    duration_s: float | str | None = None,
) -> Curves:
    """What the twin expects of a network at many points, in milliseconds each.

    Parameters
    ----------
    topology : TopologySpec, str or Path
        As `netsim.simulate` takes it.
    over : mapping
        Path of a number, as of an override, to the values it takes: a sequence, or a text such as
        ``"0:50e3:11"``, ``"log:0.1:1:9"`` or ``"1,2,5"``. Several paths make a grid.
    zipped : bool
        Pair the values of several paths, in place of a grid.
    overrides : sequence of str, str or mapping
        Common to all points, as of `netsim.load_topology`.
    duration_s : float or str, optional
        As of `netsim.predict`.

    Returns
    -------
    Curves
        A point that is no network is a row with its ``reason``.

    Raises
    ------
    ConfigError
        The topology or the grid is none.
    ValueError
        Values or a duration that are none.
    """
    axes = tuple(axis_of(path, values) for path, values in over.items())
    points = points_of(axes, zipped=zipped)
    spec = topology_of(topology, overrides=overrides)
    found = [expect_at(spec, point, (), duration_s) for point in points]
    return Curves(axes, tuple(twin_rows(axes, found)))


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
