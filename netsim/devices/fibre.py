"""The fibre from the provider to one user: a first-in, first-out line of photon frames."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any

import simpy
from numpy.random import Generator as RandomGenerator
from simpy.events import Event, Process

from netsim.frames import PhotonBundle, PhotonFrame
from netsim.kernel.simulator import Simulator
from netsim.physics.propagation import propagate
from netsim.topology.network import DeliveredChannel


class FibreLink:
    """Fibre with all channels of one user, patch fibres included; one event per frame.

    Parameters
    ----------
    sim : Simulator
    channels : mapping
        Channel name to its way.
    rng : Generator
    deliver : callable
        Takes the light at the far end, at the time when the slowest channel is there.
    """

    def __init__(
        self,
        sim: Simulator,
        channels: Mapping[str, DeliveredChannel],
        rng: RandomGenerator,
        deliver: Callable[[PhotonBundle], None],
    ) -> None:
        self._sim = sim
        self._rng = rng
        self._deliver = deliver
        self._channels = channels
        self._delay_ps = {name: round(channel.delay_ps) for name, channel in channels.items()}
        self.latency_ps = max(self._delay_ps.values(), default=0)
        self._line = simpy.Store(sim)
        self.process: Process = sim.process(self._run())

    def send(self, light: PhotonBundle) -> None:
        """Put light into the fibre now; it arrives in order, however much is on its way."""
        self._line.put((self._sim.now_ps + self.latency_ps, light))

    def _run(self) -> Generator[Event, Any, None]:
        while True:
            arrival_ps, light = yield self._line.get()
            yield self._sim.wait_until(arrival_ps)
            frames = tuple(self._through(frame) for frame in light.frames)
            self._deliver(replace(light, frames=frames))

    def _through(self, frame: PhotonFrame) -> PhotonFrame:
        return propagate(
            self._rng,
            frame,
            delay_ps=self._delay_ps[frame.channel],
            broadening_ps=self._channels[frame.channel].broadening_ps,
        )
