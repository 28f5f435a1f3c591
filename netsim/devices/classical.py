"""One direction of a classical channel: datagrams go in, and come out later, or never.

It carries bytes only and knows nothing of what they mean. An attacker on the wire sits before
`send`, see `netsim.devices.wiretap`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from netsim.devices.faults import NO_FAULTS, WireFaults
from netsim.kernel.rng import Uniforms
from netsim.kernel.simulator import Schedule
from netsim.units import PS_PER_S, SPEED_OF_LIGHT_M_PER_S

DatagramSink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class ClassicalPath:
    """What a direction of a channel does to a datagram."""

    latency_ps: int
    bandwidth_bps: float
    jitter_ps: int
    faults: WireFaults = NO_FAULTS

    @classmethod
    def along_fibre(
        cls,
        *,
        length_m: float,
        group_index: float,
        bandwidth_bps: float,
        jitter_ps: int,
        faults: WireFaults = NO_FAULTS,
    ) -> "ClassicalPath":
        """Path whose latency is the group delay n_g L / c of its fibre."""
        latency_ps = round(group_index * length_m / SPEED_OF_LIGHT_M_PER_S * PS_PER_S)
        return cls(latency_ps, bandwidth_bps, jitter_ps, faults)


@dataclass(slots=True)
class ChannelCounts:
    """What became of the datagrams of one direction."""

    sent: int = 0
    lost: int = 0
    """By chance or in an outage."""
    duplicated: int = 0


class ClassicalChannel:
    """Sends datagrams one after the other at the path's bandwidth; jitter may reorder them.

    Parameters
    ----------
    sim : Schedule
        Simulated time.
    path : ClassicalPath
        Latency, bandwidth, jitter, faults.
    rng : numpy.random.Generator
        Of this direction alone.
    deliver : callable
        Takes each datagram at the simulated time of its arrival.

    Attributes
    ----------
    counts : ChannelCounts
        So far.
    """

    def __init__(
        self, sim: Schedule, path: ClassicalPath, rng: np.random.Generator, deliver: DatagramSink
    ) -> None:
        self.counts = ChannelCounts()
        self._sim = sim
        self._path = path
        self._has_faults = path.faults != NO_FAULTS
        self._rng = Uniforms(rng)
        self._deliver = deliver
        self._busy_until_ps = 0

    def send(self, datagram: bytes) -> None:
        """Put ``datagram`` on the wire behind those sent before."""
        path = self._path
        start_ps = max(self._sim.now_ps, self._busy_until_ps)
        bandwidth_bps = path.bandwidth_bps
        if self._has_faults:
            bandwidth_bps = path.faults.bandwidth_bps(start_ps, initial_bps=bandwidth_bps)
        self._busy_until_ps = start_ps + round(8 * len(datagram) / bandwidth_bps * PS_PER_S)
        self.counts.sent += 1
        if self._has_faults:
            self._try(datagram, start_ps)
        else:
            self._arrive(datagram)

    def _try(self, datagram: bytes, start_ps: int) -> None:
        """Send what may be lost, doubled or held up."""
        faults = self._path.faults
        copies = 0 if faults.is_out(start_ps) else faults.sample_copies(self._rng)
        self.counts.lost += copies == 0
        self.counts.duplicated += copies > 1
        for _ in range(copies):
            self._arrive(datagram)

    def _arrive(self, datagram: bytes) -> None:
        path = self._path
        late_ps = int(self._rng.random() * path.jitter_ps) if path.jitter_ps else 0
        late_ps += path.faults.sample_delay_ps(self._rng) if self._has_faults else 0
        arrival_ps = self._busy_until_ps + path.latency_ps + late_ps
        self._sim.call_at(arrival_ps, partial(self._deliver, datagram))
