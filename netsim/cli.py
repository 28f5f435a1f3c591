"""The command line: reads arguments, calls, prints; knows no physics and no protocol.

Results go to stdout, everything else to stderr. Bad input gets one line per fault and exit code 2.
Heavy modules are imported inside the commands, so that ``netsim --help`` is quick.
"""

# ruff: noqa: PLC0415  # imported where used, as said above

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from rich.console import Console

    from netsim.results import Run
    from netsim.topology.specs import TopologySpec

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

app = typer.Typer(
    name="netsim",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate entanglement-based QKD networks, from photons to authenticated key.",
    epilog="Begin with: netsim run two_user --duration 10s",
)
ClickFault: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, base of all faults of usage; newer versions of typer carry their own click."""

TopologyArgument = Annotated[
    str,
    typer.Argument(
        metavar="TOPOLOGY", help="Path of a TOML file, or the name of a shipped topology."
    ),
]
OverrideOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one number of the topology, e.g. users.alice.fibre.length_m=5000; repeatable.",
    ),
]


@app.command(
    epilog=(
        "Examples:\n\n"
        "* netsim run fan2025_four_user --duration 60s --seed 1 --out results\n"
        "* netsim run two_user --duration 500ms --set protocol.round_s=0.5\n"
        "* netsim run mine.toml --duration 2min --json > summary.json"
    )
)
def run(
    topology: TopologyArgument,
    *,
    duration: Annotated[
        str,
        typer.Option(metavar="TIME", help="Light to simulate: 500ms, 60s, 2min, 1h; or seconds."),
    ] = "60s",
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same results, bit by bit.")
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to keep the results; without it they are only printed."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Write into DIR even if it is not empty."),
    ] = False,
    override: OverrideOption = None,
    save_tags: Annotated[
        bool, typer.Option("--save-tags", help="Keep every user's time tags in DIR as well.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print summary.json to stdout, and nothing else there.")
    ] = False,
) -> None:
    """Simulate a network and distil key on all its links.

    Ctrl-C stops at the end of the current frame and keeps the results so far, marked as partial; a
    second Ctrl-C stops at once.
    """
    spec, duration_ps = _checked_inputs(topology, override, duration, out, save_tags=save_tags)
    if out is not None:
        from netsim.rundir import prepare_run_directory

        prepare_run_directory(out, force=force)
    found = _simulate(spec, duration_ps, seed, out, save_tags=save_tags)
    _show(found, as_json=as_json)
    _say("results are not kept: give --out DIR" if out is None else f"results are in {out}")
    if found.partial:
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command(epilog="Example: netsim validate mine.toml --set users.alice.fibre.length_m=5000")
def validate(topology: TopologyArgument, override: OverrideOption = None) -> None:
    """Check a topology without running it: all its faults at once, each with its key path."""
    from netsim.topology.load import load_topology
    from netsim.topology.network import build_network

    spec = load_topology(topology, overrides=override or [])
    _warn(spec)
    network = build_network(spec)
    typer.echo(
        f"{spec.name}: valid; {len(spec.users)} users, {len(network.channels)} channels, "
        f"{len(network.links)} links, {len(network.lanes)} lanes"
    )


@app.command(epilog="Example: netsim schema > topology.schema.json")
def schema() -> None:
    """Print the JSON schema of a topology: every key with its unit and range."""
    import json

    from netsim.topology.schema import topology_schema

    typer.echo(json.dumps(topology_schema(), indent=2))


@app.command(epilog="Example: netsim pools results")
def pools(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="What was given to `netsim run --out`.")
    ],
) -> None:
    """Show the key of every link over time, as table and sparkline.

    Runs in progress and killed runs are shown up to the last complete line of their ledger.
    """
    from netsim.pools.ledger import read_ledger
    from netsim.report.pools import print_pools
    from netsim.rundir import LEDGER, duration_ps_of

    movements = read_ledger(directory / LEDGER)
    print_pools(movements, _stdout(), end_ps=duration_ps_of(directory))


def main() -> None:
    """Run the console script ``netsim``."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` and return its exit code; never raises for bad input."""
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="netsim", standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as error:
        return _complain(map(str, error.faults))
    except ClickFault as error:
        return _complain([error.format_message()])  # type: ignore[attr-defined]  # click's own
    except KeyboardInterrupt:
        _say("stopped at once")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; whatever is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        _say(str(error))
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _checked_inputs(
    topology: str, override: list[str] | None, duration: str, out: Path | None, *, save_tags: bool
) -> tuple["TopologySpec", int]:
    """Topology and duration, or all that is wrong with the arguments at once."""
    from netsim.durations import parse_duration_ps
    from netsim.topology.load import load_topology

    faults: list[Fault] = []
    if save_tags and out is None:
        faults.append(Fault("--save-tags", "needs --out DIR"))
    duration_ps = 0
    try:
        duration_ps = parse_duration_ps(duration)
    except ValueError as error:
        faults.append(Fault("--duration", str(error)))
    try:
        spec = load_topology(topology, overrides=override or [])
    except ConfigError as error:
        raise ConfigError((*faults, *error.faults)) from error
    if faults:
        raise ConfigError(tuple(faults))
    _warn(spec)
    return spec, duration_ps


def _simulate(
    spec: "TopologySpec", duration_ps: int, seed: int, out: Path | None, *, save_tags: bool
) -> "Run":
    from rich.console import Console

    from netsim.durations import seconds_text
    from netsim.interrupt import StopOnInterrupt
    from netsim.report.progress import progress_bar
    from netsim.run import simulate

    with (
        StopOnInterrupt() as interrupt,
        progress_bar(duration_ps, Console(stderr=True)) as progress,
    ):
        return simulate(
            spec,
            duration_s=seconds_text(duration_ps),
            seed=seed,
            out=out,
            save_tags=save_tags,
            progress=progress,
            should_stop=interrupt.should_stop,
        )


def _show(found: "Run", *, as_json: bool) -> None:
    if as_json:
        typer.echo(found.summary_json(), nl=False)
        return
    from netsim.report.tables import print_run

    print_run(found, _stdout())


def _stdout() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _warn(spec: "TopologySpec") -> None:
    from netsim.topology.checks import topology_warnings

    for warning in topology_warnings(spec):
        _say(f"warning: {warning}")


def _complain(faults: Iterable[str]) -> int:
    for fault in faults:
        _say(fault)
    return EXIT_BAD_INPUT


def _say(line: str) -> None:
    """One line on stderr, whatever a file name in it may hold."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    typer.echo(f"netsim: {shown}", err=True)
