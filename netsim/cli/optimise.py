"""`netsim sweep --optimise`: the best over ranges, in place of all points of a grid."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from typing import TYPE_CHECKING

import typer

from netsim.cli.shared import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Texts,
    counted,
    say,
    say_plots,
    stdout,
)
from netsim.cli.sweep_options import SweepArguments
from netsim.errors import ConfigError

if TYPE_CHECKING:
    from netsim.studies.optimise import OptimiseRequest
    from netsim.studies.optimum import Optimum


def optimise(options: SweepArguments, goal: str) -> None:
    """Look for the best, show it, and keep what was tried."""
    from netsim.report.optimise import print_optimum, save_optimum

    found = _run(_request(options, goal), options)
    if options.as_json:
        import json

        typer.echo(json.dumps(found.rows, indent=2, allow_nan=False))
    else:
        print_optimum(found, stdout())
    if options.out is not None:
        say_plots(options.out, save_optimum(found, options.out))
    if found.is_partial:
        say(
            f"stopped after {len(found.trials)} of {found.total} trials; "
            "with --out the same goes on"
        )
        raise typer.Exit(EXIT_INTERRUPTED)
    if found.best is None:
        raise typer.Exit(EXIT_FAILED)


def _request(options: SweepArguments, goal: str) -> "OptimiseRequest":
    from netsim.durations import parse_duration_ps, seconds_text
    from netsim.results.fidelity import Fidelity
    from netsim.studies.goal import parse_goal
    from netsim.studies.optimise import OptimiseRequest
    from netsim.studies.ranges import parse_range

    texts = Texts()
    parsed = texts.read("--optimise", parse_goal, goal)
    ranges = tuple(texts.read("--over", parse_range, text) for text in options.over)
    light = options.duration
    duration_ps = None if light is None else texts.read("--duration", parse_duration_ps, light)
    texts.read("--fidelity", Fidelity, options.fidelity)
    texts.raise_faults()
    if options.zipped:
        raise ConfigError.of("--zip", "pairs points of a grid, of which --optimise has none")
    return OptimiseRequest(
        topology=options.topology,
        goal=parsed,
        ranges=ranges,
        trials=options.trials,
        seed=options.seed,
        overrides=options.override,
        duration_s=None if duration_ps is None else seconds_text(duration_ps),
        seeds=options.seeds,
        fidelity=options.fidelity,
    )


def _run(request: "OptimiseRequest", options: SweepArguments) -> "Optimum":
    from netsim.studies.engines import Crew, usual_workers
    from netsim.studies.optimise import TOGETHER, run_optimise

    most = TOGETHER * request.seeds
    workers = min(most, options.workers or usual_workers())
    crew = Crew(options.engine, workers, options.scheduler)
    pieces = "trials" if request.duration_s is None else "runs"
    with counted(request.runs, pieces) as watch:
        return run_optimise(request, crew, out=options.out, force=options.force, watch=watch)
