"""Variants side by side: a table for each topology, and a plot where matplotlib is installed."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.compare import Outcome, comparison_json
from netsim.report.text import (
    add_names,
    add_numbers,
    byte_count,
    fits,
    fixed,
    percent,
    plain_table,
)
from netsim.results import LinkResult
from netsim.units import s_from_ps

JSON_FILE = "compare.json"
PLOT_FILE = "compare.svg"

_Column = tuple[str, Callable[[LinkResult], str], bool]
_COLUMNS: tuple[_Column, ...] = (
    ("Net\n[bit/s]", lambda link: fixed(link.net_key_bps, 1), True),
    ("Key\n[bit]", lambda link: str(link.deposited_bits), True),
    ("f", lambda link: fixed(link.f_measured, 3), True),
    ("Rounds", lambda link: str(link.blocks), False),
    ("Failed", lambda link: str(link.blocks_failed), True),
    ("Round\ntrips", lambda link: str(link.round_trips), True),
    ("Wire", lambda link: byte_count(link.wire_bytes), True),
    ("Mes-\nsages", lambda link: str(link.messages), False),
    ("Auth.\n[bit]", lambda link: str(link.auth_spent_bits), True),
    ("Settled\n[s]", lambda link: fixed(s_from_ps(link.settle_ps), 3), True),
)
"""Header, cell, and whether the column is kept on a narrow console."""


def print_comparison(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print one table a topology, and what is equal between its rows."""
    for topology, found in groupby(outcomes, key=lambda outcome: outcome.topology):
        group = list(found)
        wide = _table(topology, group, wide=True)
        is_wide = fits(wide, console)
        console.print(wide if is_wide else _table(topology, group, wide=False))
        console.print()
        for number, outcome in enumerate(() if is_wide else group, start=1):
            console.print(Text(f"{number}: {outcome.variant.label}"))
        for line in _notes(group):
            console.print(Text(line))
        console.print()


def _table(topology: str, group: Sequence[Outcome], *, wide: bool) -> Table:
    run = group[0].run
    table = plain_table(f"{topology}: {run.duration_s:g} s of light, seed {run.seed}")
    columns = [column for column in _COLUMNS if wide or column[2]]
    add_names(table, "Variant", "Link")
    add_numbers(table, *(header for header, _, _ in columns), "Wall\n[s]")
    for number, outcome in enumerate(group, start=1):
        name = outcome.variant.label if wide else str(number)
        wall = fixed(outcome.wall_s, 1)
        for link in outcome.run.links:
            cells = (cell(link) for _, cell, _ in columns)
            table.add_row(Text(name), Text(" & ".join(link.users)), *cells, wall)
            wall = ""
        if len(outcome.run.links) > 1:
            total = fixed(outcome.run.totals.net_key_bps, 1)
            table.add_row("", "all links", total, *[""] * len(columns), end_section=True)
    return table


def _notes(group: Sequence[Outcome]) -> Iterator[str]:
    by_light = [
        [outcome for outcome in group if outcome.photons_of == label]
        for label in dict.fromkeys(outcome.photons_of for outcome in group)
    ]
    for same in by_light:
        singles = ", ".join(f"{user.name} {user.singles}" for user in same[0].run.users)
        qbers = ", ".join(percent(lane.qber) for lane in same[0].run.lanes)
        names = "all variants" if len(same) == len(group) else ", ".join(map(_label, same))
        yield f"Photons of {names}: {_how(same)}; singles {singles}; QBER of the lanes {qbers} %."
    if any(outcome.run.partial for outcome in group):
        yield "PARTIAL: the last run was stopped before its time; do not compare it."


def _label(outcome: Outcome) -> str:
    return repr(outcome.variant.label)


def _how(same: Sequence[Outcome]) -> str:
    if len(same) == 1:
        return "simulated"
    if all(outcome.is_replayed for outcome in same[1:]):
        return "simulated once and replayed, singles and lane counts equal"
    return "simulated each time, singles and lane counts equal"


def save_comparison(outcomes: Sequence[Outcome], directory: Path) -> bool:
    """Write ``compare.json`` and ``compare.svg``; False if there is no plot, for no matplotlib."""
    (directory / JSON_FILE).write_text(comparison_json(outcomes), encoding="utf-8")
    return plot_comparison(outcomes, directory / PLOT_FILE)


def plot_comparison(outcomes: Sequence[Outcome], path: Path) -> bool:
    """Draw net key, f and settling time of every variant into ``path`` (SVG, PDF or PNG).

    Returns
    -------
    bool
        False if matplotlib is not installed.
    """
    try:
        matplotlib = import_module("matplotlib")
        matplotlib.use("agg")
        pyplot = import_module("matplotlib.pyplot")
    except ImportError:
        return False
    labels = [f"{outcome.topology}\n{outcome.variant.label}" for outcome in outcomes]
    runs = [outcome.run for outcome in outcomes]
    panels: tuple[tuple[str, list[list[float | None]]], ...] = (
        ("net key, all links [bit/s]", [[run.totals.net_key_bps] for run in runs]),
        ("f, link by link", [[link.f_measured for link in run.links] for run in runs]),
        ("settled after the light [s]", [[*map(_settled_s, run.links)] for run in runs]),
    )
    figure, axes = pyplot.subplots(
        1, len(panels), sharey=True, figsize=(12, 1.5 + 0.45 * len(outcomes)), layout="constrained"
    )
    for axis, (title, values) in zip(axes, panels, strict=True):
        _draw(axis, title, values)
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].invert_yaxis()
    figure.savefig(path)
    pyplot.close(figure)
    return True


def _settled_s(link: LinkResult) -> float:
    return s_from_ps(link.settle_ps)


def _draw(axis: Any, title: str, values: Sequence[Sequence[float | None]]) -> None:
    """Dots of all links in one row a variant."""
    points = [(x, y) for y, row in enumerate(values) for x in row if x is not None]
    axis.plot([x for x, _ in points], [y for _, y in points], "o")
    axis.set_xlabel(title)
    axis.grid(visible=True, axis="x")
