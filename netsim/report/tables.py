"""The closing tables of a run: lanes beside twin and paper, links, users, totals, and their notes.

A table fits the width it is given: lanes take one line each where there is room for it and one
block of lines each where there is not; links drop columns that are in ``links.csv`` anyway.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.durations import seconds_text
from netsim.pools.pool import NOTHING_COMPARED
from netsim.report.columns import Column, fitting_table, link_columns
from netsim.report.demand import print_demand
from netsim.report.excerpt import (
    Excerpt,
    alarm_notes,
    bell_notes,
    excerpt,
    knowledge_notes,
    lanes_note,
    link_notes,
    links_note,
)
from netsim.report.text import (
    add_names,
    add_numbers,
    fits,
    fixed,
    percent,
    plain_table,
    sigma,
    sigma_style,
)
from netsim.results.deviation import qber_sigma, sifted_sigma, skr_sigma
from netsim.results.parts import LaneResult, LinkResult, PaperFigures
from netsim.results.run import Performance, Run
from netsim.units import s_from_ps

LEGEND_HINT = "What the columns mean: --legend, or docs/glossary.md."
DETECTOR_NAMES = ("Z+", "Z-", "X+", "X-")
"""What the four numbers of a packed click stand for."""
GROUP_GAP = "  "
"""Behind the last column of each quantity."""


def print_run(run: Run, console: Console, *, legend: bool = False) -> None:
    """Print the closing tables of `run`, and with ``legend`` what their columns mean."""
    console.print(Text(headline(run), style="bold"), soft_wrap=True)
    console.print()
    wide_lanes = _wide_lanes(run)
    console.print(wide_lanes if fits(wide_lanes, console) else _stacked_lanes(run))
    console.print()
    console.print(fitting_table(_columns_of(run), partial(_links, run), console))
    console.print()
    console.print(_users(run))
    console.print()
    if run.demand is not None:
        print_demand(run.demand, console)
        console.print()
    for line in notes(run, legend=legend):
        console.print(Text(line), soft_wrap=False)


def shown_lanes(run: Run) -> Excerpt[LaneResult]:
    """Lanes that the table has room for."""
    return excerpt(run.lanes, lambda lane: (lane.skr_asymptotic_bps, lane.sifted_hz))


def shown_links(run: Run) -> Excerpt[LinkResult]:
    """Links that the table has room for."""
    return excerpt(run.links, lambda link: (link.net_key_bps, link.counts.sifted_bits))


def headline(run: Run) -> str:
    """One line: what was simulated."""
    light = seconds_text(run.duration_ps)
    partial = ", PARTIAL: stopped before its time" if run.partial else ""
    return f"{run.topology}: {light} s of light, {run.fidelity} level, seed {run.seed}{partial}"


def notes(run: Run, *, legend: bool) -> Iterator[str]:
    """Totals, speed, footnotes and what the figures assume; what columns mean, if asked for."""
    totals, performance = run.totals, run.performance
    yield (
        f"Total: asymptotic SKR {totals.skr_asymptotic_bps:.1f} "
        f"+- {totals.skr_error_bps:.1f} bit/s{_paper_total(run)}, "
        f"net key {totals.net_key_bps:.1f} bit/s."
    )
    yield from _level(run)
    yield from alarm_notes(run.links)
    yield from link_notes(run.links)
    yield from bell_notes(run.lanes)
    yield from knowledge_notes(run.links)
    if performance.wall_s > 0:
        yield (
            f"Speed: {performance.wall_s:.1f} s of wall time, {_tags(performance)}"
            f"{_rough(s_from_ps(run.duration_ps) / performance.wall_s)} times real time."
        )
    if not shown_lanes(run).is_whole:
        yield lanes_note(run)
    if not shown_links(run).is_whole:
        yield links_note(run)
    if run.paper_source is not None:
        yield f"Paper: {run.paper_source}"
    for mark, note in _footnotes(run).items():
        yield f"{mark} {note}"
    if legend:
        yield from _legend(run)
    for assumptions in dict.fromkeys(link.assumptions for link in run.links if link.assumptions):
        yield f"Assumed: {assumptions}."
    if not legend:
        yield LEGEND_HINT


def _level(run: Run) -> Iterator[str]:
    """How deep was simulated: what is left out, or what is there to compare."""
    if left_out := run.fidelity.leaves_out:
        yield f"Level {run.fidelity}: {left_out}."
    if run.fidelity.has_keys:
        yield _agreement(run)


def _legend(run: Run) -> Iterator[str]:
    """What the columns mean."""
    scored = "scored by the simulator at true click times, before digitiser and clocks"
    yield (
        f"Lanes are {scored if run.fidelity.has_keys else 'drawn by the simulator'}: SKR = "
        "N [1 - 2.2 h(QBER)], asymptotic, without a secrecy epsilon; sigma: deviation from the "
        "analytic twin in standard deviations."
    )
    epsilons = any(link.epsilon is not None for link in run.links)
    yield (
        "Links are booked by the parties: f = parity bits / n h(Q); key and authentication, that "
        "of the closing included, count at one end; net = (key - authentication) / time; settled: "
        "from the end of the light until both ends had closed"
        f"{'; epsilon: all rounds together' if epsilons else ''}."
    )


def _tags(performance: Performance) -> str:
    if not performance.tags:
        return ""
    return f"{performance.tags} tags, {_rough(performance.tags_per_s)} tags/s, "


def _rough(value: float) -> str:
    """Two digits, written out: 670, 0.031."""
    return f"{float(f'{value:.2g}'):.12g}"


def _agreement(run: Run) -> str:
    """What comparing the pools of both ends of every link has found."""
    compared = sum((link.pools for link in run.links), NOTHING_COMPARED)
    return f"Keys compared bit for bit: {compared}."


def _paper_total(run: Run) -> str:
    if run.paper_total_skr_bps is None:
        return ""
    return f" (paper {run.paper_total_skr_bps:.1f})"


def _footnotes(run: Run) -> dict[str, str]:
    """Mark of each distinct note of the paper's figures, in the order of the lanes."""
    texts = dict.fromkeys(lane.paper.note for lane in run.lanes if lane.paper is not None)
    return {"*" * count: text for count, text in enumerate(filter(None, texts), start=1)}


