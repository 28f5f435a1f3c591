"""`netsim reproduce`: figures and tables of a paper out of the simulator."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    EXIT_INTERRUPTED,
    ScaleOption,
    WorkersOption,
    note,
    say,
    stdout,
)
from netsim.errors import ConfigError, Fault, suggestion

if TYPE_CHECKING:
    from netsim.reproduce.item import Paper
    from netsim.reproduce.runner import Outcome

EXAMPLES = (
    "netsim reproduce fan2025 --out reproduction",
    "netsim reproduce fan2025 --only fig4a,fig4b --out reproduction",
    "netsim reproduce fan2025 --scale 0.05 --out quick",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReproduceArguments:
    """Which paper, how much of it, and where to."""

    paper: Annotated[
        str, typer.Argument(metavar="PAPER", help="fan2025: Light Sci. Appl. 14 (2025).")
    ]
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where figures go; what is finished there is not done again."
        ),
    ]
    only: Annotated[
        str | None,
        typer.Option(
            metavar="ITEM,...", help="Only these figures and tables; the same numbers as in all."
        ),
    ] = None
    workers: WorkersOption = 2
    scale: ScaleOption = 1.0
    force: Annotated[
        bool,
        typer.Option("--force", help="Do finished figures again; write into any directory."),
    ] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print comparison.json, and nothing else on stdout.")
    ] = False


@with_options
def reproduce(options: ReproduceArguments) -> None:
    """Make the figures and tables of a paper again, each beside the twin and the printed numbers.

    DIR gets a CSV and two plots (.html, .svg) an item, comparison.json with every compared
    quantity, and index.html, which shows all of it. Items of fan2025: fig3a to fig3g, table1,
    fig4a to fig4c, table2; single_pump, window, coherence_time and three_pumps from its discussion.

    Ctrl-C keeps what is finished, and the same command goes on from there. Plots need the extra
    `report`.
    """
    from netsim.report.figure import EXTRA_HINT

    paper, out = _paper(options.paper), options.out
    outcome = _run(paper, _items(paper, options.only), options)
    if options.as_json:
        from netsim.reproduce.outputs import COMPARISON

        typer.echo((out / COMPARISON).read_text(encoding="utf-8"), nl=False)
    else:
        from netsim.reproduce.summary import print_outcome

        print_outcome(outcome, stdout())
    if not all(entry.has_plots for entry in outcome.finished):
        note(EXTRA_HINT)
    note(f"{out / 'index.html'} shows all of it")
    if outcome.is_partial:
        say("stopped; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED)


def _paper(name: str) -> "Paper":
    from netsim.reproduce.fan2025 import PAPER

    papers = {PAPER.name: PAPER}
    if name not in papers:
        raise ConfigError.of("PAPER", f"{name} is none of {', '.join(papers)}")
    return papers[name]


def _items(paper: "Paper", only: str | None) -> list[str]:

    known = [item.name for item in paper.items]
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    faults = []
    for name in names:
        if name not in known:
            meant = suggestion(name, known)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
            faults.append(Fault("--only", f"no item {name}; {hint}"))
    if faults:
        raise ConfigError(tuple(faults))
    if only is not None and not names:
        raise ConfigError.of("--only", "names no item")
    return names


def _run(paper: "Paper", only: Sequence[str], options: ReproduceArguments) -> "Outcome":
    from netsim.cli.interrupt import StopOnInterrupt
    from netsim.report.console import PlainConsole
    from netsim.report.progress import task_bar
    from netsim.reproduce.runner import reproduce as run

    console = PlainConsole(stderr=True, highlight=False)
    with (
        StopOnInterrupt() as interrupt,
        task_bar("figures", console, interrupt.should_stop) as watch,
    ):
        return run(
            paper,
            options.out,
            only=only,
            scale=options.scale,
            workers=options.workers,
            force=options.force,
            watch=watch,
        )
