"""Files of a board: ``board.json``, one page, one SVG an experiment."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from netsim.board.experiment import BoardRow, Experiment
from netsim.printable import count_text
from netsim.report.figure import FORMATS, Figure, Panel, Series, save_figure
from netsim.report.page.skeleton import document, sentences, table
from netsim.report.text import NOTHING, digits_of, fixed
from netsim.results.files import write_whole

BOARD = "board.json"
INDEX = "index.html"
SVG = {".svg": FORMATS[".svg"]}
HEADS = ("Quantity", "Tier", "Predicted", "&plusmn;", "Published", "Fitted", "Within", "Note")
MARKS = {True: "yes", False: "MISS", None: "fitted"}

Found = Sequence[tuple[Experiment, Sequence[BoardRow]]]


def write_board(found: Found, directory: Path) -> None:
    """Write all rows, the page, and the plots, as far as their library is installed."""
    entries = [row.entry(experiment.name) for experiment, rows in found for row in rows]
    write_whole(directory / BOARD, json.dumps(entries, indent=1, allow_nan=False) + "\n")
    drawn = {
        experiment.name
        for experiment, rows in found
        if save_figure(_figure(experiment, rows), directory / experiment.name, SVG)
    }
    write_whole(directory / INDEX, document("Board", _body(found, drawn)))


def verdict(found: Found) -> str:
    """How many rows agree, miss, and say nothing."""
    marks = [row.within for _, rows in found for row in rows]
    experiments = count_text(len(found), "experiment")
    return (
        f"{len(marks)} quantities of {experiments}: {marks.count(True)} agree, "
        f"{marks.count(False)} miss, {marks.count(None)} were fitted and say nothing"
    )


def _figure(experiment: Experiment, rows: Sequence[BoardRow]) -> Figure:
    """Predicted over published, a line a row."""
    shown = [row for row in rows if row.published]
    places = tuple(map(float, range(len(shown))))
    ratios = tuple(row.predicted.value / row.published for row in shown)
    errors = tuple((row.predicted.sigma or 0.0) / row.published for row in shown)
    panel = Panel(
        "predicted / published",
        "",
        (
            Series("predicted", ratios, places, x_error=errors),
            Series("published", (1.0,) * len(shown), places, style="hollow"),
        ),
        rows=tuple(row.quantity for row in shown),
    )
    return Figure(experiment.title, (panel,))


def _body(found: Found, drawn: set[str]) -> Iterator[str]:
    yield "<h1>Published experiments and what the simulator predicts</h1>"
    yield f"<p>{escape(verdict(found))}. A quantity agrees within its tolerance, which the note "
    yield "says, and three standard errors of the simulation.</p>"
    for experiment, rows in found:
        name = escape(experiment.name)
        yield f'<h2 id="{name}">{name}: {escape(experiment.title)}</h2>'
        yield f'<p class="faint">{escape(experiment.source)}</p>'
        yield from sentences([f"{text}: {source}" for text, source in experiment.inputs])
        yield from table((f"<th>{head}</th>" for head in HEADS), map(_row, rows))
        if experiment.lacks:
            yield f"<p>Not said, or not simulated: {escape('; '.join(experiment.lacks))}.</p>"
        if experiment.name in drawn:
            yield f'<p><img src="{name}.svg" alt="{name}: predicted over published"></p>'


def _row(row: BoardRow) -> str:
    digits = digits_of(row.predicted.sigma, row.predicted.value)
    sigma = NOTHING if row.predicted.sigma is None else fixed(row.predicted.sigma, digits)
    far = ' class="very-far"' if row.within is False else ""
    return (
        f"<tr><td>{escape(row.quantity)}</td><td>{row.tier}</td>"
        f'<td class="n">{fixed(row.predicted.value, digits)}</td><td class="n">{sigma}</td>'
        f'<td class="n">{row.published:.5g}</td><td class="n">{row.fitted_parameters}</td>'
        f'<td{far}>{MARKS[row.within]}</td><td class="note">{escape(row.note)}</td></tr>'
    )