def _paper_sifted(paper: PaperFigures | None, footnotes: dict[str, str]) -> str:
    if paper is None:
        return "-"
    mark = next((mark for mark, text in footnotes.items() if text == paper.note), "")
    return fixed(paper.sifted_hz, 1) + mark


_WIDE_HEADERS = (
    ("N_sift\n[1/s]", "\ntwin", "\nsigma", "\npaper"),
    ("V\n", "\npaper"),
    ("QBER\n[%]", "\ntwin", "\nsigma", "\npaper"),
    ("SKR\n[bit/s]", "\ntwin", "\nsigma", "\npaper"),
)


def _wide_lanes(run: Run) -> Table:
    """A line a lane; without the columns of a publication where there is none."""
    lanes = shown_lanes(run)
    has_paper = any(lane.paper is not None for lane in run.lanes)
    table = plain_table(lanes.title("Lanes"))
    add_names(table, "\nLink", "\nLane")
    for *headers, paper in _WIDE_HEADERS:
        shown = [*headers, paper] if has_paper else headers
        add_numbers(table, *shown[:-1], shown[-1] + GROUP_GAP)
    footnotes = _footnotes(run)
    for part in (lanes.poorest, lanes.richest):
        for lane in part:
            cells: list[Text] = []
            for *own, paper_cell in _cells(lane, footnotes):
                shown_cells = [*own, paper_cell] if has_paper else own
                cells += [*shown_cells[:-1], shown_cells[-1].append(GROUP_GAP)]
            table.add_row(" & ".join(lane.users), "&".join(lane.channels), *cells)
        table.add_section()
    return table


def _cells(lane: LaneResult, footnotes: dict[str, str]) -> Iterator[Sequence[Text]]:
    """A group of cells a quantity, what is published last."""
    twin, paper = lane.twin, lane.paper
    yield (
        Text(fixed(lane.sifted_hz, 1), style="bold"),
        Text(fixed(twin.sifted_hz, 1)),
        _sigma_cell(sifted_sigma(lane)),
        Text(_paper_sifted(paper, footnotes)),
    )
    yield (
        Text(fixed(lane.visibility, 3), style="bold"),
        Text(fixed(paper.visibility if paper else None, 3)),
    )
    yield (
        Text(percent(lane.qber), style="bold"),
        Text(percent(twin.qber)),
        _sigma_cell(qber_sigma(lane)),
        Text(percent(paper.qber if paper else None)),
    )
    yield (
        Text(fixed(lane.skr_asymptotic_bps, 1), style="bold"),
        Text(fixed(twin.skr_bps, 1)),
        _sigma_cell(skr_sigma(lane)),
        Text(fixed(paper.skr_bps if paper else None, 1)),
    )


