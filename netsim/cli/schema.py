"""`netsim schema`: what a topology file may say."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import typer

EXAMPLES = ("netsim schema > topology.schema.json",)


def schema() -> None:
    """Print the JSON schema of a topology: every key with its unit and range."""
    import json

    from netsim.topology.schema import topology_schema

    typer.echo(json.dumps(topology_schema(), indent=2))
