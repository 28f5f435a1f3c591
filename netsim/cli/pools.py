"""`netsim pools`: key over time."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import RunDirectory, note, stdout

if TYPE_CHECKING:
    from netsim.pools.history import PoolHistory
    from netsim.pools.ledger import Movement

EXAMPLES = (
    "netsim pools results",
    "netsim pools results --plot pools.svg --csv pools.csv",
    "netsim pools results --json",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolsArguments:
    """A run, and how to show its pools."""

    directory: RunDirectory
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list, one entry an end of a link, and both.")
    ] = False
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a row whenever usable key changed."),
    ] = None
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw what both ends of each link have in common: .svg or .html (extra `report`).",
        ),
    ] = None


@with_options
def pools(options: PoolsArguments) -> None:
    """Show the key of every link over time, as table and sparkline, and who has drawn it.

    Of each end, and what both ends have in common. Runs in progress and killed runs are shown up to
    the last complete line of their ledger.
    """
    from netsim.pools.history import pool_histories
    from netsim.results.directory import books_of

    books = books_of(options.directory)
    if options.csv is not None or options.plot is not None:
        _keep(options, pool_histories(books.movements()))
    if options.as_json:
        import json

        from netsim.report.pools import pools_json

        histories = pool_histories(books.movements())
        typer.echo(json.dumps(pools_json(histories), indent=2))
    else:
        _show(options.directory, books.movements())


def _keep(options: PoolsArguments, histories: "tuple[PoolHistory, ...]") -> None:
    """Write what is asked for into files."""
    from netsim.pools.history import level_rows
    from netsim.report.figure import draw_figure
    from netsim.report.page.run_figures import pool_figure
    from netsim.results.directory import duration_ps_of
    from netsim.results.files import csv_text, write_whole
    from netsim.units import s_from_ps

    if options.plot is not None:
        end_s = s_from_ps(duration_ps_of(options.directory))
        draw_figure(pool_figure(histories, end_s, ()), options.plot)
        note(f"the plot is in {options.plot}")
    if options.csv is not None:
        write_whole(options.csv, csv_text(level_rows(histories)))
        note(f"the levels are in {options.csv}")


def _show(directory: Path, movements: "Iterable[Movement]") -> None:
    from netsim.report.demand import print_demand
    from netsim.report.pools import print_pools
    from netsim.results.directory import duration_ps_of, load_demand

    console = stdout()
    print_pools(movements, console, end_ps=duration_ps_of(directory))
    if (demand := load_demand(directory)) is not None:
        console.print()
        print_demand(demand, console)
