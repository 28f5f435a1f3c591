"""`netsim new`: a topology, begun."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import check_free, note, tell
from netsim.errors import ConfigError

EXAMPLES = (
    "netsim new lab --out lab.toml",
    "netsim new star --users 3 --distance 25km --source spdc --efficiency 0.2 --out lab.toml",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewArguments:
    """What a starter file is to hold."""

    shape: Annotated[
        str,
        typer.Argument(
            metavar="SHAPE",
            help="star: every two users share a pair of channels; ring: each user with its two "
            "neighbours; lab: two users on the bench.",
        ),
    ]
    users: Annotated[int, typer.Option(min=2, max=40, help="How many users.")] = 3
    distance: Annotated[
        str, typer.Option(metavar="LENGTH", help="Of each user's fibre: 25km, 500m.")
    ] = "10km"
    source: Annotated[
        str, typer.Option(metavar="KIND", help="spdc: a crystal; ring: a microring, two pumps.")
    ] = "spdc"
    efficiency: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Of the detectors; from 0.5 on nanowires. Default: 0.2, behind a ring 0.8.",
        ),
    ] = None
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; stdout without it.")
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False


@with_options
def new(options: NewArguments) -> None:
    """Begin a topology of your own: a commented file with every number that decides the physics.

    What is boring (group index, datagrams, clocks) has defaults and is left out; `netsim schema`
    has all keys.
    """
    from netsim.results.files import write_whole
    from netsim.topology.starter import Starter, parse_length_m, starter_text

    try:
        starter = Starter(
            shape=options.shape,
            users=options.users,
            length_m=parse_length_m(options.distance),
            source=options.source,
            efficiency=options.efficiency,
        )
    except ValueError as error:
        raise ConfigError.of("netsim new", str(error)) from error
    text = starter_text(starter)
    if options.out is None:
        tell(text.rstrip("\n"))
        return
    check_free(options.out, force=options.force)
    write_whole(options.out, text)
    note(f"{options.out} is ready: netsim twin {options.out}")
