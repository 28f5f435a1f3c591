"""What applications have got of the key, and what that has made of the pools, as two tables."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from netsim.report.relay import relay_notes, relay_tables
from netsim.report.text import add_names, add_numbers, fixed, plain_table
from netsim.results.demand import ApplicationResult, DemandResult, PoolResult
from netsim.units import s_from_ps

NOTES = (
    "Blocked: requests that went away, were given up or came too late, of all.",
    "Below: time below the threshold; empty: when a request first found too little key.",
)


def print_demand(demand: DemandResult, console: Console) -> None:
    """Print all tables, and what is to be said of them."""
    for table in demand_tables(demand):
        console.print(table)
        console.print()
    for line in demand_notes(demand):
        console.print(line)


def demand_tables(demand: DemandResult) -> Iterator[Table]:
    """Who gets least comes first; then pools; then keys that were relayed."""
    if demand.applications:
        yield _applications(demand)
    yield _pools(demand)
    if _is_relayed(demand):
        yield from relay_tables(demand)


def demand_notes(demand: DemandResult) -> Iterator[str]:
    """What the columns mean, and what is to be known of relayed keys."""
    if _is_relayed(demand):
        yield from relay_notes(demand)
    yield from NOTES


def _is_relayed(demand: DemandResult) -> bool:
    return any(each.relay for each in demand.applications)


def _applications(demand: DemandResult) -> Table:
    table = plain_table("Applications")
    add_names(table, "Name", "Link")
    add_numbers(table, "Key [bit]", "Asked", "Served", "Waiting", "Blocked [%]")
    add_numbers(table, "Wait [s]", "longest")
    for each in sorted(demand.applications, key=_served_share):
        counts, share, wait_s = each.counts, each.blocked_share, each.mean_wait_s
        figures = (each.key_bits, counts.arrived, counts.served, counts.waiting)
        table.add_row(
            each.name,
            " & ".join(each.users),
            *map(str, figures),
            "-" if share is None else fixed(100.0 * share, 2),
            "-" if wait_s is None else fixed(wait_s, 1),
            "-" if wait_s is None else fixed(s_from_ps(counts.longest_wait_ps), 1),
        )
    return table


def _served_share(each: ApplicationResult) -> float:
    return each.counts.served / each.counts.arrived if each.counts.arrived else 1.0


def _pools(demand: DemandResult) -> Table:
    table = plain_table("Pools that they draw from, as far as both ends have the same")
    add_names(table, "Link")
    add_numbers(table, "In [bit]", "Taken", "Wasted", "Lowest", "Below [s]", "Empty [s]")
    for each in demand.pools:
        table.add_row(" & ".join(each.users), *_figures(each))
    return table


def _figures(pool: PoolResult) -> tuple[str, ...]:
    counts = pool.counts
    return (
        str(counts.offered_bits),
        str(counts.taken_bits),
        str(counts.wasted_bits),
        "-" if counts.lowest_bits is None else str(counts.lowest_bits),
        fixed(s_from_ps(counts.low_ps), 0),
        "never" if counts.empty_ps is None else fixed(s_from_ps(counts.empty_ps), 0),
    )
