"""`netsim run`: simulate a network."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    EXIT_INTERRUPTED,
    FidelityOption,
    ForceOption,
    LegendOption,
    OverrideOption,
    RunWorkersOption,
    check_duration,
    note,
    prepare,
    stdout,
    warn,
    watched,
)
from netsim.errors import ConfigError, Fault
from netsim.watch import Watch

if TYPE_CHECKING:
    from netsim.results.run import Run
    from netsim.topology.specs import TopologySpec

EXAMPLES = (
    "netsim run fan2025_four_user --duration 60s --seed 1 --out results",
    "netsim run two_user --duration 3s --set protocol.round_s=1",
    (
        "netsim run fan2025_four_user --fidelity coincidence --duration 1h "
        "--set protocol.round_s=600"
    ),
    "netsim run fan2025_four_user --fidelity rate --duration 7d --set protocol.round_s=600",
    "netsim run mine.toml --duration 2min --json > summary.json",
    "netsim run --resume results",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunArguments:
    """What to simulate, and where to keep it."""

    topology: Annotated[
        str,
        typer.Argument(
            metavar="TOPOLOGY", help="Path of a TOML file, or the name of a shipped topology."
        ),
    ] = ""
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Bring the run in DIR, which was stopped or killed, to its end; topology and all "
            "options are those it was begun with.",
        ),
    ] = None
    duration: Annotated[
        str,
        typer.Option(metavar="TIME", help="Light to simulate: 500ms, 60s, 2min, 1h; or seconds."),
    ] = "60s"
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same results, bit by bit.")
    ] = 1
    fidelity: FidelityOption = "photon"
    workers: RunWorkersOption = 1
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to keep the results; without it they are only printed."
        ),
    ] = None
    force: ForceOption = False
    override: OverrideOption = ()
    save_tags: Annotated[
        str | None,
        typer.Option(
            "--save-tags",
            metavar="[=FORMAT]",
            help="Keep every user's time tags in DIR as well: npy, or --save-tags=csv, ptu "
            "(PicoQuant), swabian or a1 (S-Fifteen).",
        ),
    ] = None
    histograms: Annotated[
        bool,
        typer.Option(
            "--histograms",
            help="Keep in DIR as well how far apart clicks of two users came, about the window of "
            "each lane; the page of the run draws it.",
        ),
    ] = False
    report: Annotated[
        bool, typer.Option("--report", help="Write DIR/report.html, one page that shows the run.")
    ] = False
    legend: LegendOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print summary.json to stdout, and nothing else there.")
    ] = False


@with_options
def run(options: RunArguments) -> None:
    """Simulate a network and distil key on all its links.

    Ctrl-C stops at the end of the current frame and keeps the results so far, marked as partial; a
    second Ctrl-C stops at once.

    With --resume a run that was stopped or killed is drawn anew from the same seed, and so takes as
    long as from its beginning; it comes out as if it had never been stopped, or not at all.
    """
    if options.resume is not None:
        resume_run(options)
        return
    spec, duration_ps = _checked_inputs(options)
    _say_if_alone(spec, options)
    with watched(duration_ps) as watch:
        prepare(options.out, force=options.force, users=[user.name for user in spec.users])
        found = _simulate(spec, duration_ps, options, watch)
    show_run(found, as_json=options.as_json, legend=options.legend)
    kept = options.out
    if options.save_tags is not None and kept is not None:
        _convert_tags(spec, kept, options.save_tags)
    note("results are not kept: give --out DIR" if kept is None else f"results are in {kept}")
    if options.report and kept is not None:
        from netsim.cli.report import write_page

        write_page(kept)
    if found.partial:
        raise typer.Exit(EXIT_INTERRUPTED)


def _say_if_alone(spec: "TopologySpec", options: RunArguments) -> None:
    """Say if a second process would have nothing to do."""
    if options.workers == 1:
        return
    from netsim.simulation.request import is_light_acted_upon

    if options.fidelity == "rate":
        note("one process does it all: at the rate level no light is made")
    elif is_light_acted_upon(spec):
        note("one process does it all: an observer or a controller acts upon the light")


def resume_run(options: RunArguments) -> None:
    """Go on with what lies in the directory."""
    from netsim.results.asked import load_asked
    from netsim.simulation.again import resume

    directory = options.resume
    if directory is None or options.topology or options.out or options.override:
        raise ConfigError.of("--resume", "DIR alone says what is run, and where it is kept")
    with watched(load_asked(directory).duration_ps) as watch:
        found = resume(directory, watch=watch, workers=options.workers)
    tell_again(found, directory, as_json=options.as_json, legend=options.legend)


def tell_again(found: "Run", directory: Path, *, as_json: bool, legend: bool) -> None:
    """Show a run that went on; one that was stopped again has changed nothing."""
    if found.partial:
        note(f"stopped again: {directory} is as it was")
        raise typer.Exit(EXIT_INTERRUPTED)
    show_run(found, as_json=as_json, legend=legend)
    note(f"results are in {directory}")


def _checked_inputs(options: RunArguments) -> tuple["TopologySpec", int]:
    """Topology and duration, or all that is wrong with the arguments at once."""
    from netsim.durations import parse_duration_ps
    from netsim.topology.load import load_topology

    if not options.topology:
        raise ConfigError.of("TOPOLOGY", "is missing; or give --resume DIR")
    faults: list[Fault] = []
    for name, is_asked in (
        ("--save-tags", options.save_tags is not None),
        ("--histograms", options.histograms),
        ("--report", options.report),
    ):
        if is_asked and options.out is None:
            faults.append(Fault(name, "needs --out DIR"))
    if options.save_tags is not None:
        from netsim.recordings.writing import check_written

        try:
            check_written(options.save_tags)
        except ValueError as error:
            faults.append(Fault("--save-tags", str(error)))
    duration_ps = 0
    try:
        duration_ps = parse_duration_ps(options.duration)
    except ValueError as error:
        faults.append(Fault("--duration", str(error)))
    try:
        spec = load_topology(options.topology, overrides=options.override)
    except ConfigError as error:
        raise ConfigError((*faults, *error.faults)) from error
    if faults:
        raise ConfigError(tuple(faults))
    check_duration(duration_ps, spec)
    warn(spec, duration_ps=duration_ps)
    return spec, duration_ps


def _simulate(spec: "TopologySpec", duration_ps: int, options: RunArguments, watch: Watch) -> "Run":
    from netsim.durations import seconds_text
    from netsim.simulation.memory import search_cycles_rarely
    from netsim.simulation.run import simulate

    search_cycles_rarely()
    return simulate(
        spec,
        duration_s=seconds_text(duration_ps),
        seed=options.seed,
        out=options.out,
        save_tags=options.save_tags is not None,
        histograms=options.histograms,
        fidelity=options.fidelity,
        workers=options.workers,
        progress=watch.progress,
        should_stop=watch.should_stop,
    )


def _convert_tags(spec: "TopologySpec", out: Path, written: str) -> None:
    from netsim.recordings.writing import convert_tags
    from netsim.results.directory import TAGS_DIRECTORY
    from netsim.units import PS_PER_MS

    ticks_ps = {user.name: spec.receiver_of(user).tick_ps for user in spec.users}
    late_ps = convert_tags(out / TAGS_DIRECTORY, ticks_ps, written)
    if late_ps:
        note(
            f"times in {out / TAGS_DIRECTORY} are {late_ps // PS_PER_MS} ms later: none is below 0"
        )


def show_run(found: "Run", *, as_json: bool, legend: bool) -> None:
    """Print the closing tables, or the summary alone."""
    if as_json:
        typer.echo(found.summary_json(), nl=False)
        return
    from netsim.report.tables import print_run

    print_run(found, stdout(), legend=legend)
