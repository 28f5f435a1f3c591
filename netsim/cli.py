"""The command line: reads arguments, calls, prints; knows no physics and no protocol.

Results go to stdout, everything else to stderr. Bad input gets one line per fault and exit code 2.
Heavy modules are imported inside the commands, so that ``netsim --help`` is quick.
"""

# ruff: noqa: PLC0415  # imported where used, as said above

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from netsim.errors import ConfigError, Fault
from netsim.fit.command import EPILOG as FIT_EPILOG
from netsim.fit.command import fit

if TYPE_CHECKING:
    from rich.console import Console

    from netsim.compare import Outcome, Variant
    from netsim.distilled import Distilled
    from netsim.recordings import DistilOptions, LinkTags
    from netsim.results import Run
    from netsim.topology.specs import TopologySpec

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
NO_PLOT = "; no plot without matplotlib"

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
    if spec.protocol.basis == "biased":
        from netsim.planning import best_basis_ratio

        best = best_basis_ratio(spec)
        typer.echo(
            f"biased bases: the twin expects most key at z_probability {best.z_probability:.2f}, "
            f"{best.key_bps:.1f} bit/s (at 0.50: {best.symmetric_key_bps:.1f})"
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


@app.command(epilog="Example: netsim verify results")
def verify(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="What was given to `netsim run --out`.")
    ],
) -> None:
    """Recheck the books of a run from its files: both ends, levels, leak, pads, summary.

    Prints one line per fault, with its place, and returns 1 if there is any. Interrupted and killed
    runs may have rounds open and blocks in doubt.
    """
    from netsim.verify import verify_run

    faults = verify_run(directory)
    for fault in faults:
        typer.echo(str(fault))
    if faults:
        raise typer.Exit(EXIT_FAILED)
    _say(f"the books of {directory} are in order")


