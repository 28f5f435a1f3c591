"""A sweep as a table and as plots: means with intervals, and the twin as a line."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.report.figure import Figure, Series, save_figure
from netsim.report.scanning import (
    number,
    places,
    reasons_of,
    scan_figure,
    settings_of,
    short,
    shown_rows,
    shown_value,
    twin_series,
)
from netsim.report.text import add_names, add_numbers, fits, plain_table
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis
from netsim.studies.measures import MEASURES, Measure
from netsim.studies.points import CONFIDENCE
from netsim.studies.sweep import Sweep

STEM = "sweep"
LEGEND = (
    f"Means over seeds, +- half of the {100 * CONFIDENCE:g} % interval by Student's t; the twin is "
    "computed from the same topologies by formula. sweep.csv has all digits, and why "
    "rounds ended without key."
)


def print_sweep(title: str, found: Sweep, console: Console) -> None:
    """A line a point and link: means with half their intervals, and the twin."""
    has_rows = any(shown_rows(found.rows))  # none where every point was refused
    if has_rows:
        _print_tables(title, found, console)
    for line in reasons_of(found.axes, found.rows):
        console.print(Text(line))
    if has_rows:
        console.print(Text(LEGEND))


def _print_tables(title: str, found: Sweep, console: Console) -> None:
    tables = [_table(title, found, MEASURES)]
    if not fits(tables[0], console):  # half of the measures at a time
        half = len(MEASURES) // 2
        tables = [_table(title, found, MEASURES[:half]), _table("", found, MEASURES[half:])]
    for table in tables:
        # One that is still too wide has its lines broken by the terminal, which loses no figure.
        unlimited = console.options.update(width=10_000)
        console.width = max(console.width, console.measure(table, options=unlimited).maximum)
        console.print(table)
        console.print()


def _table(title: str, found: Sweep, measures: Sequence[Measure]) -> Table:
    """A column of means and one of the twin for each of ``measures``."""
    table = plain_table(title)
    add_names(table, *(short(axis.path) for axis in found.axes), "Link")
    add_numbers(table, "Seeds")
    for measure in measures:
        add_numbers(table, measure.head, "\ntwin ")
    for row in shown_rows(found.rows):
        cells = (cell for measure in measures for cell in measure_cells(row, measure))
        table.add_row(*settings_of(found.axes, row), str(row["link"]), str(row["seeds"]), *cells)
    return table


def measure_cells(row: Row, measure: Measure) -> Iterable[str]:
    """A mean with half its interval, and the twin."""
    mean, high, twin = (number(row[measure.name + end]) for end in ("", "_high", "_twin"))
    shown = shown_value(measure, mean)
    half = None if mean is None or high is None else high - mean
    yield shown if half is None else f"{shown} +-{shown_value(measure, half)}"
    yield f"{shown_value(measure, twin)} "


def save_sweep(title: str, found: Sweep, directory: Path) -> list[Path]:
    """Write ``sweep.csv`` and, with the extra ``report``, plots; the plots."""
    found.save(directory)
    return save_figure(sweep_figure(title, found), directory / STEM) if found.axes else []


def sweep_figure(title: str, found: Sweep) -> Figure:
    """A panel a measure over the first axis: points with intervals, the twin as a line."""
    axis = found.axes[0]
    draw_twin = twin_series(axis, "_twin")

    def draw(name: str, rows: Sequence[Row], measure: Measure) -> Iterable[Series]:
        yield _points(axis, name, rows, measure)
        yield from draw_twin(name, rows, measure)

    return scan_figure(title, found.axes, found.rows, draw)


def _points(axis: Axis, name: str, rows: Sequence[Row], measure: Measure) -> Series:
    known = [row for row in rows if number(row[measure.name]) is not None]
    values = [measure.scale * (number(row[measure.name]) or 0.0) for row in known]
    highs = [number(row[f"{measure.name}_high"]) for row in known]
    bars = [
        0.0 if high is None else measure.scale * high - value
        for high, value in zip(highs, values, strict=True)
    ]
    return Series(name, places(axis, known), tuple(values), tuple(bars))
