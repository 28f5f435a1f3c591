"""A network as text: what there is, which way each channel goes, and who shares light with whom."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from netsim.report.text import add_names, add_numbers, plain_table
from netsim.topology.architecture import architecture_of
from netsim.topology.network import Network
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.source import RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import network_of_all_states
from netsim.topology.ways import DeliveredChannel
from netsim.units import db_from_transmittance

MAX_LINES = 60
"""Of the picture; a network of hundreds of links is a table, not a picture."""


def print_topologies(topologies: Sequence[TopologySpec], console: Console) -> None:
    """A line a topology: name, size, description."""
    table = plain_table("Topologies that come with netsim")
    add_names(table, "Name")
    add_numbers(table, "Users", "Channels", "Links")
    add_names(table, "What it is")
    for spec in topologies:
        size = architecture_of(spec)
        counts = (size.users, size.channels, size.links)
        table.add_row(Text(spec.name), *map(str, counts), Text(spec.description))
    console.print(table)
    console.print()
    console.print(Text("Begin with: netsim show NAME, netsim twin NAME, netsim run NAME; or new."))


def print_network(spec: TopologySpec, console: Console) -> None:
    """Draw a topology with lines and words."""
    lines = list(_lines(network_of_all_states(spec)))
    for line in lines[:MAX_LINES]:
        console.print(Text(line), soft_wrap=True)
    if len(lines) > MAX_LINES:
        console.print(Text(f"... and {len(lines) - MAX_LINES} lines more; --out draws all"))


def source_text(spec: TopologySpec) -> str:
    """One line on the source."""
    source = spec.qnsp.source
    if isinstance(source, RingSourceSpec):
        pumps = ", ".join(f"{pump.channel} {pump.power_mw:g} mW" for pump in source.pumps)
        return f"microring, pumped at {pumps}"
    return f"crystal, pumped with {source.pump_power_mw:g} mW, labels add up to {source.sum_labels}"


def _lines(network: Network) -> Iterator[str]:
    spec = network.topology
    yield f"{spec.name}: {spec.description}" if spec.description else spec.name
    yield ""
    yield f"[source] {source_text(spec)}"
    for user in spec.users:
        ways = network.channels_of(user.name)
        fibre = user.fibre
        yield " |"
        yield (
            f" +--- {' '.join(way.channel for way in ways) or 'no channel'} ---"
            f"( {fibre.length_m / 1000:g} km )--- {user.name} [{user.receiver}]"
        )
        for way in ways:
            yield f" |        {way.channel}: {_loss_text(way, spec.receivers[user.receiver])}"
    yield ""
    for users in network.links:
        lanes = ", ".join("&".join(lane.channels) for lane in network.lanes_of(users))
        yield f"{users[0]} <===> {users[1]}   {lanes}"


def _loss_text(way: DeliveredChannel, receiver: ReceiverSpec) -> str:
    """Of the mean photon: ways are those to the best detector, and photons come to all of them."""
    if way.transmittance <= 0.0:
        return "dark"
    best = max(detector.efficiency for detector in receiver.detectors)
    loss_db = db_from_transmittance(way.transmittance * receiver.mean_efficiency / best)
    return f"{loss_db:.1f} dB from its birth to a click"