@app.command(
    epilog=(
        "Examples:\n\n"
        "* netsim compare two_user --duration 10s --set protocol.round_s=5 "
        "--variant reconciliation=cascade-original --variant reconciliation=cascade-yanetal\n"
        "* netsim compare fan2025_four_user --duration 60s "
        "--variant error_correction_charge=paper --variant error_correction_charge=measured\n"
        "* netsim compare two_user "
        "--variant reconciliation=cascade-yanetal,classical.extra_length_m=1e6 --json\n"
    )
)
def compare(
    topologies: Annotated[
        list[str],
        typer.Argument(metavar="TOPOLOGY...", help="Paths of TOML files, or shipped names."),
    ],
    *,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE[,...]",
            help="One variant; a comma list changes several names at once. A name lies under "
            "`protocol.` unless it has a dot. Repeat the option for more variants.",
        ),
    ] = None,
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="Light of each run: 500ms, 60s, 2min, 1h.")
    ] = "60s",
    seed: Annotated[int, typer.Option(min=0, help="The same for all: all see the same light.")] = 1,
    override: OverrideOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps every run, compare.json and, where matplotlib is installed, compare.svg.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into DIR even if it is not empty.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list, one entry a topology and variant.")
    ] = False,
) -> None:
    """Run the same light through several variants of the protocol and set them side by side.

    Photons depend on the seed and the devices, never on the protocol: they are simulated once for
    all variants that change nothing they meet, and it is checked that all saw the same.
    """
    from netsim.compare import comparison_json, load_plan, parse_variant
    from netsim.durations import parse_duration_ps
    from netsim.report.compare import print_comparison, save_comparison
    from netsim.rundir import prepare_run_directory

    texts = _Texts()
    duration_ps = texts.read("--duration", parse_duration_ps, duration)
    variants = [texts.read("--variant", parse_variant, text) for text in variant or []]
    texts.raise_faults()
    load_plan(topologies, variants, override or [])
    if out is not None:
        prepare_run_directory(out, force=force)
    found = _compare(topologies, variants, override or [], duration_ps, seed=seed, out=out)
    if as_json:
        typer.echo(comparison_json(found), nl=False)
    else:
        print_comparison(found, _stdout())
    if out is not None:
        _say(f"results are in {out}" + ("" if save_comparison(found, out) else NO_PLOT))
    if any(outcome.run.partial for outcome in found):
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command(
    epilog=(
        "Examples:\n\n"
        "* netsim distil alice.csv bob.csv --tick-a 1 --tick-b 1 --delay 5000000 --round 10s\n"
        "* netsim distil a.npz b.npz --map 1=Z0,2=Z1,3=X0,4=X1,9=- --detector-delays 2=120\n"
        "* netsim distil a.npy b.npy --offset 3200000000000 --offset-bound 100ms --rate-bound 60\n"
        "\nFiles: .csv with the header `time,detector`, one tag a line; .npy with int64 "
        "`ticks << 2 | detector`, or (N, 2), or fields time and detector; .npz with arrays time "
        "and detector. Times in ticks of the recorder, sorted, not negative.\n"
    )
)
def distil(
    alice: Annotated[Path, typer.Argument(metavar="ALICE", help="Tags of the announcer.")],
    bob: Annotated[Path, typer.Argument(metavar="BOB", help="Tags of the responder.")],
    *,
    tick_a: Annotated[int, typer.Option(min=1, help="Tick of alice's recorder in ps.")] = 10,
    tick_b: Annotated[int, typer.Option(min=1, help="Tick of bob's recorder in ps.")] = 10,
    detector_map: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="N=BASISBIT,...",
            help="Recorder's detector numbers to basis and bit; N=- ignores a channel.",
        ),
    ] = "0=Z0,1=Z1,2=X0,3=X1",
    map_b: Annotated[
        str | None, typer.Option(metavar="N=BASISBIT,...", help="The same for bob, if different.")
    ] = None,
    detector_delays: Annotated[
        str,
        typer.Option(metavar="N=PS,...", help="How late each detector is, in ps: calibration."),
    ] = "",
    delays_b: Annotated[
        str | None,
        typer.Option("--detector-delays-b", metavar="N=PS,...", help="For bob, if different."),
    ] = None,
    flip_x: Annotated[
        bool,
        typer.Option(
            help="X outcomes of the two are opposite (interferometers at pi/2), or equal. For Z, "
            "exchange Z0 and Z1 in --map-b."
        ),
    ] = True,
    window: Annotated[int, typer.Option(help="Coincidence window in ps, full width.")] = 2000,
    umi_delay: Annotated[
        int, typer.Option(help="Delay of the interferometers in ps: where the side peaks are.")
    ] = 10_000,
    linewidth: Annotated[
        float, typer.Option(help="Linewidth of the source in Hz: the shape of the peaks.")
    ] = 200e6,
    delay: Annotated[
        list[int] | None,
        typer.Option(
            metavar="PS",
            help="Light's way to bob less that to alice, in ps; once a lane. Default 0.",
        ),
    ] = None,
    offset: Annotated[
        int, typer.Option(metavar="PS", help="Bob's clock less alice's, as far as known, in ps.")
    ] = 0,
    offset_bound: Annotated[
        str, typer.Option(metavar="TIME", help="How wrong that may be: 2ms, 500us.")
    ] = "2ms",
    rate_bound: Annotated[
        float, typer.Option(metavar="PPM", help="How far the clocks' rates may differ.")
    ] = 1.0,
    round_length: Annotated[
        str, typer.Option("--round", metavar="TIME", help="Light per round.")
    ] = "30s",
    override: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change the protocol variant, e.g. reconciliation=cascade-original; repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all the parties' random choices.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keeps ledger, events, summary, and the users' keys."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into DIR even if it is not empty.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, and nothing else there.")
    ] = False,
) -> None:
    """Distil key from two files of time tags that someone else recorded.

    The same two endpoints as in a simulation find each other's clock, sift, correct, verify and
    amplify. Returns 1 if the clocks could not be found, with the best peak and how many bins were
    searched.
    """
    from netsim.durations import parse_duration_ps
    from netsim.recordings import DistilOptions, EndOptions, load_link_tags
    from netsim.report.distil import print_distilled
    from netsim.rundir import prepare_run_directory
    from netsim.tagio import parse_delays_ps, parse_detector_map

    texts = _Texts()
    maps = [
        texts.read(name, parse_detector_map, text)
        for name, text in (("--map", detector_map), ("--map-b", map_b or detector_map))
    ]
    delays_ps = [
        texts.read(name, parse_delays_ps, text)
        for name, text in (
            ("--detector-delays", detector_delays),
            ("--detector-delays-b", detector_delays if delays_b is None else delays_b),
        )
    ]
    bound_ps = texts.read("--offset-bound", parse_duration_ps, offset_bound)
    round_ps = texts.read("--round", parse_duration_ps, round_length)
    texts.raise_faults()
    options = DistilOptions(
        window_ps=window,
        umi_delay_ps=umi_delay,
        linewidth_hz=linewidth,
        lane_delays_ps=tuple(delay or (0,)),
        offset_ps=offset,
        offset_bound_ps=bound_ps,
        rate_bound_ppm=rate_bound,
        round_ps=round_ps,
        flip_x=flip_x,
        sets=tuple(override or ()),
        seed=seed,
    )
    ends = (
        EndOptions(alice, tick_a, maps[0], delays_ps[0]),
        EndOptions(bob, tick_b, maps[1], delays_ps[1]),
    )
    tags = load_link_tags(ends, options)
    if out is not None:
        prepare_run_directory(out, force=force)
    found = _distil(tags, options, out)
    if as_json:
        typer.echo(found.summary_json(), nl=False)
    else:
        print_distilled(found, _stdout())
    if found.partial:
        raise typer.Exit(EXIT_INTERRUPTED)
    if found.no_lock_reason is not None:
        _say(found.no_lock_reason)
        raise typer.Exit(EXIT_FAILED)


