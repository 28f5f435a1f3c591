"""Measures over the axes of a grid as figures: the twin as a line, simulated values as points."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from netsim.report.figure import Figure, Panel, Series
from netsim.report.text import fixed
from netsim.studies.estimates import Cell, Row
from netsim.studies.grid import Axis
from netsim.studies.measures import ALL_LINKS, MEASURES, Measure

MOST_NAMES = 8
"""As many as there are colours; beyond, only the sum of all links is drawn."""
COLUMNS = 2

Draw = Callable[[str, Sequence[Row], Measure], Iterable[Series]]
"""Series of one name out of its rows."""


def scan_figure(title: str, axes: Sequence[Axis], rows: Sequence[Row], draw: Draw) -> Figure:
    """A panel a measure over the first axis; a colour a link and setting of the other axes.

    Parameters
    ----------
    title : str
    axes : sequence of Axis
        At least one.
    rows : sequence of mapping
        With a column for each axis and ``link``.
    draw : callable
    """
    first, others = axes[0], axes[1:]
    named = _named(rows, others)
    return Figure(
        title,
        tuple(_panel(first, measure, named, draw) for measure in MEASURES),
        columns=COLUMNS,
    )


def places(axis: Axis, rows: Sequence[Row]) -> tuple[float, ...]:
    """Where the points of ``rows`` lie on an axis: its number, or the place of its text."""
    if axis.numbers is not None:
        return tuple(number(row[axis.path]) or 0.0 for row in rows)
    return tuple(float(axis.values.index(str(row[axis.path]))) for row in rows)


def number(cell: Cell) -> float | None:
    """A cell as a number; None for one that is empty or a text."""
    return float(cell) if isinstance(cell, int | float) else None


def twin_series(axis: Axis, column: str) -> Draw:
    """A line through what the twin says, in the column ``MEASURE`` + ``column``."""

    def draw(name: str, rows: Sequence[Row], measure: Measure) -> Iterable[Series]:
        known = [row for row in rows if number(row.get(measure.name + column)) is not None]
        values = tuple(measure.scale * (number(row[measure.name + column]) or 0.0) for row in known)
        shown = f"{name} (twin)" if column else name
        yield Series(shown, places(axis, known), values, style="line", like=name)

    return draw


def _panel(axis: Axis, measure: Measure, named: Mapping[str, Sequence[Row]], draw: Draw) -> Panel:
    series = tuple(one for name, rows in named.items() for one in draw(name, rows, measure))
    words = "" if axis.numbers is not None else f" ({', '.join(axis.values)})"
    return Panel(
        axis.path + words,
        measure.label,
        tuple(one for one in series if one.x),
        from_zero=True,
        log_x=axis.is_log,
    )


def _named(rows: Sequence[Row], others: Sequence[Axis]) -> dict[str, list[Row]]:
    """Rows by link and setting of all axes but the first; of too many, those of all links."""
    found: dict[str, list[Row]] = {}
    for row in shown_rows(rows):
        setting = ", ".join(f"{short(axis.path)}={row[axis.path]}" for axis in others)
        found.setdefault(", ".join(filter(None, (str(row["link"]), setting))), []).append(row)
    if len(found) <= MOST_NAMES:
        return found
    return {name: rows for name, rows in found.items() if name.startswith(ALL_LINKS)}


def short(path: str) -> str:
    """Last part of a path, which says what the number is and its unit."""
    return path.rpartition(".")[2]


def settings_of(axes: Sequence[Axis], row: Row) -> list[str]:
    """Values of the axes as they are printed."""
    cells = (row[axis.path] for axis in axes)
    return [f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells]


def shown_rows(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows of links; of a network with one link not the sum as well."""
    links = {row["link"] for row in rows if row["link"]}
    for row in rows:
        if row["link"] and (row["link"] != ALL_LINKS or len(links) > 2):
            yield row


def reasons_of(axes: Sequence[Axis], rows: Sequence[Row]) -> Iterator[str]:
    """A line for each point where something failed."""
    seen = {", ".join(settings_of(axes, row)): row["reason"] for row in rows if row["reason"]}
    for settings, reason in seen.items():
        yield f"{settings}: {reason}"


def shown_value(measure: Measure, value: float | None) -> str:
    """A value in the unit of its measure; a dash for none."""
    return fixed(None if value is None else measure.scale * value, measure.digits)
