"""How much light there is: more than fits into memory, or than an announcement carries."""

from collections.abc import Iterable, Iterator, Sequence

from netsim.errors import ConfigError, Fault
from netsim.topology.network import Network
from netsim.twin.brightness import announced_bytes, photons_hz
from netsim.twin.cadence import Cadence, photon_cadence
from netsim.twin.detectors import clicks_hz
from netsim.units import s_from_ps
from protocols.messages import MAX_TIMES_BYTES

MAX_FRAME_PHOTONS = 1 << 25
"""A frame is drawn as a whole, and takes some 75 bytes a photon: 2.5 GB."""


def check_light(networks: Iterable[Network]) -> None:
    """Refuse light that no machine could draw.

    Parameters
    ----------
    networks : iterable of Network
        All states that a run may come to.

    Raises
    ------
    ConfigError
        In one of them, a frame would hold more than `MAX_FRAME_PHOTONS`.
    """
    for network in networks:
        frame_s = network.topology.grid_s  # chosen frames are longer for weak light only
        photons = frame_s * photons_hz(network)
        if photons > MAX_FRAME_PHOTONS:
            raise ConfigError.of(
                "qnsp.source",
                f"{photons:.1e} photons would arrive in one frame of {frame_s:g} s, more than the "
                f"{MAX_FRAME_PHOTONS:.1e} that fit into memory: lower pump power, brightness or "
                "frame_s",
            )


def light_warnings(networks: Sequence[Network]) -> tuple[Fault, ...]:
    """Users whose clicks are too many to be announced: their links make no key."""
    found: dict[str, Fault] = {}
    cadence = photon_cadence(networks[0].topology, networks)
    for network in networks:
        for fault in _crowded(network, cadence):
            found.setdefault(fault.path, fault)
    return tuple(found.values())


def _crowded(network: Network, cadence: Cadence) -> Iterator[Fault]:
    topology = network.topology
    partners: dict[str, list[str]] = {}
    for announcer, responder in network.links:
        partners.setdefault(announcer, []).append(responder)
    for index, user in enumerate(topology.users):
        if user.name not in partners:
            continue
        rate_hz = float(clicks_hz(network, user.name).sum())
        tick_ps = topology.receiver_of(user).tick_ps
        bytes_per_s = announced_bytes(rate_hz, rate_hz, tick_ps=tick_ps)
        lights_s = {
            f"{user.name} & {partner}": s_from_ps(cadence.announced_ps((user.name, partner)))
            for partner in partners[user.name]
        }
        links = [name for name, s in lights_s.items() if s * bytes_per_s > MAX_TIMES_BYTES]
        if links:
            more = len(links) - 3
            yield Fault(
                f"users.{index}",
                f"{rate_hz / 1e6:.3g} million clicks/s are more than an announcement of "
                f"{lights_s[links[0]]:g} s carries: every round of {', '.join(links[:3])}"
                f"{f' and {more} more' if more > 0 else ''} ends as too_many_bits; shorten "
                "announcements (protocol.announcement_s, or frame_s), or let a user who sees less "
                "light stand first and announce",
            )
