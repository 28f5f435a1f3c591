"""What the twin expects, as tables: one topology in full, or measures over a grid."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.report.excerpt import MAX_ROWS
from netsim.report.scanning import (
    number,
    reasons_of,
    settings_of,
    short,
    shown_rows,
    shown_value,
)
from netsim.report.text import add_names, add_numbers, fixed, percent, plain_table
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis
from netsim.studies.measures import MEASURES
from netsim.twin.forecast import Forecast

LEGEND = (
    "By formula, without a photon: N_sift all lanes of a link, accidentals among them; SKR = "
    "N [1 - 2.2 h(QBER)], asymptotic; net: key of whole rounds less authentication."
)

NO_NET_KEY = (
    "No net key where there is SKR: a link has too few coincidences to be sure of its clocks, or "
    "too short rounds; without --over the twin says which."
)


def print_forecast(forecast: Forecast, console: Console) -> None:
    """Lanes, links and users of one topology."""
    for table in (_lanes(forecast), _links(forecast), _users(forecast)):
        console.print(table)
        console.print()
    for link in forecast.links:
        for note in link.notes:
            console.print(Text(f"{' & '.join(link.users)}: {note}."))
    console.print(Text(LEGEND))


def _lanes(forecast: Forecast) -> Table:
    table = plain_table(f"{forecast.topology}: what the twin expects of lanes")
    add_names(table, "Link", "Lane")
    add_numbers(table, "N_sift\n[1/s]", "Accid.\n[1/s]", "QBER\n[%]", "V\n", "SKR\n[bit/s]")
    for lane in forecast.lanes[:MAX_ROWS]:
        table.add_row(
            " & ".join(lane.users),
            "&".join(lane.channels),
            fixed(lane.sifted_hz, 1),
            fixed(lane.accidental_hz, 2),
            percent(lane.qber),
            fixed(lane.visibility, 3),
            fixed(lane.skr_bps, 1),
        )
    return _cut(table, len(forecast.lanes))


def _links(forecast: Forecast) -> Table:
    table = plain_table("Links")
    add_names(table, "Link")
    add_numbers(table, "Round\n[s]", "Key/round\n[bit]", "Net\n[bit/s]", "SKR\n[bit/s]")
    for link in forecast.links[:MAX_ROWS]:
        table.add_row(
            " & ".join(link.users),
            f"{link.round_s:g}",
            "-" if link.key_bits is None else str(link.key_bits),
            fixed(link.net_key_bps, 1),
            fixed(link.skr_bps, 1),
        )
    return _cut(table, len(forecast.links))


def _users(forecast: Forecast) -> Table:
    table = plain_table("Users")
    add_names(table, "User")
    add_numbers(table, "Singles\n[1/s]", "that count\n[1/s]")
    for user in forecast.users[:MAX_ROWS]:
        table.add_row(user.name, fixed(user.singles_hz, 0), fixed(user.live_hz, 0))
    return _cut(table, len(forecast.users))


def _cut(table: Table, total: int) -> Table:
    """Say how many rows are left out; ``--json`` has all."""
    if total > MAX_ROWS:
        table.caption = f"the first {MAX_ROWS} of {total}; --json has all"
    return table


def print_scan(title: str, axes: Sequence[Axis], rows: Sequence[Row], console: Console) -> None:
    """A line a point and link."""
    table = plain_table(title)
    add_names(table, *(short(axis.path) for axis in axes), "Link")
    add_numbers(table, *(measure.head for measure in MEASURES))
    for row in shown_rows(rows):
        values = (shown_value(measure, number(row[measure.name])) for measure in MEASURES)
        table.add_row(*settings_of(axes, row), str(row["link"]), *values)
    console.print(table)
    console.print()
    for line in reasons_of(axes, rows):
        console.print(Text(line))
    if any(number(row["net_key_bps"]) == 0.0 and number(row["skr_bps"]) for row in rows):
        console.print(Text(NO_NET_KEY))
    console.print(Text(LEGEND))
