"""One page that shows a reproduction: figures, compared quantities, what the paper does not say.

It holds all that it needs and loads nothing. Without the extra ``report`` it has no plots.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib import import_module
from typing import Any

from netsim.report.figure import EXTRA_HINT
from netsim.report.text import FAR_SIGMA, VERY_FAR_SIGMA, sigma
from netsim.reproduce.item import Comparison, Findings, Item, Paper

Found = Sequence[tuple[Item, Findings]]

STYLE = """
:root { --ink: #1b1f24; --faint: #5c6670; --line: #d8dee4; --hint: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 6rem; max-width: 72rem; color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 3.2rem 0 .4rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
p, ul { max-width: 52rem; }
a { color: #0a58a8; }
.faint, caption { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums;
  margin: .6rem 0 1rem; }
th { text-align: left; border-bottom: 2px solid var(--line); padding: .25rem .7rem .25rem 0;
  vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: .22rem .7rem .22rem 0; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.note { color: var(--faint); min-width: 16rem; }
td.far { font-weight: 600; color: #a15c00; }
td.very-far { font-weight: 600; color: #b3261e; }
details { margin: .4rem 0 1rem; }
summary { cursor: pointer; color: #0a58a8; }
.plot { margin: .8rem 0; min-height: 12rem; }
.notes { background: var(--hint); padding: .6rem 1rem .6rem 2rem; border-radius: .4rem;
  font-size: .93rem; }
"""

OPEN_ROWS = 16
"""Longer tables of comparisons are folded, unless the paper prints most of their rows."""


def page(paper: Paper, found: Found, *, scale: float) -> str:
    """The whole page.

    Parameters
    ----------
    paper : Paper
    found : sequence of (Item, Findings)
        What is finished, in the order of the page.
    scale : float
        By how much the light of all shots was shortened.
    """
    drawing = _drawing()
    plots = "" if drawing is None else f"<script>{drawing.script()}</script>"
    body = "\n".join(
        [
            *_head(paper, found, scale, has_plots=drawing is not None),
            *(part for entry in found for part in _section(*entry, drawing, scale)),
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(paper.title)}</title>\n<style>{STYLE}</style>\n{plots}\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _drawing() -> Any:
    """The module that draws with plotly; None where plotly is not installed."""
    try:
        return import_module("netsim.report.html")
    except ImportError:
        return None


def _head(paper: Paper, found: Found, scale: float, *, has_plots: bool) -> Iterator[str]:
    yield f"<h1>{escape(paper.title)}</h1>"
    yield f'<p class="faint">{escape(paper.source)}</p>'
    yield f"<p>{escape(_verdict(found))}</p>"
    if scale != 1.0:
        yield f"<p><strong>All light times are multiplied by {scale:g}.</strong></p>"
    if not has_plots:
        yield f"<p><strong>{escape(EXTRA_HINT)}</strong></p>"
    yield from _overview(found)
    yield "<h2>What the paper's text does not say</h2>"
    yield from _list(paper.limits)


def deviations(findings: Findings) -> list[float]:
    """Deviations from the twin of all compared quantities that have one."""
    found = (compared.estimate.deviation for compared in findings.compared)
    return [deviation for deviation in found if deviation is not None]


def _verdict(found: Found) -> str:
    values = [value for _, findings in found for value in deviations(findings)]
    compared = sum(len(findings.compared) for _, findings in found)
    printed = sum(c.paper is not None for _, findings in found for c in findings.compared)
    if not values:
        return f"{compared} quantities, none of them beside a twin."
    spread = math.sqrt(math.fsum(value * value for value in values) / len(values))
    far = sum(abs(value) > FAR_SIGMA for value in values)
    return (
        f"{compared} quantities are compared; {printed} of them are printed in the paper's text. "
        f"{len(values)} stand beside the analytic twin with an error: root mean square of the "
        f"deviations {spread:.2f} standard errors (1 is expected; quantities of one measurement "
        f"are not independent), {far} beyond 3 (by chance {0.0027 * len(values):.1f})."
    )


def _overview(found: Found) -> Iterator[str]:
    yield '<div class="wide"><table><thead><tr><th>Item</th><th></th>'
    yield '<th class="n">Compared</th><th class="n">In the text</th>'
    yield '<th class="n">Largest deviation<br>from the twin [&sigma;]</th></tr></thead><tbody>'
    for item, findings in found:
        worst = max(deviations(findings), key=abs, default=None)
        printed = sum(compared.paper is not None for compared in findings.compared)
        yield (
            f'<tr><td><a href="#{escape(item.name)}">{escape(item.name)}</a></td>'
            f"<td>{escape(item.title)}</td>"
            f'<td class="n">{len(findings.compared)}</td><td class="n">{printed or "-"}</td>'
            f"{_deviation_cell(worst)}</tr>"
        )
    yield "</tbody></table></div>"


def _section(item: Item, findings: Findings, drawing: Any, scale: float) -> Iterator[str]:
    name = escape(item.name)
    yield f'<h2 id="{name}">{name}: {escape(item.title)}</h2>'
    yield f"<p>{escape(item.about)} {_light(item, scale)}</p>"
    if drawing is not None:
        yield f'<div class="plot">{drawing.fragment(findings.figure, f"plot-{name}")}</div>'
    if findings.notes:
        yield from _list(findings.notes)
    yield from _table(findings.compared)
    files = f'<a href="{name}.csv">{name}.csv</a>'
    if drawing is not None:
        files += f', <a href="{name}.svg">{name}.svg</a>, <a href="{name}.html">{name}.html</a>'
    yield f'<p class="faint">Beside this page: {files}</p>'


def _light(item: Item, scale: float) -> str:
    """How much light was simulated, as scaled."""
    lights_s = [shot.scaled(scale).light_s for shot in item.shots()]
    shots = f"{len(lights_s)} shots" if len(lights_s) > 1 else "one shot"
    times_s = " to ".join(f"{light_s:g}" for light_s in sorted({min(lights_s), max(lights_s)}))
    return f"Light: {shots} of {times_s} s."


def _list(sentences: Sequence[str]) -> Iterator[str]:
    yield '<ul class="notes">'
    for sentence in sentences:
        yield f"<li>{escape(sentence)}</li>"
    yield "</ul>"


def _table(compared: Sequence[Comparison]) -> Iterator[str]:
    is_long = len(compared) > OPEN_ROWS
    if is_long:
        is_open = 2 * sum(one.paper is not None for one in compared) > len(compared)
        yield f"<details{' open' if is_open else ''}>"
        yield f"<summary>{len(compared)} compared quantities</summary>"
    notes = {one.note for one in compared}
    if is_shared := len(notes) == 1:
        yield f'<p class="faint">On all of them: {escape(notes.pop())}.</p>'
    yield '<div class="wide"><table><thead><tr><th>Quantity</th>'
    for head in ("Simulated", "&plusmn;", "Twin", "Deviation [&sigma;]", "Paper"):
        yield f'<th class="n">{head}</th>'
    yield f"{'' if is_shared else '<th>Note</th>'}</tr></thead><tbody>"
    for one in compared:
        yield _row(one, has_note=not is_shared)
    yield "</tbody></table></div>"
    if is_long:
        yield "</details>"


def _row(one: Comparison, *, has_note: bool) -> str:
    estimate = one.estimate
    digits = digits_of(estimate.sigma, estimate.value)
    note = f'<td class="note">{escape(one.note)}</td>' if has_note else ""
    return (
        f"<tr><td>{escape(one.quantity)}</td>"
        f'<td class="n">{number(estimate.value, digits)}</td>'
        f'<td class="n">{number(estimate.sigma, digits)}</td>'
        f'<td class="n">{number(estimate.twin, digits)}</td>'
        f"{_deviation_cell(estimate.deviation)}"
        f'<td class="n">{"-" if one.paper is None else f"{one.paper:.10g}"}</td>{note}</tr>'
    )


def _deviation_cell(deviation: float | None) -> str:
    if deviation is None:
        return '<td class="n">-</td>'
    is_far, is_very_far = abs(deviation) > FAR_SIGMA, abs(deviation) > VERY_FAR_SIGMA
    emphasis = " very-far" if is_very_far else " far" if is_far else ""
    return f'<td class="n{emphasis}">{sigma(deviation)}</td>'


def digits_of(sigma: float | None, value: float) -> int:
    """Decimals that show two digits of the error; four digits of a value without error."""
    reference = sigma or 10.0 * value
    if not reference or not math.isfinite(reference):
        return 3
    return max(0, 1 - math.floor(math.log10(abs(reference)))) + (2 if not sigma else 0)


def number(value: float | None, digits: int) -> str:
    """``value`` with ``digits`` decimals; a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.{digits}f}"
