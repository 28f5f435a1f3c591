"""A user's receiver in its place: takes light, gives tags to the user and clicks to scoring."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.simulator import Simulator
from netsim.physics.detector import DetectorSettings
from netsim.physics.encodings.interface import Encoding, PairSource
from netsim.physics.receiver import Off, Receiver, ReceiverSettings, never_off
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.ways import DeliveredChannel
from netsim.units import FWHM_PER_SIGMA
from protocols.tags import TagFrame

FrameSink = Callable[[TagFrame, ClickFrame], None]


class UserReceiver:
    """Receiver of one user.

    Parameters
    ----------
    sim : Simulator
    receiver : Receiver
    on_frame : callable
        Called with the tags and the truth of each frame, once all its clicks have happened.
    duration_ps : int
        When the light stops at the source.

    Attributes
    ----------
    finished : SimEvent
        Happens with the last frame.
    """

    def __init__(
        self,
        sim: Simulator,
        receiver: Receiver,
        on_frame: FrameSink,
        *,
        duration_ps: int,
    ) -> None:
        self.finished = sim.event()
        self._sim = sim
        self._receiver = receiver
        self._on_frame = on_frame
        self._duration_ps = duration_ps

    @property
    def clicks(self) -> NDArray[np.int64]:
        """(4,) int64: clicks of each detector so far."""
        return self._receiver.clicks

    def deliver(self, light: PhotonBundle) -> None:
        """Take the light of one frame."""
        is_last = light.stop_ps >= self._duration_ps
        tags, clicks = self._receiver.receive(light, is_last=is_last)
        hand_out = partial(self._hand_out, tags, clicks, is_last=is_last)
        if clicks.stop_ps <= self._sim.now_ps:
            hand_out()
        else:  # the last frame alone reaches into the future, by its longest delays
            self._sim.call_at(clicks.stop_ps, hand_out)

    def _hand_out(self, tags: TagFrame, clicks: ClickFrame, *, is_last: bool) -> None:
        self._on_frame(tags, clicks)
        if is_last:
            self.finished.succeed()


def receiver_settings(
    topology: TopologySpec,
    user: str,
    ways: Iterable[DeliveredChannel],
    source: PairSource,
    encoding: Encoding | None = None,
    *,
    off: Off = never_off,
) -> ReceiverSettings:
    """Settings of the receiver of ``user``.

    Parameters
    ----------
    ways : iterable of DeliveredChannel
        All that it may ever get light from.
    source : PairSource
        In the order of the ledger's indices.
    encoding : Encoding, optional
        As its analysers are during the run; that of its spec if absent.
    off : callable
        See `netsim.physics.receiver.ReceiverSettings`.
    """
    spec = topology.receiver_of(topology.user(user))
    encoding = encoding or spec.encoding
    channels = tuple(ways)
    delays_ps = [round(channel.delay_ps) for channel in channels]
    return ReceiverSettings(
        measurement=encoding.measurement(source),
        longest_path_ps=encoding.longest_ps,
        detectors=detector_settings(spec),
        tick_ps=spec.tick_ps,
        min_delay_ps=min(delays_ps, default=0),
        max_delay_ps=max(delays_ps, default=0),
        off=off,
        reader=encoding.reader(source, min(delays_ps, default=0)),
    )


def detector_settings(spec: ReceiverSpec) -> DetectorSettings:
    """Detectors of a receiver; efficiencies relative to the best, which the source folds in."""
    each = spec.each_detector
    best = max(detector.efficiency for detector in each) or 1.0
    return DetectorSettings(
        relative_efficiency=np.array([d.efficiency / best for d in each], dtype=np.float64),
        jitter_sigma_ps=np.array([d.jitter_fwhm_ps / FWHM_PER_SIGMA for d in each]),
        dark_rate_hz=np.array([d.dark_rate_hz for d in each], dtype=np.float64),
        dead_time_ps=np.array([d.dead_time_ps for d in each], dtype=np.int64),
        recovery_ps=np.array([d.recovery_ps for d in each], dtype=np.float64),
        afterpulse_probability=np.array([d.afterpulse_probability for d in each], dtype=np.float64),
        afterpulse_decay_ps=np.array([d.afterpulse_decay_ps for d in each], dtype=np.float64),
        delay_ps=np.array([d.delay_ps for d in each], dtype=np.int64),
    )
