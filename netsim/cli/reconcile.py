"""`netsim reconcile`: how efficient error correction is."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    EXIT_INTERRUPTED,
    ForceOption,
    Texts,
    counted,
    prepare,
    say,
    say_plots,
    stdout,
)
from netsim.errors import ConfigError

if TYPE_CHECKING:
    from netsim.twin.efficiency import Efficiency

DEFAULT = "cascade-yanetal"
"""What corrects errors if nothing is given."""
EXAMPLES = (
    "netsim reconcile --variant cascade-yanetal --qber 0.034 --block 10000 --blocks 200 --json",
    (
        "netsim reconcile --variant cascade-original,cascade-yanetal,cascade-option8 "
        "--qber 0.01:0.09:0.01 --out efficiencies"
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileArguments:
    """What to correct, how often, and where to keep it."""

    variant: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="NAME[,NAME]",
            help="What corrects errors: cascade-yanetal (if none is given), or any other that "
            "`netsim schema` lists under `reconciliation`; repeatable.",
        ),
    ] = ()
    qber: Annotated[
        str,
        typer.Option(
            metavar="Q", help="Error rate: 0.034, a list 0.01,0.05, or a range 0.01:0.09:0.01."
        ),
    ] = "0.034"
    block: Annotated[int, typer.Option(metavar="BITS", help="Size of a block.")] = 10_000
    blocks: Annotated[int, typer.Option(metavar="N", help="Blocks of each kind.")] = 200
    seed: Annotated[int, typer.Option(min=0, help="The same for all: equal blocks.")] = 1
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps reconcile.json, .csv and, with the extra `report`, .svg and .html.",
        ),
    ] = None
    force: ForceOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print an object, or a list of several.")
    ] = False


@with_options
def reconcile(options: ReconcileArguments) -> None:
    """Measure f, failures, leak, round trips, bytes and speed of error correction.

    Both ends of a variant correct random blocks whose bits are wrong with probability Q, which is
    also the estimate they start from; a 64-bit hash says which blocks have failed. No light is
    simulated. Ctrl-C stops after the current block and shows what there is.
    """
    from netsim.report.reconcile import measured_json, print_measured, save_measured
    from netsim.studies.reconcile import find_faults, parse_qbers

    texts = Texts()
    qbers = texts.read("--qber", parse_qbers, options.qber)
    texts.raise_faults()
    names = _names(options.variant)
    if faults := find_faults(
        names, qbers, block_bits=options.block, blocks=options.blocks, seed=options.seed
    ):
        raise ConfigError(faults)
    prepare(options.out, force=options.force)
    found, is_whole = _measure([(name, qber) for name in names for qber in qbers], options)
    if found and options.as_json:
        typer.echo(measured_json(found), nl=False)
    elif found:
        print_measured(found, stdout())
    if found and options.out is not None:
        say_plots(options.out, save_measured(found, options.out))
    if not is_whole:
        say("stopped before all blocks were done")
        raise typer.Exit(EXIT_INTERRUPTED)


def _names(variants: Sequence[str]) -> list[str]:
    given = [name.strip() for text in variants or [DEFAULT] for name in text.split(",")]
    return list(dict.fromkeys(given))


def _measure(
    points: Sequence[tuple[str, float]], options: ReconcileArguments
) -> tuple[list["Efficiency"], bool]:
    """Every variant and rate, those without a block left out; whether all blocks were done."""
    from netsim.studies.reconcile import measure

    found: list[Efficiency] = []
    blocks = options.blocks
    with counted(len(points) * blocks, "blocks") as watch:
        for number, (name, qber) in enumerate(points):
            entry = measure(
                name,
                qber=qber,
                block_bits=options.block,
                blocks=blocks,
                seed=options.seed,
                watch=watch.after(number * blocks),
            )
            found += [entry] if entry.blocks else []
            if entry.blocks < blocks:
                return found, False
    return found, True
