"""Lanes and links of a run as tables of a page."""

from collections.abc import Iterator, Sequence
from html import escape

from netsim.report.excerpt import lanes_note, links_note
from netsim.report.page.comparisons import deviation_cell
from netsim.report.page.skeleton import name_cell, table
from netsim.report.tables import shown_lanes, shown_links
from netsim.report.text import NOTHING, fixed, percent
from netsim.results.deviation import qber_sigma, sifted_sigma, skr_sigma
from netsim.results.parts import LaneResult, LinkResult
from netsim.results.run import Run

_LANE_NUMBERS = (
    *("N_sift [1/s]", "twin", "&sigma;"),
    *("QBER [%]", "twin", "&sigma;"),
    *("SKR [bit/s]", "twin", "&sigma;"),
)
_LINK_NUMBERS = (
    *("Rounds", "without key", "f", "f charged", "Leak [bit]", "Authentication [bit]"),
    *("Key [bit]", "Net [bit/s]", "Alarms", "Epsilon"),
)


def lanes_table(run: Run) -> Iterator[str]:
    """A row a lane, each value beside the twin; of a large network the poorest and the richest."""
    lanes = shown_lanes(run)
    if not lanes.is_whole:
        yield f"<p>{escape(lanes_note(run))}</p>"
    heads = ["<th>Link</th>", "<th>Lane</th>", *map(_number_head, _LANE_NUMBERS)]
    yield from table(heads, map(_lane_row, (*lanes.poorest, *lanes.richest)))


def links_table(run: Run) -> Iterator[str]:
    """A row a link, as the parties book it."""
    links = shown_links(run)
    if not links.is_whole:
        yield f"<p>{escape(links_note(run))}</p>"
    heads = ["<th>Link</th>", *map(_number_head, _LINK_NUMBERS)]
    yield from table(heads, map(_link_row, (*links.poorest, *links.richest)))


def _number_head(text: str) -> str:
    return f'<th class="n">{text}</th>'


def _number(text: str) -> str:
    return f'<td class="n">{text}</td>'


def _link(users: Sequence[str]) -> str:
    """A cell that does not break between short names."""
    return name_cell(" & ".join(users))


def _lane_row(lane: LaneResult) -> str:
    twin = lane.twin
    return (
        f"<tr>{_link(lane.users)}"
        f"<td>{escape('&'.join(lane.channels))}</td>"
        f"{_number(fixed(lane.sifted_hz, 1))}{_number(fixed(twin.sifted_hz, 1))}"
        f"{deviation_cell(sifted_sigma(lane))}"
        f"{_number(percent(lane.qber))}{_number(percent(twin.qber))}"
        f"{deviation_cell(qber_sigma(lane))}"
        f"{_number(fixed(lane.skr_asymptotic_bps, 1))}{_number(fixed(twin.skr_bps, 1))}"
        f"{deviation_cell(skr_sigma(lane))}</tr>"
    )


def _link_row(link: LinkResult) -> str:
    counts = link.counts
    cells = (
        str(counts.blocks),
        str(counts.blocks_failed),
        fixed(link.f_measured, 3),
        fixed(link.f_charged, 3),
        str(counts.leaked_bits),
        str(counts.auth_spent_bits),
        str(counts.deposited_bits),
        fixed(link.net_key_bps, 1),
        str(counts.alarms),
        NOTHING if link.epsilon is None else f"{link.epsilon:.2g}",
    )
    return f"<tr>{_link(link.users)}{''.join(map(_number, cells))}</tr>"
