"""One page that shows what came of two recordings: lock, rounds, key, detectors against another."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from netsim.errors import ConfigError
from netsim.pools.history import pool_histories
from netsim.pools.ledgerfile import read_ledger
from netsim.report.distil import (
    ENDED_BY,
    FOR_STUDY,
    OUTCOMES,
    ROUND_NUMBERS,
    SINGLES,
    distilled_title,
    link_rows,
    outcome_rows,
    round_rows,
)
from netsim.report.figure import Figure, Panel, Series
from netsim.report.page.plots import Plots
from netsim.report.page.repeat import made_with
from netsim.report.page.run_figures import pool_figure
from netsim.report.page.skeleton import (
    command,
    document,
    name_heads,
    number_heads,
    row,
    sentences,
    table,
)
from netsim.results.directory import LEDGER, SUMMARY
from netsim.results.distilled import MADE
from netsim.results.parts import Json

_PANELS = (
    ("sifted [bit]", "sifted_bits", 1.0),
    ("QBER [%]", "qber", 100.0),
    ("leak [bit]", "leaked_bits", 1.0),
    ("key [bit]", "key_bits", 1.0),
)


def distil_page(directory: Path) -> str:
    """The page of what `netsim distil --out` left in ``directory``, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        There is no whole result.
    """
    plots = Plots()
    try:
        told = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))
        body = list(_body(told, directory, plots))
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise ConfigError.of(directory, f"holds no distilled key: {error!r}") from error
    return document("Key of two recordings", body, head=plots.script)


def _body(told: Json, directory: Path, plots: Plots) -> Iterator[str]:
    yield f"<h1>{escape(distilled_title(told))}</h1>"
    notes = (f"Note: {note}." for note in told["notes"].split("; ") if note)
    yield from sentences([f"Assumed: {told['assumptions']}. {FOR_STUDY}", *notes])
    yield from plots.hint()
    yield "<h2>Link</h2>"
    yield from table([], (row([name, value]) for name, value in link_rows(told)))
    yield "<h2>Rounds</h2>"
    if told["blocks"]:
        yield from plots.plot(_round_figure(told["blocks"]), "rounds")
    heads = [*number_heads(*ROUND_NUMBERS), *name_heads(ENDED_BY)]
    yield from table(heads, (row([], numbers, [by]) for *numbers, by in round_rows(told)))
    yield "<h2>Pool over time</h2>"
    histories = pool_histories(read_ledger(directory / LEDGER))
    yield from plots.plot(pool_figure(histories, told["light_s"], ()), "pool")
    if outcomes := outcome_rows(told):
        yield f"<h2>{escape(OUTCOMES)}</h2>"
        heads = [*name_heads(""), *number_heads(*told["outcomes"]["detectors"], SINGLES)]
        yield from table(heads, (row(cells[:1], cells[1:]) for cells in outcomes))
    if told["alarms"]:
        yield "<h2>Alarms</h2>"
        yield from sentences(told["alarms"])
    if (directory / MADE).is_file():
        yield from _repeat(json.loads((directory / MADE).read_text(encoding="utf-8")))


def _repeat(made: Json) -> Iterator[str]:
    yield "<h2>How to repeat it</h2>"
    yield "<p>From where the recordings are:</p>"
    yield command(made["command"])
    yield from made_with(made["versions"])


def _round_figure(blocks: list[Json]) -> Figure:
    """A panel a quantity, a point a round with key."""
    rounds = tuple(float(one["round"]) for one in blocks)
    panels = tuple(
        Panel(
            "round",
            label,
            (Series("rounds with key", rounds, tuple(scale * one[name] for one in blocks)),),
            from_zero=True,
        )
        for label, name, scale in _PANELS
    )
    return Figure("Rounds", panels, columns=2)
