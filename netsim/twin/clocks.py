"""What is known of two users' clocks beforehand, and how much light they are found by."""

from collections.abc import Mapping

from netsim.topology.specs import TopologySpec
from protocols.bbm92.lockable import ClockBounds, lockable_hz


class Clocks:
    """Of all users of a topology.

    Parameters
    ----------
    topology : TopologySpec
        As it is, whatever events it has.
    """

    def __init__(self, topology: TopologySpec) -> None:
        self._bounds = {user.name: _bounds(topology, user.name) for user in topology.users}

    def lockable_hz(self, users: tuple[str, str], clicks_hz: Mapping[str, float]) -> float:
        """Coincidences per second of one lane of a link that find its clocks among all clicks.

        Parameters
        ----------
        users : (str, str)
            Of the link, announcer first.
        clicks_hz : mapping
            User to all clicks per second.
        """
        first, second = (self._bounds[user] for user in users)
        return lockable_hz((clicks_hz[users[0]], clicks_hz[users[1]]), first.between(second))


def _bounds(topology: TopologySpec, name: str) -> ClockBounds:
    user = topology.user(name)
    clock, receiver = topology.clock_of(user), topology.receiver_of(user)
    return ClockBounds(
        clock.offset_bound_ps,
        clock.rate_bound_ppm,
        has_side_peaks=bool(receiver.encoding.side_peaks_ps),
    )
