"""`netsim compare`: the same light through several variants."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    EXIT_INTERRUPTED,
    FidelityOption,
    ForceOption,
    OverrideOption,
    Texts,
    check_duration,
    prepare,
    say_plots,
    stdout,
    warn,
    watched,
)

if TYPE_CHECKING:
    from netsim.studies.compare import Lineup, Outcome

EXAMPLES = (
    (
        "netsim compare two_user --duration 10s --set protocol.round_s=5 "
        "--variant reconciliation=cascade-original --variant reconciliation=cascade-yanetal"
    ),
    (
        "netsim compare fan2025_four_user --duration 60s "
        "--variant error_correction_charge=paper --variant error_correction_charge=measured"
    ),
    (
        "netsim compare two_user "
        "--variant reconciliation=cascade-yanetal,classical.extra_length_m=1e6 --json"
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareArguments:
    """What to set side by side, and where to keep it."""

    topologies: Annotated[
        tuple[str, ...],
        typer.Argument(metavar="TOPOLOGY...", help="Paths of TOML files, or shipped names."),
    ]
    variant: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="NAME=VALUE[,...]",
            help="One variant; a comma list changes several names at once. A name without a dot "
            "lies under `protocol.`, if that has it. Repeat the option for more variants.",
        ),
    ] = ()
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="Light of each run: 500ms, 60s, 2min, 1h.")
    ] = "60s"
    seed: Annotated[int, typer.Option(min=0, help="The same for all: all see the same light.")] = 1
    fidelity: FidelityOption = "photon"
    override: OverrideOption = ()
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps every run, compare.json and, with the extra `report`, .svg and .html.",
        ),
    ] = None
    force: ForceOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list, one entry a topology and variant.")
    ] = False


@with_options
def compare(options: CompareArguments) -> None:
    """Run the same light through several variants of the protocol and set them side by side.

    Photons depend on the seed and the devices, never on the protocol: they are simulated once for
    all variants that change nothing they meet, and it is checked that all saw the same. At the
    other levels of fidelity each variant draws its own.
    """
    from netsim.durations import parse_duration_ps
    from netsim.report.compare import print_comparison, save_comparison
    from netsim.studies.compare import comparison_json, load_lineup, parse_variant

    texts = Texts()
    duration_ps = texts.read("--duration", parse_duration_ps, options.duration)
    variants = [texts.read("--variant", parse_variant, text) for text in options.variant]
    texts.raise_faults()
    lineup = load_lineup(options.topologies, variants, options.override)
    check_duration(duration_ps, *lineup.specs)
    warn(*lineup.specs, duration_ps=duration_ps)
    prepare(options.out, force=options.force)
    found = _compare(lineup, duration_ps, options)
    if options.as_json:
        typer.echo(comparison_json(found), nl=False)
    else:
        print_comparison(found, stdout())
    if options.out is not None:
        say_plots(options.out, save_comparison(found, options.out))
    if any(outcome.run.partial for outcome in found):
        raise typer.Exit(EXIT_INTERRUPTED)


def _compare(lineup: "Lineup", duration_ps: int, options: CompareArguments) -> "list[Outcome]":
    from netsim.durations import seconds_text
    from netsim.studies.compare import compare

    with watched(duration_ps) as watch:
        return compare(
            lineup,
            duration_s=seconds_text(duration_ps),
            seed=options.seed,
            fidelity=options.fidelity,
            out=options.out,
            watch=watch,
        )