def _sigma_cell(value: float | None) -> Text:
    return Text(sigma(value), style=sigma_style(value))


def _stacked_lanes(run: Run) -> Table:
    lanes = shown_lanes(run)
    table = plain_table(lanes.title("Lanes"))
    add_names(table, "Link, lane", "")
    add_numbers(table, "N_sift [1/s]", "V", "QBER [%]", "SKR [bit/s]")
    footnotes = _footnotes(run)
    for lane in (*lanes.poorest, *lanes.richest):
        rows = list(_block(lane, footnotes))
        labels = [" & ".join(lane.users), "&".join(lane.channels)]
        for number, row in enumerate(rows):
            label = labels[number] if number < len(labels) else ""
            table.add_row(label, *row, end_section=number == len(rows) - 1)
    return table


def _block(lane: LaneResult, footnotes: dict[str, str]) -> Iterator[Sequence[str | Text]]:
    twin, paper, skr = lane.twin, lane.paper, lane.skr_asymptotic_bps
    run_row = (
        "run",
        fixed(lane.sifted_hz, 1),
        fixed(lane.visibility, 3),
        percent(lane.qber),
        fixed(skr, 1),
    )
    yield [Text(cell, style="bold") for cell in run_row]
    yield (
        "twin",
        fixed(twin.sifted_hz, 1),
        fixed(1 - 2 * twin.qber, 3),
        percent(twin.qber),
        fixed(twin.skr_bps, 1),
    )
    by_qber = qber_sigma(lane)
    yield (
        "sigma",
        _sigma_cell(sifted_sigma(lane)),
        _sigma_cell(None if by_qber is None else -by_qber),
        _sigma_cell(by_qber),
        _sigma_cell(skr_sigma(lane)),
    )
    if paper is not None:
        yield (
            "paper",
            _paper_sifted(paper, footnotes),
            fixed(paper.visibility, 3),
            percent(paper.qber),
            fixed(paper.skr_bps, 1),
        )


_LINK_COLUMNS = link_columns(
    (
        *("Rounds", "Failed", "f", "f\ncharged", "Leak\n[bit]", "Verif.\n[bit]", "Auth.\n[bit]"),
        *("Key\n[bit]", "Net\n[bit/s]", "Mes-\nsages", "Wire", "Round\ntrips", "Re-\nsent"),
        *("Alarms", "Settled\n[s]"),
    ),
    wide_only={
        *("f\ncharged", "Verif.\n[bit]", "Mes-\nsages", "Re-\nsent", "Alarms", "Settled\n[s]"),
    },
    going=("Round\ntrips", "Wire", "Leak\n[bit]", "f", "Auth.\n[bit]"),
)


def _columns_of(run: Run) -> tuple[Column[LinkResult], ...]:
    has_epsilon = any(link.epsilon is not None for link in run.links)
    return _LINK_COLUMNS + (link_columns(("Epsilon",)) if has_epsilon else ())


def _links(run: Run, columns: Sequence[Column[LinkResult]]) -> Table:
    links = shown_links(run)
    table = plain_table(links.title("Links"))
    add_names(table, "Link")
    add_numbers(table, *(column.header for column in columns))
    for part in (links.poorest, links.richest):
        for link in part:
            table.add_row(" & ".join(link.users), *(column.cell(link) for column in columns))
        table.add_section()
    return table


def _users(run: Run) -> Table:
    table = plain_table("Users")
    add_names(table, "User")
    add_numbers(table, "Singles [1/s]", *DETECTOR_NAMES)
    for user in run.users:
        rates_hz = (user.singles_hz, *user.detectors_hz)
        table.add_row(user.name, *(fixed(rate_hz, 0) for rate_hz in rates_hz))
    return table
