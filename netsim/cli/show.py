"""`netsim show`: a topology, drawn."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, TopologyArgument, check_free, note, stdout

EXAMPLES = (
    "netsim show fan2025_four_user",
    "netsim show mine.toml --out map.svg",
)


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
        check_free(options.out, force=options.force)
    print_network(spec, stdout())
    if options.out is not None:
        rates = {link.users: link.skr_bps for link in predict(spec).links}
        write_whole(options.out, svg_map(spec, rates, "key rate that the twin expects"))
        note(f"the map is in {options.out}")
