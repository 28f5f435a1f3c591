"""One direction of a classical channel: datagrams go in, and come out later.

It carries bytes only and knows nothing of what they mean. Faults of the wire and attackers belong
between `send` and `deliver`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netsim.kernel.simulator import Simulator
from netsim.units import PS_PER_S, SPEED_OF_LIGHT_M_PER_S

DatagramSink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class ClassicalPath:
    """What a direction of a channel does to a datagram."""

    latency_ps: int
    bandwidth_bps: float
    jitter_ps: int

    @classmethod
    def along_fibre(
        cls, *, length_m: float, group_index: float, bandwidth_bps: float, jitter_ps: int
    ) -> "ClassicalPath":
        """Path whose latency is the group delay n_g L / c of its fibre."""
        latency_ps = round(group_index * length_m / SPEED_OF_LIGHT_M_PER_S * PS_PER_S)
        return cls(latency_ps, bandwidth_bps, jitter_ps)


class ClassicalChannel:
    """Sends datagrams one after the other at the path's bandwidth; jitter may reorder them.

    Parameters
    ----------
    sim : Simulator
        Simulated time.
    path : ClassicalPath
        Latency, bandwidth, jitter.
    rng : numpy.random.Generator
        Of this direction alone.
    deliver : callable
        Takes each datagram at the simulated time of its arrival.
    """

    def __init__(
        self, sim: Simulator, path: ClassicalPath, rng: np.random.Generator, deliver: DatagramSink
    ) -> None:
        self._sim = sim
        self._path = path
        self._rng = rng
        self._deliver = deliver
        self._busy_until_ps = 0

    def send(self, datagram: bytes) -> None:
        """Put ``datagram`` on the wire behind those sent before."""
        start_ps = max(self._sim.now_ps, self._busy_until_ps)
        bits = 8 * len(datagram)
        self._busy_until_ps = start_ps + round(bits / self._path.bandwidth_bps * PS_PER_S)
        late_ps = int(self._rng.random() * self._path.jitter_ps) if self._path.jitter_ps else 0
        arrival = self._sim.wait_until(self._busy_until_ps + self._path.latency_ps + late_ps)
        arrival.callbacks.append(lambda _: self._deliver(datagram))
