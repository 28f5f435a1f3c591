"""`netsim report`: a run as one page."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.shared import RunDirectory, note

EXAMPLES = ("netsim report results", "netsim report results -o page.html")


def report(
    directory: RunDirectory,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The page; default DIR/report.html."),
    ] = None,
) -> None:
    """Show a run as one HTML page that loads nothing: for a browser, a mail or a printer.

    Map of the network, lanes beside the twin, links, pools and rounds over time, clicks of each
    detector, alarms and changes, assumptions, and how to repeat it. Plots need the extra `report`.
    """
    write_page(directory, out)


def write_page(directory: Path, out: Path | None = None) -> None:
    """Write the page of a run, and say where it is."""
    from netsim.report.page.run import PAGE, run_page
    from netsim.results.files import write_whole

    path = directory / PAGE if out is None else out
    write_whole(path, run_page(directory))
    note(f"{path} shows it")
