"""`netsim board`: published experiments beside what the simulator predicts of them."""

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
    say,
)
from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from netsim.board.experiment import Experiment
    from netsim.board.runner import Found

EXAMPLES = (
    "netsim board all --out board",
    "netsim board naik2000 ling2008 --out board",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardArguments:
    """Which experiments, and where to."""

    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Experiments, or all of them: all.")
    ]
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where the board goes; what is finished there is not done again."
        ),
    ]
    workers: WorkersOption = 2
    scale: ScaleOption = 1.0
    force: Annotated[
        bool,
        typer.Option("--force", help="Do finished shots again; write into any directory."),
    ] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print board.json, and nothing else on stdout.")
    ] = False


@with_options
def board(options: BoardArguments) -> None:
    """Hold published experiments against the simulator: predicted, published, and what misses.

    DIR gets board.json, index.html with every input and its source, and a plot (.svg) an
    experiment; a name that there is not lists all. Fitted numbers are counted, and what they were
    fitted to is never called agreement. Ctrl-C keeps what is finished.
    Plots need the extra `report`.
    """
    experiments = _experiments(options.names)
    found = _run(experiments, options)
    if options.as_json:
        from netsim.board.outputs import BOARD

        typer.echo((options.out / BOARD).read_text(encoding="utf-8"), nl=False)
    else:
        from netsim.board.outputs import verdict

        typer.echo(verdict(found))
        for experiment, rows in found:
            for row in rows:
                if row.within is False:
                    typer.echo(
                        f"miss: {experiment.name}, {row.quantity}: {row.predicted.value:.4g}, "
                        f"published {row.published:.4g}; {row.note}"
                    )
    say(f"{options.out / 'index.html'} shows all of it")
    if len(found) < len(experiments):
        say("stopped; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED)


def _experiments(names: Sequence[str]) -> "list[Experiment]":
    from netsim.board.experiments import EXPERIMENTS

    known = {experiment.name: experiment for experiment in EXPERIMENTS}
    if "all" in names:
        return list(EXPERIMENTS)
    unknown = [name for name in names if name not in known]
    if unknown:
        there = f"there are {', '.join(known)} and all"
        raise ConfigError(
            tuple(Fault("NAME", f"no experiment {name}; {there}") for name in unknown)
        )
    return [known[name] for name in dict.fromkeys(names)]


def _run(experiments: "list[Experiment]", options: BoardArguments) -> "Found":
    from netsim.board.runner import run_board
    from netsim.cli.interrupt import StopOnInterrupt
    from netsim.report.console import PlainConsole
    from netsim.report.progress import task_bar

    console = PlainConsole(stderr=True, highlight=False)
    with (
        StopOnInterrupt() as interrupt,
        task_bar("experiments", console, interrupt.should_stop) as watch,
    ):
        return run_board(
            experiments,
            options.out,
            scale=options.scale,
            workers=options.workers,
            force=options.force,
            watch=watch,
        )
