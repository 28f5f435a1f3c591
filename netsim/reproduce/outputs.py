"""Files of a reproduction: a CSV and two plots an item, ``comparison.json``, ``index.html``.

Every file appears whole. Plots need the extra ``report``; nothing else does.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from netsim.report.figure import SHARING_FORMATS, save_figure
from netsim.reproduce.item import Findings, Item, Paper
from netsim.reproduce.page import page
from netsim.studies.comparison import finite
from netsim.studies.estimates import Cell, Row

COMPARISON = "comparison.json"
INDEX = "index.html"
DIGITS = 8
"""Significant digits of a number in a CSV."""

Found = Sequence[tuple[Item, Findings]]


def write_item(name: str, findings: Findings, directory: Path) -> list[Path]:
    """Write ``NAME.csv`` and, with the extra ``report``, ``NAME.svg`` and ``NAME.html``.

    Returns
    -------
    list of Path
        The plots.
    """
    _write(directory / f"{name}.csv", _csv(findings.rows))
    return save_figure(findings.figure, directory / name, SHARING_FORMATS)


def write_comparison(found: Found, directory: Path) -> None:
    """Write every compared quantity of all items."""
    entries = [
        compared.entry(item.name) for item, findings in found for compared in findings.compared
    ]
    text = json.dumps(entries, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    _write(directory / COMPARISON, text)


def write_index(paper: Paper, found: Found, directory: Path, *, scale: float) -> None:
    """Write one page that shows all of it."""
    _write(directory / INDEX, page(paper, found, scale=scale))


def _csv(rows: Sequence[Row]) -> str:
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return table.getvalue()


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        value = finite(value)
        return "" if value is None else f"{value:.{DIGITS}g}"
    return "" if value is None else str(value)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
