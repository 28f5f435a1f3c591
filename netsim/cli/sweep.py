"""`netsim sweep`: a network at many points, several seeds each."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    FidelityOption,
    OverOption,
    OverrideOption,
    Texts,
    TopologyArgument,
    ZipOption,
    counted,
    say,
    say_plots,
    stdout,
)
from netsim.errors import ConfigError
from netsim.printable import count_text

if TYPE_CHECKING:
    from netsim.studies.sweep import Sweep, SweepRequest

EXAMPLES = (
    (
        "netsim sweep two_user --over qnsp.source.pumps.*.power_mw=0.2:1:5 --seeds 3 "
        "--duration 10s --set protocol.round_s=5 --out by_power"
    ),
    (
        "netsim sweep mine.toml --over users.*.fibre.length_m=0:50e3:11 "
        "--over protocol.security=asymptotic,finite --fidelity rate --duration 1d --out by_distance"
    ),
    "netsim sweep mine.toml --over protocol.window_ps=500:3000:6 --engine dask --workers 4",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepArguments:
    """What to run, how often, by whom, and where to keep it."""

    topology: TopologyArgument
    over: OverOption = ()
    zipped: ZipOption = False
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Runs of each point.")] = 1
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="Light of each run: 500ms, 60s, 2min, 1h.")
    ] = "60s"
    seed: Annotated[int, typer.Option(min=0, help="All seeds of all runs follow from it.")] = 1
    fidelity: FidelityOption = "photon"
    override: OverrideOption = ()
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="process: a pool of processes; dask: a cluster (extra `sweep`)."
        ),
    ] = "process"
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of a running Dask scheduler: tcp://HOST:8786."),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Processes at the same time; default: processors."),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps each run as it ends, sweep.csv and, with the extra `report`, plots; the "
            "same command goes on from there.",
        ),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Do finished runs again; write into any directory.")
    ] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list, one entry a point and link.")
    ] = False


@with_options
def sweep(options: SweepArguments) -> None:
    """Simulate a network at many points, several seeds each, beside what the twin expects.

    The numbers depend on seed and place in the grid, not on engine or workers; more `--seeds` keep
    those that are there. A point that fails is a row with its reason, and the exit code is 1.
    Ctrl-C keeps what is finished with `--out`.
    """
    from netsim.report.sweep import print_sweep, save_sweep

    request = _request(options)
    seeds = count_text(options.seeds, "seed")
    title = f"{options.topology}: {request.duration_s} s of light, {seeds} a point"
    found = _run(request, options)
    if options.as_json:
        import json

        typer.echo(json.dumps(found.rows, indent=2, allow_nan=False))
    else:
        print_sweep(title, found, stdout())
    if options.out is not None:
        say_plots(options.out, save_sweep(title, found, options.out))
    if found.is_partial:
        say(f"stopped after {found.done} of {found.total} runs; with --out the same goes on")
        raise typer.Exit(EXIT_INTERRUPTED)
    if found.has_failures:
        raise typer.Exit(EXIT_FAILED)


def _request(options: SweepArguments) -> "SweepRequest":
    from netsim.durations import parse_duration_ps, seconds_text
    from netsim.results.fidelity import Fidelity
    from netsim.studies.grid import parse_axis, points_of
    from netsim.studies.sweep import SweepRequest

    texts = Texts()
    axes = tuple(texts.read("--over", parse_axis, text) for text in options.over)
    duration_ps = texts.read("--duration", parse_duration_ps, options.duration)
    texts.read("--fidelity", Fidelity, options.fidelity)
    texts.raise_faults()
    if not axes:
        raise ConfigError.of("--over", "is missing: PATH=VALUES, what is to change")
    return SweepRequest(
        topology=options.topology,
        axes=axes,
        points=points_of(axes, zipped=options.zipped),
        duration_s=seconds_text(duration_ps),
        seeds=options.seeds,
        seed=options.seed,
        overrides=options.override,
        fidelity=options.fidelity,
    )


def _run(request: "SweepRequest", options: SweepArguments) -> "Sweep":
    from netsim.studies.engines import Crew, usual_workers
    from netsim.studies.sweep import run_sweep

    total = len(request.points) * request.seeds
    workers = min(total, options.workers or usual_workers())
    crew = Crew(options.engine, workers, options.scheduler)
    with counted(total, "runs") as watch:
        return run_sweep(request, crew, out=options.out, force=options.force, watch=watch)
