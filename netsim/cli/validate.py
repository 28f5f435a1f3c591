"""`netsim validate`: check a topology without running it."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import typer

from netsim.cli.shared import OverrideOption, TopologyArgument, warn

EXAMPLES = ("netsim validate mine.toml --set users.alice.fibre.length_m=5000",)


def validate(topology: TopologyArgument, override: OverrideOption = None) -> None:
    """Check a topology without running it: all its faults at once, each with its key path."""
    from netsim.topology.load import load_topology
    from netsim.topology.network import build_network

    spec = load_topology(topology, overrides=override or [])
    warn(spec)
    network = build_network(spec)
    typer.echo(
        f"{spec.name}: valid; {len(spec.users)} users, {len(network.channels)} channels, "
        f"{len(network.links)} links, {len(network.lanes)} lanes"
    )
    if spec.protocol.basis == "biased":
        from netsim.planning import best_basis_ratio

        best = best_basis_ratio(spec)
        typer.echo(
            f"biased bases: the twin expects most key at z_probability {best.z_probability:.2f}, "
            f"{best.key_bps:.1f} bit/s (at 0.50: {best.symmetric_key_bps:.1f})"
        )
