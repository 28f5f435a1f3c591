"""One page that shows variants side by side: plots, tables, what is equal between them."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from netsim.report.compare import (
    COLUMNS,
    WORTH,
    WORTH_NOTE,
    architecture_figure,
    comparison_figure,
    group_notes,
    network_name,
)
from netsim.report.page.plots import Plots
from netsim.report.page.skeleton import (
    command,
    document,
    name_heads,
    number_heads,
    row,
    sentences,
    table,
)
from netsim.report.tables import shown_links
from netsim.studies.compare import Outcome
from netsim.studies.kept import load_comparison


def compare_page(directory: Path) -> str:
    """The page of the comparison in ``directory``, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        There is no whole comparison.
    """
    outcomes = load_comparison(directory)
    plots = Plots()
    title = f"Comparison of {', '.join(dict.fromkeys(one.topology for one in outcomes))}"
    return document(title, _body(title, outcomes, plots), head=plots.script)


def _body(title: str, outcomes: Sequence[Outcome], plots: Plots) -> Iterator[str]:
    run = outcomes[0].run
    yield f"<h1>{escape(title)}</h1>"
    light = f"{run.duration_s:g} s of light each, seed {run.seed}, level {run.fidelity}"
    yield f'<p class="faint">{escape(light)}</p>'
    yield from plots.hint()
    yield from plots.plot(comparison_figure(outcomes), "variants")
    for topology, found in groupby(outcomes, key=lambda outcome: outcome.topology):
        group = list(found)
        yield f"<h2>{escape(topology)}</h2>"
        yield from _links(group)
        yield from sentences(list(group_notes(group)))
    if len({outcome.topology for outcome in outcomes}) > 1:
        yield "<h2>Architectures</h2>"
        yield from plots.plot(architecture_figure(outcomes), "architectures")
        yield from _architectures(outcomes)
    yield "<h2>How to repeat it</h2>"
    yield "<p>Each variant by itself, from its own directory beside this page:</p>"
    for number, one in enumerate(outcomes, start=1):
        yield f'<p class="faint">{number:02d}: {escape(network_name(one, outcomes))}</p>'
        light = f"{one.run.duration_s:.12g}s"
        words = ("netsim", "run", "topology.json", "--duration", light)
        level = () if not one.run.fidelity.leaves_out else ("--fidelity", str(one.run.fidelity))
        yield command((*words, "--seed", str(one.run.seed), *level))


def _links(group: Sequence[Outcome]) -> Iterator[str]:
    """A row a variant and link."""
    if not shown_links(group[0].run).is_whole:
        yield f"<p>{escape(shown_links(group[0].run).title('Links'))} of each variant.</p>"
    heads = number_heads(*(column.header for column in COLUMNS))
    rows = (
        row(
            [outcome.variant.label, " & ".join(link.users)],
            (column.cell(link) for column in COLUMNS),
        )
        for outcome in group
        for shown in [shown_links(outcome.run)]
        for link in (*shown.poorest, *shown.richest)
    )
    yield from table([*name_heads("Variant", "Link"), *heads], rows)


def _architectures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    rows = (
        row([network_name(one, outcomes)], [column.cell(one) for column in WORTH])
        for one in outcomes
    )
    heads = number_heads(*(column.header for column in WORTH))
    yield from table([*name_heads("Network"), *heads], rows)
    yield f'<p class="faint">{escape(WORTH_NOTE)}</p>'
