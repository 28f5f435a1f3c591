"""`netsim variants`: what may be named, and whether it keeps what its kind promises."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from typing import Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import EXIT_FAILED, OverrideOption, say, stdout, tell
from netsim.errors import ConfigError

EXAMPLES = (
    "netsim variants",
    "netsim variants --check security=finite --set protocol.estimation=sample",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantsArguments:
    """Whether to list them, or to look at one."""

    check: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=NAME", help="Run this one twice, and say what it breaks; 1 if anything."
        ),
    ] = None
    override: OverrideOption = ()
    as_json: Annotated[bool, typer.Option("--json", help="Print a list, one entry each.")] = False


@with_options
def variants(options: VariantsArguments) -> None:
    """List what topologies and recordings may name, by kind, and who brought it.

    Variants of the protocol, observers, formats of tags and arrival processes: built in, or
    installed with another distribution.
    """
    if options.check is not None:
        _check(options.check, options)
        return
    from netsim.studies.conformance import known_variants

    if options.as_json:
        import json
        from dataclasses import asdict

        tell(json.dumps([asdict(one) for one in known_variants()], indent=2))
    else:
        from netsim.report.variants import print_variants

        print_variants(known_variants(), stdout())


def _check(text: str, options: VariantsArguments) -> None:
    from netsim.studies.conformance import broken_promises

    kind, equals, name = (piece.strip() for piece in text.partition("="))
    if not equals or not name:
        raise ConfigError.of("--check", f"{text!a} is no KIND=NAME")
    broken = broken_promises(kind, name, options.override)
    for line in broken:
        tell(f"{kind} {name}: {line}")
    if broken:
        raise typer.Exit(EXIT_FAILED)
    say(f"{kind} {name} breaks nothing that a run shows")