app.command(epilog=FIT_EPILOG)(fit)


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


class _Texts:
    """Reads texts of the command line and keeps what is wrong with them, to tell it at once."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def read(self, option: str, parse: Callable[[str], T], text: str) -> T:
        """`text` as `parse` reads it; after a fault, None, which nobody sees."""
        try:
            return parse(text)
        except ValueError as error:
            self._faults.setdefault(str(error), Fault(option, str(error)))
            return None  # type: ignore[return-value]  # `raise_faults` comes before its use

    def raise_faults(self) -> None:
        """Raise `ConfigError` if there was any."""
        if self._faults:
            raise ConfigError(tuple(self._faults.values()))


def _compare(
    topologies: list[str],
    variants: "list[Variant]",
    overrides: list[str],
    duration_ps: int,
    *,
    seed: int,
    out: Path | None,
) -> "list[Outcome]":
    from rich.console import Console

    from netsim.compare import compare
    from netsim.durations import seconds_text
    from netsim.interrupt import StopOnInterrupt
    from netsim.report.progress import progress_bar

    with (
        StopOnInterrupt() as interrupt,
        progress_bar(duration_ps, Console(stderr=True)) as progress,
    ):
        return compare(
            topologies,
            variants,
            duration_s=seconds_text(duration_ps),
            seed=seed,
            overrides=overrides,
            out=out,
            progress=progress,
            should_stop=interrupt.should_stop,
        )


def _distil(tags: "LinkTags", options: "DistilOptions", out: Path | None) -> "Distilled":
    from rich.console import Console

    from netsim.distil import distil
    from netsim.interrupt import StopOnInterrupt
    from netsim.report.progress import progress_bar

    with (
        StopOnInterrupt() as interrupt,
        progress_bar(tags.light_ps, Console(stderr=True)) as progress,
    ):
        return distil(tags, options, out=out, progress=progress, should_stop=interrupt.should_stop)


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
