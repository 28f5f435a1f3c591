"""What the twin expects applications to get of the key, and of links what is left, as tables."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.relay.terms import over_text
from netsim.report.text import add_names, add_numbers, fixed, plain_table
from netsim.twin.demand import DemandForecast

NOTE = (
    "In the long run, by mean rates: what pools hold at first and how requests bunch is for a run."
)


def print_wanted(found: DemandForecast, remedies: Iterable[str], console: Console) -> None:
    """Print both tables, and what would serve those who fall short."""
    for table in (_applications(found), _links(found)):
        console.print(table)
        console.print()
    for line in remedies:
        console.print(Text(f"{line}."))
    console.print(Text(NOTE))


def _applications(found: DemandForecast) -> Table:
    table = plain_table("Applications, as the key allows")
    add_names(table, "Name", "Between")
    add_numbers(table, "Wants\n[bit/s]", "Own link\n[bit/s]", "Relayed\n[bit/s]", "Gets\n[%]")
    add_names(table, "Known to")
    for each in sorted(found.applications, key=lambda each: each.share):
        relayed = each.fulfilled.relayed_bps
        table.add_row(
            each.wish.name,
            " & ".join(each.wish.users),
            fixed(each.wish.key_bps, 2),
            fixed(each.fulfilled.direct_bps, 2),
            fixed(sum(relayed.values()), 2),
            fixed(100 * each.share, 1),
            "; ".join(map(over_text, relayed)),
        )
    return table


def _links(found: DemandForecast) -> Table:
    table = plain_table("Key of links, and what nobody takes")
    add_names(table, "Link")
    add_numbers(table, "Net\n[bit/s]", "Left\n[bit/s]")
    for users, made_bps in found.made_bps.items():
        table.add_row(" & ".join(users), fixed(made_bps, 2), fixed(found.left_bps[users], 2))
    return table
