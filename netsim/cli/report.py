"""`netsim report`: what a command left in a directory, as one page."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.shared import note

EXAMPLES = (
    "netsim report results",
    "netsim report by_power -o page.html",
    "netsim report plan.json",
    "netsim report keys",
)


def report(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="What was given as --out to `run`, `compare`, `sweep` or `distil`, or as --state "
            "to `serve`; or a file with what `plan --json` printed.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The page; default DIR/report.html, of a plan beside its JSON.",
        ),
    ] = None,
) -> None:
    """Show results as one HTML page that loads nothing: for a browser, a mail or a printer.

    Of a run: map of the network, lanes beside the twin, links, pools and rounds over time, clicks
    of each detector, alarms and changes, assumptions, and how to repeat it. Of a comparison, a
    sweep, a plan and distilled key: their tables and plots; of `serve`: key that is left, requests,
    keys given over time. Plots need the extra `report`.
    """
    write_page(directory, out)


def write_page(directory: Path, out: Path | None = None) -> None:
    """Write the page of a directory, and say where it is."""
    from netsim.delivery.page import is_state, state_page
    from netsim.report.page.directory import page_of
    from netsim.report.page.run import PAGE
    from netsim.results.files import write_whole

    usual = directory.with_suffix(".html") if directory.is_file() else directory / PAGE
    path = usual if out is None else out
    write_whole(path, state_page(directory) if is_state(directory) else page_of(directory))
    note(f"{path} shows it")
