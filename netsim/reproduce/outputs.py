"""Files of a reproduction: a CSV and two plots an item, ``comparison.json``, ``index.html``.

Every file appears whole. Plots need the extra ``report``; nothing else does.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from netsim.report.figure import SHARING_FORMATS, save_figure
from netsim.reproduce.item import Findings, Item, Paper
from netsim.reproduce.page import page
from netsim.results.files import csv_text, write_whole
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
    write_whole(directory / f"{name}.csv", csv_text(map(_shortened, findings.rows)))
    return save_figure(findings.figure, directory / name, SHARING_FORMATS)


def write_comparison(found: Found, directory: Path) -> None:
    """Write every compared quantity of all items."""
    entries = [
        compared.entry(item.name) for item, findings in found for compared in findings.compared
    ]
    text = json.dumps(entries, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(directory / COMPARISON, text)


def write_index(paper: Paper, found: Found, directory: Path, *, scale: float) -> None:
    """Write one page that shows all of it."""
    write_whole(directory / INDEX, page(paper, found, scale=scale))


def _shortened(row: Row) -> dict[str, str]:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: Cell) -> str:
    if isinstance(value, float):
        value = finite(value)
        return "" if value is None else f"{value:.{DIGITS}g}"
    return "" if value is None else str(value)
