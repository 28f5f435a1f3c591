"""The fibre from the provider to one user: first-in, first-out lines of photon frames."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.random import Generator

from netsim.devices.history import NetworkHistory
from netsim.frames import PhotonBundle, PhotonFrame
from netsim.kernel.simulator import Simulator
from netsim.physics.propagation import thin
from netsim.topology.network import Network
from netsim.topology.ways import Stretch


class FibreLoss:
    """What photons lose behind an observer; each as it is when the photon leaves the provider.

    Parameters
    ----------
    rng : Generator
    history : NetworkHistory
    user : str
    stretch : int
        Number of the stretch of the user's ways.
    """

    def __init__(self, rng: Generator, history: NetworkHistory, user: str, stretch: int) -> None:
        self._rng = rng
        self._history = history
        self._user = user
        self._stretch = stretch

    def thin(self, frame: PhotonFrame, start_ps: int) -> PhotonFrame:
        """Photons of ``frame``, ``start_ps`` away from the source, that come through.

        Bright pulses all do.
        """
        if not frame.times_ps.size or frame.fired is not None:
            return frame
        sent_ps = frame.times_ps - start_ps
        states = self._history.between(int(sent_ps.min()), int(sent_ps.max()) + 1)
        starts_ps, networks = zip(*states, strict=True)
        through = np.array([self._transmittance(network, frame.channel) for network in networks])
        state = np.searchsorted(starts_ps[1:], sent_ps, side="right")
        return thin(self._rng, frame, through[state])

    def _transmittance(self, network: Network, channel: str) -> float:
        way = network.channel(channel, self._user)
        return 0.0 if way is None else way.stretches[self._stretch].transmittance


class FibreLink:
    """A piece of fibre with all channels of one user, patch fibres included; one event per frame.

    Parameters
    ----------
    sim : Simulator
    stretches : mapping
        Channel name to its stretch on this piece.
    deliver : callable
        Takes the light at the far end, at the time when the slowest channel is there.
    loss : FibreLoss, optional
        Of what the source has not folded in.
    """

    def __init__(
        self,
        sim: Simulator,
        stretches: Mapping[str, Stretch],
        deliver: Callable[[PhotonBundle], None],
        loss: FibreLoss | None = None,
    ) -> None:
        self._sim = sim
        self._deliver = deliver
        self._starts_ps = {channel: stretch.start_ps for channel, stretch in stretches.items()}
        self._delays_ps = {channel: stretch.delay_ps for channel, stretch in stretches.items()}
        self._loss = loss
        self.latency_ps = max(self._delays_ps.values(), default=0)

    def send(self, light: PhotonBundle) -> None:
        """Put light into the fibre now; it arrives in order, however much is on its way."""
        self._sim.call_at(self._sim.now_ps + self.latency_ps, partial(self._arrive, light))

    def _arrive(self, light: PhotonBundle) -> None:
        frames = light.frames
        if self._loss is not None:
            frames = tuple(self._loss.thin(each, self._starts_ps[each.channel]) for each in frames)
        self._deliver(
            PhotonBundle(light.index, light.start_ps, light.stop_ps, frames, self._delays_ps)
        )
