"""The quantum network service provider: emits one bundle of photon frames per frame of time."""

from collections.abc import Generator, Iterator, Mapping
from typing import Protocol

import numpy as np
from simpy.events import Event, Process

from netsim.frames import PhotonBundle
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.physics.emission import split_rates
from netsim.physics.interferometer import PairTable
from netsim.physics.rates import kappa_per_ps
from netsim.physics.source import NoiseStream, PairSource, ProcessStream
from netsim.topology.network import Network
from netsim.units import ps_from_s


class Outlet(Protocol):
    """Where the provider sends the light of one user: a fibre."""

    def send(self, light: PhotonBundle) -> None:
        """Take the light of one frame, at the time of its end."""
        ...


class Qnsp:
    """Provider with its source; one process.

    Parameters
    ----------
    sim : Simulator
    network : Network
    source : PairSource
    outlets : mapping
        User to fibre.
    duration_ps : int
        The light stops here; the last frame may be shorter than the others.
    """

    def __init__(
        self,
        sim: Simulator,
        network: Network,
        source: PairSource,
        outlets: Mapping[str, Outlet],
        *,
        duration_ps: int,
    ) -> None:
        self._sim = sim
        self._source = source
        self._outlets = outlets
        self._channels_of = {
            user: [channel.channel for channel in network.channels_of(user)] for user in outlets
        }
        self._frame_ps = ps_from_s(network.topology.frame_s)
        self._duration_ps = duration_ps
        self.process: Process = sim.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        for index, (start_ps, stop_ps) in enumerate(self._frames()):
            yield self._sim.wait_until(stop_ps)
            photons = self._source.emit(index, start_ps, stop_ps)
            for user, outlet in self._outlets.items():
                frames = tuple(photons[channel] for channel in self._channels_of[user])
                outlet.send(PhotonBundle(index, start_ps, stop_ps, frames))

    def _frames(self) -> Iterator[tuple[int, int]]:
        for start_ps in range(0, self._duration_ps, self._frame_ps):
            yield start_ps, min(start_ps + self._frame_ps, self._duration_ps)


def build_source(network: Network, rng_tree: RngTree) -> PairSource:
    """Source of ``network``; streams ``qnsp/C38&C42`` per process, ``qnsp/C38`` per noise."""
    transmittance = {channel.channel: channel.transmittance for channel in network.channels}
    processes = [
        ProcessStream(
            index=index,
            channels=process.channels,
            rates=split_rates(
                process.rate_hz, *(transmittance.get(name, 0.0) for name in process.channels)
            ),
            rng=rng_tree.stream(f"qnsp/{'&'.join(process.channels)}"),
        )
        for index, process in enumerate(network.processes)
    ]
    noises = [
        NoiseStream(
            channel=channel.channel,
            rate_hz=channel.noise_hz * channel.transmittance,
            rng=rng_tree.stream(f"qnsp/{channel.channel}"),
        )
        for channel in network.channels
        if channel.noise_hz > 0
    ]
    return PairSource(
        list(transmittance),
        processes,
        noises,
        kappa_per_ps=kappa_per_ps(network.topology.qnsp.source.linewidth_hz),
    )


def build_pair_table(network: Network) -> PairTable:
    """What the interference of each pair process depends on."""
    return PairTable(
        contrast=np.array([process.contrast for process in network.processes], dtype=np.float64),
        phase_rad=np.array([process.phase_rad for process in network.processes], dtype=np.float64),
        kappa_per_ps=kappa_per_ps(network.topology.qnsp.source.linewidth_hz),
    )
