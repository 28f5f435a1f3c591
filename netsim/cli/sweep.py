"""`netsim sweep`: a network at many points, several seeds each."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from typing import TYPE_CHECKING

import typer

from netsim.cli.optimise import optimise
from netsim.cli.options import with_options
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
from netsim.printable import count_text

if TYPE_CHECKING:
    from netsim.studies.points import SweepRequest
    from netsim.studies.sweep import Sweep

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
    (
        "netsim sweep two_user --optimise net_key_bps --over window_ps=200:3000 "
        "--over qnsp.source.pumps.*.power_mw=log:0.1:10 --out best"
    ),
)
USUAL_DURATION = "60s"


@with_options
def sweep(options: SweepArguments) -> None:
    """Simulate a network at many points, several seeds each, beside what the twin expects.

    The numbers depend on seed and place in the grid, not on engine or workers; more `--seeds` keep
    those that are there. A point that fails is a row with its reason, and the exit code is 1.
    Ctrl-C keeps what is finished with `--out`.

    `--optimise` looks for the best over ranges instead, by the twin in milliseconds a trial, or
    simulated with `--duration`; the exit code is 1 only if no trial has a value.
    """
    if options.optimise is not None:
        optimise(options, options.optimise)
        return
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
    from netsim.studies.points import SweepRequest

    texts = Texts()
    axes = tuple(texts.read("--over", parse_axis, text) for text in options.over)
    duration_ps = texts.read("--duration", parse_duration_ps, options.duration or USUAL_DURATION)
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
