"""`netsim extend`: more light for a run that has ended."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from typing import Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.run import tell_again
from netsim.cli.shared import (
    LegendOption,
    RunDirectory,
    RunWorkersOption,
    Texts,
    watched,
)

EXAMPLES = ("netsim extend results --duration 2h",)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendArguments:
    """Which run, and how far it goes on."""

    directory: RunDirectory
    duration: Annotated[
        str, typer.Option(metavar="TIME", help="Light in all, what there is already included.")
    ]
    workers: RunWorkersOption = 1
    legend: LegendOption = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print summary.json to stdout, and nothing else there.")
    ] = False


@with_options
def extend(options: ExtendArguments) -> None:
    """Go on with a run that has ended, as if its light had not been over.

    All is drawn anew from the same seed, and so it takes as long as a run of that length. Every
    block of the earlier run stays what it was, or nothing is changed.
    """
    from netsim.durations import parse_duration_ps, seconds_text
    from netsim.simulation import again

    texts = Texts()
    duration_ps = texts.read("--duration", parse_duration_ps, options.duration)
    texts.raise_faults()
    with watched(duration_ps) as watch:
        found = again.extend(
            options.directory, seconds_text(duration_ps), watch=watch, workers=options.workers
        )
    tell_again(found, options.directory, as_json=options.as_json, legend=options.legend)
