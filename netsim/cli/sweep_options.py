"""Options of `netsim sweep`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.shared import (
    FidelityOption,
    OverrideOption,
    TopologyArgument,
    ZipOption,
)

SweepOverOption = Annotated[
    tuple[str, ...],
    typer.Option(
        metavar="PATH=VALUES",
        help="Take these values in turn: FIRST:LAST:COUNT, log:FIRST:LAST:COUNT or a list A,B,C; "
        "with --optimise any value of FIRST:LAST or log:FIRST:LAST, or one of a list. Repeatable.",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepArguments:
    """What to run, how often, by whom, and where to keep it."""

    topology: TopologyArgument
    over: SweepOverOption = ()
    zipped: ZipOption = False
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Runs of each point.")] = 1
    duration: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Light of each run: 500ms, 60s, 2min, 1h; default 60s. With --optimise there are "
            "no runs without it: the twin judges.",
        ),
    ] = None
    optimise: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE",
            help="Look for the best in place of all points: of sifted_hz, qber, skr_bps or "
            "net_key_bps, of all links, or of one as net_key_bps@alice&bob or @poorest (extra "
            "`optimise`).",
        ),
    ] = None
    trials: Annotated[
        int, typer.Option(min=1, max=100_000, help="Points that --optimise tries.")
    ] = 100
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
