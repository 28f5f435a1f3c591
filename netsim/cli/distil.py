"""`netsim distil`: the protocol on two recordings."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from netsim.recordings.recording import DistilOptions, LinkTags
    from netsim.results.distilled import Distilled

EXAMPLES = (
    "netsim distil alice.csv bob.csv --tick-a 1 --tick-b 1 --delay 5000000 --round 10s",
    "netsim distil a.npz b.npz --map 1=Z0,2=Z1,3=X0,4=X1,9=- --detector-delays 2=120",
    "netsim distil a.npy b.npy --offset 3200000000000 --offset-bound 100ms --rate-bound 60",
)
FORMATS = (
    "Files: .csv with the header `time,detector`, one tag a line; .npy with int64 "
    "`ticks << 2 | detector`, or (N, 2), or fields time and detector; .npz with arrays time "
    "and detector. Times in ticks of the recorder, sorted, not negative."
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
    force: ForceOption = False,
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
    from netsim.recordings.packing import parse_delays_ps, parse_detector_map
    from netsim.recordings.recording import DistilOptions, EndOptions, load_link_tags
    from netsim.report.distil import print_distilled

    texts = Texts()
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
    prepare(out, force=force)
    found = _distil(tags, options, out)
    if as_json:
        typer.echo(found.summary_json(), nl=False)
    else:
        print_distilled(found, stdout())
    if found.partial:
        raise typer.Exit(EXIT_INTERRUPTED)
    if found.no_lock_reason is not None:
        say(found.no_lock_reason)
        raise typer.Exit(EXIT_FAILED)


def _distil(tags: "LinkTags", options: "DistilOptions", out: Path | None) -> "Distilled":
    from netsim.recordings.distil import distil

    with watched(tags.light_ps) as watch:
        return distil(
            tags, options, out=out, progress=watch.progress, should_stop=watch.should_stop
        )
