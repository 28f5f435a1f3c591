"""The frame and the look of a page, and the parts that are the same on all of them.

It knows HTML, no figure and no result.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from html import escape

from rich.table import Table

STYLE = """
:root { --ink: #1b1f24; --faint: #5c6670; --line: #d8dee4; --hint: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 6rem; max-width: 80rem; color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 3.2rem 0 .4rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
p, ul { max-width: 52rem; }
a { color: #0a58a8; }
.faint, caption { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; margin: .6rem 0 1rem; }
th { text-align: left; border-bottom: 2px solid var(--line); padding: .25rem .7rem .25rem 0;
  vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: .22rem .7rem .22rem 0; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
td:first-child:not(.n) { min-width: 8rem; }
td.short { white-space: nowrap; }
td.note { color: var(--faint); min-width: 16rem; }
td.far { font-weight: 600; color: #a15c00; }
td.very-far { font-weight: 600; color: #b3261e; }
details { margin: .4rem 0 1rem; }
summary { cursor: pointer; color: #0a58a8; }
.plot { margin: .8rem 0; min-height: 12rem; overflow-x: auto; }
img { max-width: 100%; height: auto; }
.map { max-width: 44rem; margin: .5rem 0; }
.plot { background: #fff; border-radius: .4rem; }
code, pre { font: .88em/1.5 ui-monospace, "Liberation Mono", monospace; }
pre { background: var(--hint); padding: .6rem 1rem; border-radius: .4rem; overflow-x: auto;
  white-space: pre-wrap; }
.notes { background: var(--hint); padding: .6rem 1rem .6rem 2rem; border-radius: .4rem;
  font-size: .93rem; }
@media (max-width: 60rem) {
  body { padding: 1.2rem .8rem 4rem; }
  table { font-size: .75rem; }
  th, td { padding-right: .4rem; }
  th.n { white-space: normal; }
  td:first-child:not(.n) { min-width: 0; }
}
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --faint: #a7b0b9; --line: #3a424a; --hint: #20262c; }
  body { background: #14181c; }
  a, summary { color: #7db7f2; }
  td.far { color: #ffb454; } td.very-far { color: #ff8a80; }
  .plot { background: #eceff1; }
  .plot, img { filter: invert(.93) hue-rotate(180deg); }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  table { font-size: 7.5pt; }
  th, td { padding-right: .35rem; }
  td:first-child:not(.n) { min-width: 0; }
  .wide, .plot { overflow: visible; }
  .plot > div { min-width: 0 !important; }
  .modebar { display: none !important; }
  .plot, tr, pre, .map { break-inside: avoid; }
  h2 { margin-top: 1.4rem; }
  h2, h3, .faint { break-after: avoid; }
  .map { max-width: 24rem; }
}
"""

SHORT_NAME = 24
"""Characters that a column takes."""


def document(title: str, body: Iterable[str], *, head: str = "") -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Plain text.
    body : iterable of str
        Lines of HTML.
    head : str
        HTML that the parts of the body rely on, such as `netsim.report.page.plots.Plots.script`.
    """
    lines = "\n".join(body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{head}\n"
        f"</head>\n<body>\n{lines}\n</body>\n</html>\n"
    )


def sentences(texts: Sequence[str]) -> Iterator[str]:
    """A list of plain sentences, set off from the text."""
    yield '<ul class="notes">'
    for text in texts:
        yield f"<li>{escape(text)}</li>"
    yield "</ul>"


def number_heads(*texts: str) -> list[str]:
    """Heads of columns of numbers; a line break stays a space."""
    return [f'<th class="n">{_one_line(text)}</th>' for text in texts]


def name_heads(*texts: str) -> list[str]:
    """Heads of columns of names."""
    return [f"<th>{_one_line(text)}</th>" for text in texts]


def table_of(printed: Table) -> Iterator[str]:
    """A table of the terminal, with its title, as one of a page."""
    kinds = [' class="n"' if column.justify == "right" else "" for column in printed.columns]
    heads = (
        f"<th{kind}>{_one_line(str(column.header))}</th>"
        for kind, column in zip(kinds, printed.columns, strict=True)
    )
    yield f"<h3>{escape(str(printed.title))}</h3>"
    yield from table(heads, map(partial(_told_row, kinds), zip(*_cells(printed), strict=True)))


def _cells(printed: Table) -> Iterator[Iterable[str]]:
    """Plain texts, column by column."""
    return (map(str, column.cells) for column in printed.columns)


def _told_row(kinds: Sequence[str], cells: Sequence[str]) -> str:
    texts = (f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, cells, strict=True))
    return f"<tr>{''.join(texts)}</tr>"


def row(names: Iterable[str], numbers: Iterable[str] = (), after: Iterable[str] = ()) -> str:
    """A row of a table, all of it plain text: names, numbers, and names again."""
    cells = (
        *map(name_cell, names),
        *(f'<td class="n">{escape(one)}</td>' for one in numbers),
        *map(name_cell, after),
    )
    return f"<tr>{''.join(cells)}</tr>"


def name_cell(text: str) -> str:
    """Short names stay on one line; a long one breaks where it must."""
    kind = ' class="short"' if len(text) <= SHORT_NAME else ""
    return f"<td{kind}>{escape(text)}</td>"


def _one_line(text: str) -> str:
    return escape(text.replace("-\n", "").replace("\n", " ").strip())


def command(words: Iterable[str]) -> str:
    """A command line that a shell takes as it stands."""
    return f"<pre>{escape(shlex.join(words))}</pre>"


def table(heads: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    """A table that scrolls where it is wider than the page.

    Parameters
    ----------
    heads : iterable of str
        A ``<th>`` each.
    rows : iterable of str
        A ``<tr>`` each.
    """
    yield f'<div class="wide"><table><thead><tr>{"".join(heads)}</tr></thead><tbody>'
    yield from rows
    yield "</tbody></table></div>"
