"""Keys that came over other users: who could know them, and what each pool has paid, as tables."""

from collections.abc import Iterator

from rich.table import Table

from netsim.relay.terms import over_text
from netsim.report.text import add_names, add_numbers, plain_table
from netsim.results.demand import ApplicationResult, DemandResult, RelayResult

NOTES = (
    "Known to: each user of a path (>) has its share, one user of every path (+) together the key.",
    "Lost, and blocked: the ends found different keys or a false message, or it came too late,",
    "or was under way at the end; all thrown away.",
)


def relay_tables(demand: DemandResult) -> Iterator[Table]:
    """Who could know the keys, and what was paid for them."""
    yield _keys(demand)
    yield _paid(demand)


def relay_notes(demand: DemandResult) -> Iterator[str]:
    """What is to be said of the keys."""
    yield from NOTES
    for each in demand.applications:
        yield from _remarks(each)


def _keys(demand: DemandResult) -> Table:
    table = plain_table("Relayed keys, and who could know them")
    add_names(table, "Name", "Between", "Known to")
    add_numbers(table, "Keys")
    for each in demand.applications:
        if each.relay is not None:
            for known_to, keys in _routes(each.relay):
                table.add_row(each.name, " & ".join(each.users), known_to, str(keys))
    return table


def _routes(relay: RelayResult) -> Iterator[tuple[str, int]]:
    counts = relay.counts
    for over, keys in counts.routes.most_common():
        yield over_text(over), keys
    if counts.lost or not counts.routes:
        yield "(lost)", counts.lost


def _paid(demand: DemandResult) -> Table:
    table = plain_table("What pools have paid for them, at each of their ends")
    add_names(table, "Link", "Name")
    add_numbers(table, "Paid [bit]")
    for each in demand.applications:
        if each.relay is not None:
            for link, bits in each.relay.counts.paid_bits.most_common():
                table.add_row(link, each.name, str(bits))
    return table


def _remarks(each: ApplicationResult) -> Iterator[str]:
    if each.relay is None:
        return
    counts = each.relay.counts
    if counts.unequal:
        yield f"KEYS DIFFER: {counts.unequal} of {each.name}, and its users cannot see it"
    if each.relay.paths == 1 and counts.routes:
        yield f"{each.name}: one dishonest user on the way can give its ends two different keys"
    elif counts.routes:
        bound = f"{counts.unnoticed_probability:.1e}"
        text = "its ends have two keys unnoticed, while one path is honest"
        yield f"{each.name}: {text}: below {bound}"
