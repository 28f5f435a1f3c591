"""`netsim pools`: key over time."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from netsim.cli.shared import RunDirectory, stdout

EXAMPLES = ("netsim pools results",)


def pools(directory: RunDirectory) -> None:
    """Show the key of every link over time, as table and sparkline, and who has drawn it.

    Runs in progress and killed runs are shown up to the last complete line of their ledger.
    """
    from netsim.pools.ledgerfile import read_ledger
    from netsim.report.demand import print_demand
    from netsim.report.pools import print_pools
    from netsim.results.directory import LEDGER, duration_ps_of, load_demand

    movements = read_ledger(directory / LEDGER)
    console = stdout()
    print_pools(movements, console, end_ps=duration_ps_of(directory))
    if (demand := load_demand(directory)) is not None:
        console.print()
        print_demand(demand, console)
