"""What is known of two users' clocks beforehand, and how much light they are found by."""

from typing import NamedTuple

import numpy as np

from netsim.topology.network import Lane, Network
from netsim.topology.specs import TopologySpec
from netsim.twin.coincidences import Coincidences
from netsim.twin.peaks import Gate
from protocols.bbm92.lockable import (
    LEAST_MATCHED_HZ,
    PEAK_PS,
    ClockBounds,
    lockable_hz,
    stays_lit,
)


class LaneLight(NamedTuple):
    """What the window of a lane has, and what clocks make of it; of two the brighter is greater."""

    coincidences_hz: float
    lockable_hz: float
    """As many coincidences find the clocks of the link."""
    stays_lit: bool
    """Whether parties match the lane once they are found."""

    @property
    def finds_clocks(self) -> bool:
        """Whether there is as much as that."""
        return self.coincidences_hz >= self.lockable_hz


class Clocks:
    """Of all users of a network, in the state that ``found`` has the rates of.

    Parameters
    ----------
    network : Network
        Bounds are its topology's as it is, whatever events it has.
    found : Coincidences
        Of that network.
    """

    def __init__(self, network: Network, found: Coincidences) -> None:
        topology, self._found = network.topology, found
        self._bounds = {user.name: _bounds(topology, user.name) for user in topology.users}
        self._clicks_hz = {user: float(found.live_hz(user).sum()) for user in found.stations}
        sides_ps = [
            far
            for user in topology.users
            for far in topology.receiver_of(user).encoding.side_peaks_ps.values()
        ]
        self._peak_ps = float(min([PEAK_PS, *map(abs, sides_ps)]))

    def light(self, lane: Lane, related_hz: float, accidental_hz: float) -> LaneLight:
        """Whether clocks are found by a lane whose window has so many coincidences per second.

        They are found by all pairs of its central peak, whether a window holds them or not
        (`protocols.bbm92.lockable`); what is found stays only while the window shows some.
        """
        bounds = self._bounds[lane.users[0]].between(self._bounds[lane.users[1]])
        clicks_hz = self._clicks_hz[lane.users[0]], self._clicks_hz[lane.users[1]]
        needed_hz = lockable_hz(clicks_hz, bounds)
        gate = Gate(lane.users, lane.delay_ps, self._peak_ps)
        peak_hz = float(np.sum(self._found.true_hz(gate) + self._found.bunched_hz(gate)))
        share = min(related_hz / peak_hz, 1.0) if peak_hz else 1.0
        return LaneLight(
            related_hz + accidental_hz,
            max(share * needed_hz + accidental_hz, LEAST_MATCHED_HZ),
            stays_lit(related_hz, accidental_hz, has_side_peaks=bounds.has_side_peaks),
        )


def _bounds(topology: TopologySpec, name: str) -> ClockBounds:
    user = topology.user(name)
    clock, receiver = topology.clock_of(user), topology.receiver_of(user)
    return ClockBounds(
        clock.offset_bound_ps,
        clock.rate_bound_ppm,
        has_side_peaks=bool(receiver.encoding.side_peaks_ps),
        allan_deviation_1s=clock.allan_deviation_1s,
    )
