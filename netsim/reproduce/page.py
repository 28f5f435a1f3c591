"""One page that shows a reproduction: figures, compared quantities, what the paper does not say.

Without the extra ``report`` it has no plots.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape

from netsim.report.page.comparisons import comparison_table, deviation_cell
from netsim.report.page.plots import Plots
from netsim.report.page.skeleton import document, sentences, table
from netsim.report.text import FAR_SIGMA
from netsim.reproduce.item import Findings, Item, Paper
from netsim.studies.comparison import deviations, printed_count, worst_deviation

Found = Sequence[tuple[Item, Findings]]

OVERVIEW_HEADS = (
    "<th>Item</th>",
    "<th></th>",
    '<th class="n">Compared</th>',
    '<th class="n">In the text</th>',
    '<th class="n">Largest deviation<br>from the twin [&sigma;]</th>',
)


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
    plots = Plots()
    body = [
        *_head(paper, found, scale, plots),
        *(part for entry in found for part in _section(*entry, plots, scale)),
    ]
    return document(paper.title, body, head=plots.script)


def _head(paper: Paper, found: Found, scale: float, plots: Plots) -> Iterator[str]:
    yield f"<h1>{escape(paper.title)}</h1>"
    yield f'<p class="faint">{escape(paper.source)}</p>'
    yield f"<p>{escape(_verdict(found))}</p>"
    if scale != 1.0:
        yield f"<p><strong>All light times are multiplied by {scale:g}.</strong></p>"
    yield from plots.hint()
    yield from table(OVERVIEW_HEADS, (_overview_row(*entry) for entry in found))
    yield "<h2>What the paper's text does not say</h2>"
    yield from sentences(paper.limits)


def _verdict(found: Found) -> str:
    compared = [one for _, findings in found for one in findings.compared]
    values = deviations(compared)
    if not values:
        return f"{len(compared)} quantities, none of them beside a twin."
    spread = math.sqrt(math.fsum(value * value for value in values) / len(values))
    far = sum(abs(value) > FAR_SIGMA for value in values)
    return (
        f"{len(compared)} quantities are compared; {printed_count(compared)} of them are printed "
        f"in the paper's text. {len(values)} stand beside the analytic twin with an error: root "
        f"mean square of the deviations {spread:.2f} standard errors (1 is expected; quantities of "
        f"one measurement are not independent), {far} beyond 3 (by chance "
        f"{0.0027 * len(values):.1f})."
    )


def _overview_row(item: Item, findings: Findings) -> str:
    return (
        f'<tr><td><a href="#{escape(item.name)}">{escape(item.name)}</a></td>'
        f"<td>{escape(item.title)}</td>"
        f'<td class="n">{len(findings.compared)}</td>'
        f'<td class="n">{printed_count(findings.compared) or "-"}</td>'
        f"{deviation_cell(worst_deviation(findings.compared))}</tr>"
    )


def _section(item: Item, findings: Findings, plots: Plots, scale: float) -> Iterator[str]:
    name = escape(item.name)
    yield f'<h2 id="{name}">{name}: {escape(item.title)}</h2>'
    yield f"<p>{escape(item.about)} {_light(item, scale)}</p>"
    yield from plots.plot(findings.figure, f"plot-{name}")
    if findings.notes:
        yield from sentences(findings.notes)
    yield from comparison_table(findings.compared)
    suffixes = ("csv", "svg", "html") if plots.are_there else ("csv",)
    files = (f'<a href="{name}.{suffix}">{name}.{suffix}</a>' for suffix in suffixes)
    yield f'<p class="faint">Beside this page: {", ".join(files)}</p>'


def _light(item: Item, scale: float) -> str:
    """How much light was simulated, as scaled."""
    lights_s = [shot.scaled(scale).light_s for shot in item.shots()]
    shots = f"{len(lights_s)} shots" if len(lights_s) > 1 else "one shot"
    times_s = " to ".join(f"{light_s:g}" for light_s in sorted({min(lights_s), max(lights_s)}))
    return f"Light: {shots} of {times_s} s."
