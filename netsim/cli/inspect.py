"""`netsim inspect`: what is in recordings, and why there is no key."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Mapping, Sequence
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
from netsim.cli.shared import EXIT_FAILED, ForceOption, Texts, prepare, say_plots, stdout

if TYPE_CHECKING:
    from fractions import Fraction

    from netsim.recordings.inspection import RecordingFacts
    from netsim.recordings.packing import DetectorMap
    from netsim.recordings.reading import Recording
    from netsim.report.inspection import LinkView

EXAMPLES = (
    "netsim inspect alice.ptu",
    "netsim inspect alice.csv bob.csv --tick-a 1 --tick-b 1 --offset-bound 10ms --out looked",
)
MORE = FORMATS
STEM = "correlation"


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectArguments:
    """One recording or two, and what is known of them."""

    first: Annotated[Path, typer.Argument(metavar="A", help="Tags of one recorder.")]
    second: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="Tags of another one, of the same light.")
    ] = None
    tick_a: TickOption = None
    tick_b: TickBOption = None
    detector_map: MapOption = "0=Z0,1=Z1,2=X0,3=X1"
    map_b: MapBOption = None
    flip_x: FlipOption = True
    window: WindowOption = 2000
    offset: OffsetOption = 0
    offset_bound: OffsetBoundOption = "2ms"
    rate_bound: RateBoundOption = 1.0
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keeps the correlation histogram (extra `report`)."),
    ] = None
    force: ForceOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all as JSON, and nothing else there.")
    ] = False


@with_options
def inspect(options: InspectArguments) -> None:
    """Say what is in files of time tags: rates, silences, back steps, dead times.

    Of two files also where they correlate, the coincidences of each channel with each, detectors
    that answer late, and error rates by the maps as given and by those that fit better: the answer
    to "why is there no key". Returns 1 if they do not correlate.
    """
    from netsim.recordings.inspection import facts_of
    from netsim.recordings.reading import read_recording

    known = _known(options)
    paths = [path for path in (options.first, options.second) if path is not None]
    found = [read_recording(path) for path in paths]
    ticks = [_tick(recording, tick) for recording, tick in zip(found, known.ticks, strict=False)]
    prepare(options.out, force=options.force)
    facts = {
        str(path): facts_of(recording, tick)
        for path, recording, tick in zip(paths, found, ticks, strict=True)
    }
    view = None if len(found) == 1 else _view(options, known, found, ticks)
    _show(options, facts, view)
    if view is not None and (view.correlation is None or not view.correlation.is_sure):
        raise typer.Exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Known:
    """Options, read."""

    ticks: "tuple[Fraction | None, Fraction | None]"
    maps: "tuple[DetectorMap, DetectorMap]"
    bound_ps: int


def _known(options: InspectArguments) -> _Known:
    from netsim.durations import parse_bound_ps
    from netsim.recordings.packing import parse_detector_map, parse_tick_ps

    texts = Texts()
    ticks = [
        None if text is None else texts.read(name, parse_tick_ps, text)
        for name, text in (("--tick-a", options.tick_a), ("--tick-b", options.tick_b))
    ]
    map_b = options.map_b or options.detector_map
    maps = [
        texts.read(name, parse_detector_map, text)
        for name, text in (("--map", options.detector_map), ("--map-b", map_b))
    ]
    bound_ps = texts.read("--offset-bound", parse_bound_ps, options.offset_bound)
    texts.raise_faults()
    return _Known((ticks[0], ticks[1]), (maps[0], maps[1]), bound_ps)


def _tick(recording: "Recording", given: "Fraction | None") -> "Fraction":
    """As given, else as the file says, else the usual one."""
    from netsim.recordings.recording import USUAL_TICK_PS

    return given or recording.tick_ps or USUAL_TICK_PS


def _view(
    options: InspectArguments,
    known: _Known,
    found: "Sequence[Recording]",
    ticks: "Sequence[Fraction]",
) -> "LinkView":
    import numpy as np

    from netsim.recordings.correlation import correlate
    from netsim.report.inspection import LinkView

    one, other = found
    correlation = correlate(
        one,
        other,
        (ticks[0], ticks[1]),
        offset_ps=float(options.offset),
        bound_ps=float(max(known.bound_ps, options.window)),
        rate_bound_ppm=options.rate_bound,
    )
    channels = [tuple(map(int, np.unique(recording.detectors))) for recording in found]
    return LinkView(
        correlation, known.maps, (channels[0], channels[1]), options.window, options.flip_x
    )


def _show(
    options: InspectArguments, facts: "Mapping[str, RecordingFacts]", view: "LinkView | None"
) -> None:
    from netsim.report.figure import save_figure
    from netsim.report.inspection import correlation_figure, facts_json, print_facts, print_link

    if options.as_json:
        import json

        typer.echo(json.dumps(facts_json(facts, view), indent=2, allow_nan=False))
    else:
        console = stdout()
        for name, one in facts.items():
            print_facts(name, one, console)
        if view is not None:
            print_link(view, console)
    if options.out is not None and view is not None:
        say_plots(options.out, save_figure(correlation_figure(view), options.out / STEM))
