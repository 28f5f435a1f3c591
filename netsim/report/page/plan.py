"""One page that shows a plan, or several side by side, from the JSON that `netsim plan` prints."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from netsim.errors import ConfigError
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
from netsim.report.plan import (
    GROWTH,
    GROWTH_NAMES,
    GROWTH_NUMBERS,
    TRADEOFF,
    TRADEOFF_NAMES,
    TRADEOFF_NUMBERS,
    Told,
    growth_cells,
    growth_figure,
    key_figure,
    lanes_figure,
    table_notes,
    tradeoff_cells,
    tradeoff_figure,
    user_rows,
    users_figure,
)
from netsim.report.text import fixed

MOST_PAIRS = 200
"""Of the table of pairs, poorest first."""
MAX_BYTES = 64 << 20


def plan_page_of(path: Path) -> str:
    """The page of what `netsim plan --json` printed into a file.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(MAX_BYTES))
    except OSError as error:
        raise ConfigError.of(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError.of(path, "is no JSON") from error
    try:
        return plan_page(told)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError.of(
            path, "is not what netsim plan --json prints; of results, give the directory"
        ) from error


def plan_page(told: Told | Sequence[Told], words: Sequence[str] = ()) -> str:
    """The page of a plan or of a list of plans, as HTML that loads nothing.

    Parameters
    ----------
    told : mapping or sequence of mapping
        The JSON of `netsim plan`.
    words : sequence of str
        Of the command that made it; none if it is not known.
    """
    plots = Plots()
    if isinstance(told, Mapping):
        title, body = str(told["notes"][0]), _plan(told, plots)
    else:
        is_growth = len({len(plan["users"]) for plan in told}) > 1
        title = GROWTH if is_growth else TRADEOFF
        body = _plans(told, plots, is_growth=is_growth)
    lines = [f"<h1>{escape(title)}</h1>", *body, *_repeat(words)]
    return document(title, lines, head=plots.script)


def _repeat(words: Sequence[str]) -> Iterator[str]:
    if words:
        yield "<h2>How to repeat it</h2>"
        yield command(words)


def _plan(plan: Told, plots: Plots) -> Iterator[str]:
    yield from sentences([str(note) for note in plan["notes"][1:]])
    yield from plots.hint()
    yield "<h2>Users</h2>"
    yield from plots.plot(users_figure(plan), "users")
    heads = [*name_heads("User", "Channels"), *number_heads("Singles [1/s]")]
    heads += number_heads("Poorest [bit/s]", "All [bit/s]")
    yield from table(heads, (row(*cells) for cells in user_rows(plan)))
    yield "<h2>Lanes</h2>"
    yield (
        '<p class="faint">An arc joins the two channels of a lane; its colour says which pumps '
        "make its pairs.</p>"
    )
    yield from plots.plot(lanes_figure(plan), "lanes")
    yield "<h2>Key</h2>"
    yield from plots.plot(key_figure(plan), "key")
    yield from _pairs(plan)
    if "demand" in plan:
        yield "<h2>Applications, as the key allows</h2>"
        yield from _applications(plan["demand"])


def _pairs(plan: Told) -> Iterator[str]:
    """Every wanted pair with its lanes, the poorest first."""
    channels: dict[tuple[str, ...], list[str]] = {}
    for lane in plan["lanes"]:
        joined = "&".join(f"C{label}" for label in lane["channels"])
        channels.setdefault(tuple(sorted(lane["users"])), []).append(joined)
    poorest = sorted(plan["pairs"], key=lambda pair: float(pair["skr_bps"]))
    yield "<details open><summary>Wanted pairs, the poorest first</summary>"
    if len(poorest) > MOST_PAIRS:
        yield f"<p>{MOST_PAIRS} of {len(poorest)}.</p>"
    rows = (
        row(
            [" & ".join(pair["users"]), ", ".join(channels.get(tuple(sorted(pair["users"])), []))],
            [fixed(pair["skr_bps"], 2)],
        )
        for pair in poorest[:MOST_PAIRS]
    )
    yield from table([*name_heads("Pair", "Lanes"), *number_heads("SKR [bit/s]")], rows)
    yield "</details>"


def _applications(demand: Mapping[str, Any]) -> Iterator[str]:
    """What each gets, and what would serve those who fall short."""
    heads = [*name_heads("Name", "Between"), *number_heads("Wants [bit/s]", "Own link [bit/s]")]
    heads += [*number_heads("Relayed [bit/s]", "Gets [%]")]
    rows = (
        row(
            [each["name"], " & ".join(each["users"])],
            [
                fixed(each["wanted_bps"], 2),
                fixed(each["direct_bps"], 2),
                fixed(sum(way["key_bps"] for way in each["relayed"]), 2),
                fixed(100 * each["share"], 1),
            ],
        )
        for each in sorted(demand["applications"], key=lambda each: float(each["share"]))
    )
    yield from table(heads, rows)
    yield from sentences([f"{line}." for line in demand["remedies"]])


def _plans(plans: Sequence[Told], plots: Plots, *, is_growth: bool) -> Iterator[str]:
    is_partial = any(plan.get("partial") for plan in plans)
    yield from sentences(list(table_notes(plans, is_growth=is_growth)))
    yield from plots.hint()
    figure: Any = growth_figure if is_growth else tradeoff_figure
    yield from plots.plot(figure(plans, is_partial=is_partial), "plans")
    if is_growth:
        heads = [*number_heads(*GROWTH_NUMBERS), *name_heads(*GROWTH_NAMES)]
        rows = (row([], *growth_cells(plan)) for plan in plans)
    else:
        heads = [*name_heads(*TRADEOFF_NAMES), *number_heads(*TRADEOFF_NUMBERS)]
        rows = (row(*tradeoff_cells(plan)) for plan in plans)
    yield from table(heads, rows)
