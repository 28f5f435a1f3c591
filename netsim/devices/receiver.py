"""A user's receiver as a process: takes light, gives tags to the user and clicks to scoring."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import simpy
from numpy.random import Generator as RandomGenerator
from simpy.events import Event, Process

from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.simulator import Simulator
from netsim.physics.detector import DetectorSettings
from netsim.physics.interferometer import AnalyserSettings, PairTable
from netsim.physics.loss import KeepRatio, thin_photons
from netsim.physics.receiver import Receiver, ReceiverSettings
from netsim.topology.network import Network
from netsim.topology.specs import ReceiverSpec
from netsim.units import FWHM_PER_SIGMA
from protocols.tags import TagFrame

FrameSink = Callable[[TagFrame, ClickFrame], None]


class UserReceiver:
    """Receiver of one user; its process ends after the last frame.

    Parameters
    ----------
    sim : Simulator
    receiver : Receiver
    on_frame : callable
        Called with the tags and the truth of each frame, once all its clicks have happened.
    duration_ps : int
        When the light stops at the source.
    rng : Generator
        For ``keep_ratio``.
    keep_ratio : KeepRatio, optional
        Actual over highest transmittance of the receiver's entrance.
    """

    def __init__(
        self,
        sim: Simulator,
        receiver: Receiver,
        on_frame: FrameSink,
        *,
        duration_ps: int,
        rng: RandomGenerator,
        keep_ratio: KeepRatio | None = None,
    ) -> None:
        self._sim = sim
        self._receiver = receiver
        self._on_frame = on_frame
        self._duration_ps = duration_ps
        self._rng = rng
        self._keep_ratio = keep_ratio
        self._inbox = simpy.Store(sim)
        self.process: Process = sim.process(self._run())

    @property
    def singles(self) -> int:
        """Clicks so far."""
        return self._receiver.singles

    def deliver(self, light: PhotonBundle) -> None:
        """Take the light of one frame."""
        self._inbox.put(light)

    def _run(self) -> Generator[Event, Any, None]:
        is_last = False
        while not is_last:
            light = self._thinned((yield self._inbox.get()))
            is_last = light.stop_ps >= self._duration_ps
            tags, clicks = self._receiver.receive(light, is_last=is_last)
            # Only the last frame reaches into the future, by its longest delays.
            yield self._sim.wait_until(max(self._sim.now_ps, clicks.stop_ps))
            self._on_frame(tags, clicks)

    def _thinned(self, light: PhotonBundle) -> PhotonBundle:
        frames = tuple(thin_photons(self._rng, frame, self._keep_ratio) for frame in light.frames)
        return replace(light, frames=frames)


def receiver_settings(network: Network, user: str, pairs: PairTable) -> ReceiverSettings:
    """Settings of the receiver of ``user``."""
    spec = network.topology.receiver_of(network.topology.user(user))
    channels = network.channels_of(user)
    delays_ps = [round(channel.delay_ps) for channel in channels]
    return ReceiverSettings(
        analyser=analyser_settings(spec),
        detectors=detector_settings(spec),
        pairs=pairs,
        tick_ps=spec.tick_ps,
        min_delay_ps=min(delays_ps, default=0),
        max_delay_ps=max(delays_ps, default=0),
        max_broadening_ps=max((channel.broadening_ps for channel in channels), default=0.0),
    )


def analyser_settings(spec: ReceiverSpec) -> AnalyserSettings:
    """Beam splitter and interferometers of a receiver."""
    both = (spec.z, spec.x)
    return AnalyserSettings(
        z_probability=spec.z_probability,
        delay_ps=np.array([umi.delay_ps for umi in both], dtype=np.float64),
        phase_rad=np.array([umi.phase_rad for umi in both], dtype=np.float64),
        contrast=np.array([umi.contrast for umi in both], dtype=np.float64),
    )


def detector_settings(spec: ReceiverSpec) -> DetectorSettings:
    """Detectors of a receiver; efficiencies relative to the best, which the source folds in."""
    four = spec.four_detectors
    best = max(detector.efficiency for detector in four) or 1.0
    return DetectorSettings(
        relative_efficiency=np.array([d.efficiency / best for d in four], dtype=np.float64),
        jitter_sigma_ps=np.array([d.jitter_fwhm_ps / FWHM_PER_SIGMA for d in four]),
        dark_rate_hz=np.array([d.dark_rate_hz for d in four], dtype=np.float64),
        dead_time_ps=np.array([d.dead_time_ps for d in four], dtype=np.int64),
        afterpulse_probability=np.array([d.afterpulse_probability for d in four], dtype=np.float64),
        afterpulse_decay_ps=np.array([d.afterpulse_decay_ps for d in four], dtype=np.float64),
    )
