"""`netsim list`: the topologies that there are."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from netsim.cli.shared import stdout

EXAMPLES = ("netsim list",)


def list_topologies() -> None:
    """Name the topologies that come with netsim, with what each is and how large."""
    from netsim.report.network import print_topologies
    from netsim.topology.load import load_topology
    from netsim.topology.shipped import shipped_topologies

    print_topologies([load_topology(name) for name in shipped_topologies()], stdout())
