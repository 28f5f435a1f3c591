"""What a link of a network knows before it starts, in announcements of whole rounds."""

from netsim.topology.network import Network
from netsim.twin import link
from netsim.twin.cadence import round_cadence
from protocols.link import LinkConfig


def link_config(network: Network, users: tuple[str, str]) -> LinkConfig:
    """`netsim.twin.link.link_config`, however its light is cut."""
    cadence = round_cadence(network.topology, network.links)
    return link.link_config(network, users, cadence)
