"""One page that shows a sweep: its plots, a row a point and link, and how to repeat it."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from netsim.report.page.plots import Plots
from netsim.report.page.repeat import from_here, made_with, topology_word
from netsim.report.page.skeleton import (
    command,
    document,
    name_heads,
    number_heads,
    row,
    sentences,
    table,
)
from netsim.report.scanning import reasons_of, settings_of, short, shown_rows
from netsim.report.sweep import LEGEND, measure_cells, sweep_figure
from netsim.studies.kept import load_sweep
from netsim.studies.measures import MEASURES
from netsim.studies.sweep import Sweep


def sweep_page(directory: Path) -> str:
    """The page of the sweep in ``directory``, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        There is no whole sweep.
    """
    asked, found = load_sweep(directory)
    plots = Plots()
    return document(f"Sweep of {asked['topology']}", _body(asked, found, plots), head=plots.script)


def _body(asked: Mapping[str, Any], found: Sweep, plots: Plots) -> Iterator[str]:
    title = f"{asked['topology']}: {asked['duration_s']} s of light, {asked['seeds']} seeds a point"
    yield f"<h1>{escape(title)}</h1>"
    partial = [f"PARTIAL: {found.done} of {found.total} runs are done"] if found.is_partial else []
    yield from sentences([*partial, f"Level of fidelity: {asked['fidelity']}.", LEGEND])
    yield from plots.hint()
    if found.axes:
        yield from plots.plot(sweep_figure(title, found), "measures")
    yield "<h2>Points</h2>"
    heads = [*name_heads(*(short(axis.path) for axis in found.axes), "Link")]
    numbers = [one for measure in MEASURES for one in (measure.head, "twin")]
    rows = (
        row(
            [*settings_of(found.axes, one), str(one["link"])],
            [str(one["seeds"]), *(cell for m in MEASURES for cell in measure_cells(one, m))],
        )
        for one in shown_rows(found.rows)
    )
    yield from table([*heads, *number_heads("Seeds", *numbers)], rows)
    if failed := list(reasons_of(found.axes, found.rows)):
        yield "<h2>What failed</h2>"
        yield from sentences(failed)
    yield "<h2>How to repeat it</h2>"
    yield from from_here(asked)
    yield command(_words(asked, found))
    yield from made_with(asked["versions"])


def _words(asked: Mapping[str, Any], found: Sweep) -> Iterator[str]:
    yield from ("netsim", "sweep", topology_word(asked))
    for axis in found.axes:
        yield from ("--over", f"{axis.path}={','.join(axis.values)}")
    if asked["zipped"]:
        yield "--zip"
    yield from ("--seeds", str(asked["seeds"]), "--duration", f"{asked['duration_s']}s")
    yield from ("--seed", str(asked["seed"]), "--fidelity", str(asked["fidelity"]))
    for override in asked["overrides"]:
        yield from ("--set", override)
    yield from ("--out", "again")
