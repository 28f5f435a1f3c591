"""Compared quantities as a table of a page: simulated, twin, deviation, printed."""

from collections.abc import Iterator, Sequence
from html import escape

from netsim.report.page.skeleton import table
from netsim.report.text import FAR_SIGMA, NOTHING, VERY_FAR_SIGMA, digits_of, fixed, sigma
from netsim.studies.comparison import Comparison, printed_count

OPEN_ROWS = 16
"""Longer tables are folded, unless a paper prints most of their rows."""
NUMBERS = ("Simulated", "&plusmn;", "Twin", "Deviation [&sigma;]", "Paper")


def comparison_table(compared: Sequence[Comparison]) -> Iterator[str]:
    """A row a quantity; a note that all of them share stands above."""
    is_long = len(compared) > OPEN_ROWS
    if is_long:
        is_open = 2 * printed_count(compared) > len(compared)
        yield f"<details{' open' if is_open else ''}>"
        yield f"<summary>{len(compared)} compared quantities</summary>"
    notes = {one.note for one in compared}
    if is_shared := len(notes) == 1:
        yield f'<p class="faint">On all of them: {escape(notes.pop())}.</p>'
    heads = ["<th>Quantity</th>", *(f'<th class="n">{head}</th>' for head in NUMBERS)]
    yield from table(
        [*heads, *([] if is_shared else ["<th>Note</th>"])],
        (_row(one, has_note=not is_shared) for one in compared),
    )
    if is_long:
        yield "</details>"


def _row(one: Comparison, *, has_note: bool) -> str:
    estimate = one.estimate
    digits = digits_of(estimate.sigma, estimate.value)
    note = f'<td class="note">{escape(one.note)}</td>' if has_note else ""
    return (
        f"<tr><td>{escape(one.quantity)}</td>"
        f'<td class="n">{fixed(estimate.value, digits)}</td>'
        f'<td class="n">{fixed(estimate.sigma, digits)}</td>'
        f'<td class="n">{fixed(estimate.twin, digits)}</td>'
        f"{deviation_cell(estimate.deviation)}"
        f'<td class="n">{NOTHING if one.paper is None else f"{one.paper:.10g}"}</td>{note}</tr>'
    )


def deviation_cell(deviation: float | None) -> str:
    """A deviation in standard errors, emphasised where it is far."""
    if deviation is None:
        return f'<td class="n">{NOTHING}</td>'
    is_far, is_very_far = abs(deviation) > FAR_SIGMA, abs(deviation) > VERY_FAR_SIGMA
    emphasis = " very-far" if is_very_far else " far" if is_far else ""
    return f'<td class="n{emphasis}">{sigma(deviation)}</td>'
