"""How long announcements may be, so that clocks that wander are followed through each of them."""

import math
from collections.abc import Iterable, Iterator

from netsim.errors import Fault
from netsim.topology.network import Network
from netsim.twin.link import allan_deviation_1s, announced_frames
from netsim.units import PS_PER_S

FOLLOWED_PS = 10_000.0
"""By how much two clocks may wander (standard deviation) within one announcement. Of `two_user` and
`wengerowsky2018`, photon by photon, with Allan deviations up to 1.5e-8 at 1 s of either clock, one
or two sifted bits in a hundred were lost at most up to here (1.2 %), up to one in eight at 14 ns,
and up to half of them, and locks, at 20 ns."""


def followed_s(wander: float) -> float:
    """The longest announcement for two clocks whose difference has that Allan deviation at 1 s.

    Of white frequency noise, by which they move by ``wander`` sqrt(t).
    """
    return (FOLLOWED_PS / PS_PER_S / wander) ** 2 if wander else math.inf


def clock_warnings(networks: Iterable[Network]) -> tuple[Fault, ...]:
    """Links whose announcements are too long for their clocks, in any state of a network."""
    found: dict[str, Fault] = {}
    for network in networks:
        for fault in _left_behind(network):
            found.setdefault(fault.path, fault)
    return tuple(found.values())


def _left_behind(network: Network) -> Iterator[Fault]:
    topology = network.topology
    wanders = {users: allan_deviation_1s(topology, users) for users in network.links}
    lights_s = {
        users: topology.frame_s * announced_frames(topology, users) for users in network.links
    }
    late = [users for users, s in lights_s.items() if s > followed_s(wanders[users])]
    if late:
        users = max(late, key=lambda each: wanders[each])
        light_s, more = lights_s[users], len(late) - 1
        moved_ns = 1e9 * wanders[users] * math.sqrt(light_s)
        yield Fault(
            "protocol.announcement_s",
            f"the clocks of {' & '.join(users)}{f' and {more} more links' if more else ''} wander "
            f"by {moved_ns:.3g} ns in an announcement of {light_s:g} s, and are followed through "
            f"{1e-3 * FOLLOWED_PS:g} ns: bits are lost, and at last the lock; fewer with "
            f"announcements up to {followed_s(wanders[users]):.2g} s (frame_s is the least) or "
            "better clocks (allan_deviation_1s)",
        )
