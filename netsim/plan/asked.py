"""What ``netsim plan`` can be asked, option by option, as it is typed.

Fields carry the help of the command line, which adds what becomes of the plan;
`netsim.plan.options` reads them.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

DEFAULT_TEMPLATE = "fan2025_structured"
"""Hardware of a plan if no topology is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """What was typed; None where nothing was."""

    users: Annotated[
        str | None,
        typer.Option(
            metavar="N|A,B,...|N:M",
            help="How many users, or their names; or those of T; or a table from N to M users.",
        ),
    ] = None
    pumps: Annotated[
        str | None,
        typer.Option(metavar="34,46", help="Labels of the pumps; else chosen (or those of T)."),
    ] = None
    pump_count: Annotated[
        int | None, typer.Option(min=1, max=3, help="How many pumps to choose. Default 2.")
    ] = None
    spacing: Annotated[
        int | None,
        typer.Option(
            min=1, help="Comb spacing in labels of 100 GHz (Fan et al. 2025: 2). Default 1, or T's."
        ),
    ] = None
    band: Annotated[
        str | None, typer.Option(metavar="12:60", help="Lowest and highest label. Default: any.")
    ] = None
    avoid: Annotated[
        str | None, typer.Option(metavar="17,20-25", help="Labels that may not be used.")
    ] = None
    self_paired: Annotated[
        bool, typer.Option("--self-paired", help="Allow labels that pair with themselves.")
    ] = False
    demand: Annotated[
        str | None,
        typer.Option(
            metavar="A-B[=W],...",
            help="Wanted pairs, with weights, or `applications`: those of T's [[applications]], "
            "by the key that they ask for. Default: all pairs.",
        ),
    ] = None
    max_channels: Annotated[int | None, typer.Option(min=1, help="Most channels.")] = None
    objective: Annotated[
        str,
        typer.Option(
            metavar="GOAL",
            help="channels (fewest), span (narrowest), total or poorest (highest key rate of all, "
            "of the poorest pair).",
        ),
    ] = "channels"
    topology: Annotated[
        str | None,
        typer.Option(metavar="T", help="Hardware, users, pumps and comb of this topology."),
    ] = None
    override: tuple[str, ...] = ()
    channel_loss: Annotated[
        str | None,
        typer.Option(
            metavar="[LABEL=]DB,...", help="Demultiplexer loss, of one label or of all others."
        ),
    ] = None
    fibre: Annotated[
        str | None,
        typer.Option(metavar="[USER=]KM,...", help="Fibre length, of one user or of all others."),
    ] = None
    power: Annotated[
        float | None,
        typer.Option(metavar="MW", help="Of every pump, in the fibre. Default: what suits best."),
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 1
    effort: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Multiplies the moves of every search.")
    ] = 1.0

    @property
    def template(self) -> str:
        """The topology that hardware is taken from."""
        return self.topology or DEFAULT_TEMPLATE
