"""`netsim distil`: the protocol on two recordings."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.recordings import (
    FORMATS,
    FlipOption,
    MapBOption,
    MapOption,
    OffsetBoundOption,
    OffsetOption,
    RateBoundOption,
    TickBOption,
    TickOption,
    WindowOption,
)
from netsim.cli.shared import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    ForceOption,
    Texts,
    prepare,
    say,
    stdout,
    watched,
)

if TYPE_CHECKING:
    from netsim.recordings.recording import DistilOptions, EndOptions, LinkTags
    from netsim.results.distilled import Distilled

EXAMPLES = (
    "netsim distil alice.csv bob.csv --tick-a 1 --tick-b 1 --delay 5000000 --round 10s",
    "netsim distil a.npz b.npz --map 1=Z0,2=Z1,3=X0,4=X1,9=- --detector-delays 2=120",
    "netsim distil a.npy b.npy --offset 3200000000000 --offset-bound 100ms --rate-bound 60",
)
MORE = FORMATS


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilArguments:
    """Two recordings, and what is known of recorders, clocks and light."""

    alice: Annotated[Path, typer.Argument(metavar="ALICE", help="Tags of the announcer.")]
    bob: Annotated[Path, typer.Argument(metavar="BOB", help="Tags of the responder.")]
    tick_a: TickOption = None
    tick_b: TickBOption = None
    sort: Annotated[
        bool, typer.Option("--sort", help="Take times in any order, as blocks of a recorder come.")
    ] = False
    detector_map: MapOption = "0=Z0,1=Z1,2=X0,3=X1"
    map_b: MapBOption = None
    detector_delays: Annotated[
        str,
        typer.Option(metavar="N=PS,...", help="How late each detector is, in ps: calibration."),
    ] = ""
    delays_b: Annotated[
        str | None,
        typer.Option("--detector-delays-b", metavar="N=PS,...", help="For bob, if different."),
    ] = None
    dead_time_a: Annotated[
        int | None,
        typer.Option(
            metavar="PS",
            help="Longest dead time of alice's detectors in ps: a click so soon after another one "
            "does not count. Default: what the recording shows.",
        ),
    ] = None
    dead_time_b: Annotated[
        int | None, typer.Option(metavar="PS", help="The same of bob's detectors.")
    ] = None
    flip_x: FlipOption = True
    window: WindowOption = 2000
    umi_delay: Annotated[
        int, typer.Option(help="Delay of the interferometers in ps: where the side peaks are.")
    ] = 10_000
    linewidth: Annotated[
        float, typer.Option(help="Linewidth of the source in Hz: the shape of the peaks.")
    ] = 200e6
    delay: Annotated[
        tuple[int, ...],
        typer.Option(
            metavar="PS",
            help="Light's way to bob less that to alice, in ps; once a lane. Default 0.",
        ),
    ] = ()
    offset: OffsetOption = 0
    offset_bound: OffsetBoundOption = "2ms"
    rate_bound: RateBoundOption = 1.0
    round_length: Annotated[
        str, typer.Option("--round", metavar="TIME", help="Light per round.")
    ] = "30s"
    override: Annotated[
        tuple[str, ...],
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change the protocol variant, e.g. security=finite; repeatable.",
        ),
    ] = ()
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of all the parties' random choices.")
    ] = 1
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keeps ledger, events, summary, and the users' keys."),
    ] = None
    force: ForceOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, and nothing else there.")
    ] = False


@with_options
def distil(options: DistilArguments) -> None:
    """Distil key from two files of time tags that someone else recorded.

    The same two endpoints as in a simulation find each other's clock, sift, correct, verify and
    amplify. Returns 1 if there is no key: the clocks could not be found (with the best peak and how
    many bins were searched), or every round ended without (with the reasons).
    """
    from netsim.recordings.recording import load_link_tags
    from netsim.report.distil import print_distilled
    from netsim.results.distilled import USERS

    texts = Texts()
    ends, terms = _ends(options, texts), _terms(options, texts)
    texts.raise_faults()
    tags = load_link_tags(ends, terms)
    prepare(options.out, force=options.force, users=USERS)
    found = _distil(tags, terms, options.out)
    if options.as_json:
        typer.echo(found.summary_json(), nl=False)
    else:
        print_distilled(found, stdout())
    if found.partial:
        raise typer.Exit(EXIT_INTERRUPTED)
    if (reason := found.no_lock_reason or found.no_key_reason) is not None:
        say(reason)
        raise typer.Exit(EXIT_FAILED)
    if found.lost_reason:
        say(found.lost_reason)


def _ends(options: DistilArguments, texts: Texts) -> "tuple[EndOptions, EndOptions]":
    """Both recordings; what is not said of bob's is as alice's."""
    from netsim.recordings.packing import parse_delays_ps, parse_detector_map, parse_tick_ps
    from netsim.recordings.recording import EndOptions

    map_b = options.map_b or options.detector_map
    delays_b = options.detector_delays if options.delays_b is None else options.delays_b
    maps = [
        texts.read(name, parse_detector_map, text)
        for name, text in (("--map", options.detector_map), ("--map-b", map_b))
    ]
    delays_ps = [
        texts.read(name, parse_delays_ps, text)
        for name, text in (
            ("--detector-delays", options.detector_delays),
            ("--detector-delays-b", delays_b),
        )
    ]
    ticks_ps = [
        None if text is None else texts.read(name, parse_tick_ps, text)
        for name, text in (("--tick-a", options.tick_a), ("--tick-b", options.tick_b))
    ]
    return (
        EndOptions(
            options.alice,
            ticks_ps[0],
            maps[0],
            delays_ps[0],
            sort=options.sort,
            dead_time_ps=options.dead_time_a,
        ),
        EndOptions(
            options.bob,
            ticks_ps[1],
            maps[1],
            delays_ps[1],
            sort=options.sort,
            dead_time_ps=options.dead_time_b,
        ),
    )


def _terms(options: DistilArguments, texts: Texts) -> "DistilOptions":
    """What both ends know of the link."""
    from netsim.durations import parse_bound_ps, parse_duration_ps
    from netsim.recordings.recording import DistilOptions

    return DistilOptions(
        window_ps=options.window,
        umi_delay_ps=options.umi_delay,
        linewidth_hz=options.linewidth,
        lane_delays_ps=options.delay or (0,),
        offset_ps=options.offset,
        offset_bound_ps=texts.read("--offset-bound", parse_bound_ps, options.offset_bound),
        rate_bound_ppm=options.rate_bound,
        round_ps=texts.read("--round", parse_duration_ps, options.round_length),
        flip_x=options.flip_x,
        sets=options.override,
        seed=options.seed,
    )


def _distil(tags: "LinkTags", terms: "DistilOptions", out: Path | None) -> "Distilled":
    from netsim.recordings.distil import distil

    with watched(tags.light_ps) as watch:
        found = distil(tags, terms, out=out, watch=watch)
    if out is not None:
        _say_how(out)
    return found


def _say_how(out: Path) -> None:
    """Keep how it was made apart from what came of it, which is the same wherever it is made."""
    import json

    from netsim.results.distilled import MADE
    from netsim.results.files import write_whole
    from netsim.results.provenance import circumstances, versions

    made = circumstances() | {"versions": dict(versions())}
    write_whole(out / MADE, json.dumps(made, indent=2) + "\n")
