"""`netsim list`, `netsim show` and `netsim new`: topologies that there are, drawn, and begun."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, TopologyArgument, note, stdout, tell
from netsim.errors import ConfigError

LIST_EXAMPLES = ("netsim list",)
SHOW_EXAMPLES = (
    "netsim show fan2025_four_user",
    "netsim show mine.toml --out map.svg",
)
NEW_EXAMPLES = (
    "netsim new lab --out lab.toml",
    "netsim new star --users 3 --distance 25km --source spdc --efficiency 0.2 --out lab.toml",
)


def list_topologies() -> None:
    """Name the topologies that come with netsim, with what each is and how large."""
    from netsim.report.network import print_topologies
    from netsim.topology.load import load_topology
    from netsim.topology.shipped import shipped_topologies

    print_topologies([load_topology(name) for name in shipped_topologies()], stdout())


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowArguments:
    """A topology, and where to draw it."""

    topology: TopologyArgument
    override: OverrideOption = ()
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a map into this .svg file as well.")
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False


@with_options
def show(options: ShowArguments) -> None:
    """Draw a network: source, channels and their ways, users, and who shares light with whom."""
    from netsim.report.map import svg_map
    from netsim.report.network import print_network
    from netsim.results.files import write_whole
    from netsim.topology.load import load_topology
    from netsim.twin.forecast import predict

    spec = load_topology(options.topology, overrides=options.override)
    if options.out is not None:
        _check_free(options.out, force=options.force)
    print_network(spec, stdout())
    if options.out is not None:
        rates = {link.users: link.skr_bps for link in predict(spec).links}
        write_whole(options.out, svg_map(spec, rates, "key rate that the twin expects"))
        note(f"the map is in {options.out}")


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
    _check_free(options.out, force=options.force)
    write_whole(options.out, text)
    note(f"{options.out} is ready: netsim twin {options.out}")


def _check_free(path: Path, *, force: bool) -> None:
    from netsim.results.files import is_stream

    if path.exists() and not force and not is_stream(path):
        raise ConfigError.of(path, "is there already; --force replaces it")
    if not path.parent.is_dir():
        raise ConfigError.of(path, f"there is no folder {path.parent}")
