"""The quantum network service provider: emits one bundle of photon frames per frame of time.

Its light follows the network as it is at the time of birth: a change within a frame cuts the frame.
Who changes the network is not its business.
"""

import sys
from collections.abc import Generator, Iterator, Mapping
from typing import Protocol

from simpy.events import Process

from netsim.devices.history import NetworkHistory
from netsim.frames import PhotonBundle
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import SimEvent, Simulator
from netsim.physics.rates import kappa_per_ps
from netsim.physics.source import (
    Arm,
    EmissionPlan,
    EmittedProcess,
    PairSource,
    plan_emission,
    plan_pulses,
)
from netsim.topology.bunches import Bunching
from netsim.topology.network import Network
from netsim.topology.processes import PairProcess
from netsim.topology.timeline import Timeline
from netsim.topology.ways import DeliveredChannel


class LightSink(Protocol):
    """Where the provider sends the light of one user: a fibre."""

    def send(self, light: PhotonBundle) -> None:
        """Take the light of one frame, at the time of its end."""
        ...


class Qnsp:
    """Provider with its source and its switches.

    Parameters
    ----------
    sim : Simulator
        At time 0.
    timeline : Timeline
        All that its devices are made for.
    history : NetworkHistory
        What the network is like at each time.
    rng_tree : RngTree
        Streams ``qnsp/...``, one a Poisson process.
    fibres : mapping
        User to fibre.
    duration_ps : int
        The light stops here; the last frame may be shorter than the others.
    frame_ps : int
        Length of a frame.
    """

    def __init__(
        self,
        sim: Simulator,
        timeline: Timeline,
        history: NetworkHistory,
        rng_tree: RngTree,
        fibres: Mapping[str, LightSink],
        *,
        duration_ps: int,
        frame_ps: int,
    ) -> None:
        self._sim = sim
        self._process_indices = timeline.process_indices
        self._history = history
        self._fibres = [
            (fibre, [outlet for outlet in timeline.outlets if outlet[1] == user])
            for user, fibre in fibres.items()
        ]
        """With the outlets whose light each takes."""
        self._frame_ps = frame_ps
        self._duration_ps = duration_ps
        self._stop_frame = sys.maxsize
        self._plans: dict[int, EmissionPlan] = {}
        self._source = PairSource(
            timeline.outlets,
            rng_tree.stream,
            kappa_per_ps=kappa_per_ps(timeline.topology.qnsp.source.bandwidth_hz),
        )

    def start(self) -> Process:
        """Register the process, which ends with the light."""
        return self._sim.process(self._run())

    def stop(self, frames: int) -> None:
        """Emit no more than these first frames."""
        self._stop_frame = frames

    def _run(self) -> Generator[SimEvent, None, None]:
        for index, (start_ps, stop_ps) in enumerate(self._frames()):
            yield self._sim.wait_until(stop_ps)
            if index >= self._stop_frame:
                return
            light = self._source.emit(index, list(self._pieces(start_ps, stop_ps)))
            for fibre, outlets in self._fibres:
                frames = tuple([light[outlet] for outlet in outlets])
                fibre.send(PhotonBundle(index, start_ps, stop_ps, frames))

    def _frames(self) -> Iterator[tuple[int, int]]:
        for start_ps in range(0, self._duration_ps, self._frame_ps):
            yield start_ps, min(start_ps + self._frame_ps, self._duration_ps)

    def _pieces(self, start_ps: int, stop_ps: int) -> Iterator[tuple[int, int, EmissionPlan]]:
        """The frame, cut at the changes within it."""
        states = self._history.between(start_ps, stop_ps)
        untils_ps = [*(since_ps for since_ps, _ in states[1:]), stop_ps]
        for (since_ps, network), until_ps in zip(states, untils_ps, strict=True):
            yield since_ps, until_ps, self._plan(network)

    def _plan(self, network: Network) -> EmissionPlan:
        """Worked out once; the timeline keeps the networks alive."""
        if id(network) not in self._plans:
            self._plans[id(network)] = emission_plan(network, self._process_indices)
        return self._plans[id(network)]


def emission_plan(
    network: Network, process_indices: Mapping[PairProcess | Bunching, int]
) -> EmissionPlan:
    """What the source emits while the network is as given: all that comes to the first observer.

    Where there is none on the way, all that will be detected.
    """
    source, arms = network.topology.qnsp.source, _arms(network)
    processes = []
    for process in network.processes:
        first, second = (arms.get(name, Arm()) for name in process.channels)
        name, index = "&".join(process.channels), process_indices[process.dark]
        processes.append(
            EmittedProcess(name, index, process.rate_hz, (first, second), source.pair_shape)
        )
    shape, bunches = source.bunch_shape, []
    for bunching in network.bunchings:
        first, second = (arms.get(name, Arm()) for name in bunching.channels)
        name, index = "~".join(bunching.channels), process_indices[bunching.dark]
        rate_hz = bunching.strength_hz2 * shape.span_s
        bunches.append(EmittedProcess(name, index, rate_hz, (first, second), shape))
    noise_hz = {
        (way.channel, way.user): way.noise_hz * way.folded_transmittance for way in network.channels
    }
    if source.pump_pulses is not None:
        return plan_pulses(processes, noise_hz, source.pump_pulses)
    return plan_emission(
        processes,
        noise_hz,
        bunches=bunches,
        is_thermal=source.statistics == "thermal",
    )


def _arms(network: Network) -> dict[str, Arm]:
    """Ways of the photons of each delivered channel."""
    found: dict[str, list[DeliveredChannel]] = {}
    for way in network.channels:
        found.setdefault(way.channel, []).append(way)
    return {
        channel: Arm(
            {(channel, way.user): way.folded_transmittance for way in ways},
            {(channel, way.user): way.dispersion_ps2 for way in ways},
        )
        for channel, ways in found.items()
    }
