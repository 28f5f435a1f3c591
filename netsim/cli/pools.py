"""`netsim pools`: key over time."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from netsim.cli.shared import RunDirectory, stdout

EXAMPLES = ("netsim pools results",)


def pools(directory: RunDirectory) -> None:
    """Show the key of every link over time, as table and sparkline.

    Runs in progress and killed runs are shown up to the last complete line of their ledger.
    """
    from netsim.pools.ledgerfile import read_ledger
    from netsim.report.pools import print_pools
    from netsim.results.directory import LEDGER, duration_ps_of

    movements = read_ledger(directory / LEDGER)
    print_pools(movements, stdout(), end_ps=duration_ps_of(directory))
