"""`netsim schema`: what a topology file may say."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from typing import Annotated

import typer

from netsim.cli.shared import tell

EXAMPLES = ("netsim schema > topology.schema.json", "netsim schema --markdown > tables.md")


def schema(
    *,
    markdown: Annotated[
        bool,
        typer.Option(
            "--markdown",
            help="Tables to read instead, with units, defaults and what shipped files have.",
        ),
    ] = False,
) -> None:
    """Print the JSON schema of a topology: every key with its unit and range."""
    if markdown:
        from netsim.topology.reference import topology_markdown

        tell(topology_markdown())
        return
    import json

    from netsim.topology.schema import topology_schema

    typer.echo(json.dumps(topology_schema(), indent=2))
