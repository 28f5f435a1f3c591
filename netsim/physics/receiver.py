"""A user's receiver: from photon frames to clicks and time tags, frame by frame.

It carries what crosses a frame boundary (candidates beyond the watermark, dead time, afterpulses),
so that where time is cut changes nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import DETECTOR_MASK, DETECTORS, ClickFrame, PhotonBundle
from netsim.physics.clock import Clock
from netsim.physics.detection import Detection
from netsim.physics.detector import JITTER_CLIP_SIGMA, DetectorSettings, count_detectors
from netsim.physics.encodings.interface import Measurement, Reader
from netsim.physics.shapes import MAX_DELAY_PS
from protocols.tags import DETECTOR_BITS, TagFrame

MIN_MARGIN_PS = 50_000
"""Tags are released up to this long before the end of a frame; the rest waits for the next."""


Off = Callable[[int, int], Sequence[tuple[int, int]]]
"""Takes two times and tells when between them detectors are off; true time in ps."""


def never_off(start_ps: int, stop_ps: int) -> Sequence[tuple[int, int]]:
    """Of detectors that are always on."""
    _ = start_ps, stop_ps
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class ReceiverSettings:
    """Hardware of one user and how late its light comes.

    Attributes
    ----------
    measurement : Measurement
        Of the photons of the source, by this user's encoding.
    longest_path_ps : float
        How much later than on the shortest path a photon can reach a detector.
    detectors : DetectorSettings
    tick_ps : int
        Resolution of the digitiser.
    off : callable
        Times between two others, in ps, in which the detectors are off, in order.
    min_delay_ps, max_delay_ps : int
        From the source, over all channels of this user.
    reader : Reader, optional
        Makes outcomes of clicks; each detector is one if absent.
    """

    measurement: Measurement
    longest_path_ps: float
    detectors: DetectorSettings
    tick_ps: int
    min_delay_ps: int
    max_delay_ps: int
    off: Off = never_off
    reader: Reader | None = None

    @property
    def margin_ps(self) -> int:
        """What jitter can move a photon by, and 50 ns at least; with pulses, two periods more."""
        sigma_ps = float(self.detectors.jitter_sigma_ps.max())
        margin_ps = max(MIN_MARGIN_PS, math.ceil(JITTER_CLIP_SIGMA * sigma_ps) + 1)
        return margin_ps if self.reader is None else margin_ps + 2 * self.reader.span_ps


class Receiver:
    """Measures frames in the order of their index; switched on at true time 0.

    Parameters
    ----------
    settings : ReceiverSettings
    clock : Clock
        Of this user.
    photon_rng, detector_rng : Generator
        For outcomes, efficiency and jitter; for dark counts and afterpulses.

    Attributes
    ----------
    clicks : (4,) int64
        Clicks of each detector so far.
    """

    def __init__(
        self,
        settings: ReceiverSettings,
        clock: Clock,
        *,
        photon_rng: Generator,
        detector_rng: Generator,
    ) -> None:
        self._settings = settings
        self._margin_ps = settings.margin_ps
        self._clock = clock
        self._photon_rng = photon_rng
        self._detection = Detection(
            settings.detectors, photon_rng=photon_rng, detector_rng=detector_rng
        )
        delays_ps = settings.detectors.delay_ps
        self._earliest_ps = int(delays_ps.min())
        """How late clicks of the quickest detector are tagged."""
        self._has_delays = bool(delays_ps.any())
        self._untagged = np.empty(0, dtype=np.int64)
        self.clicks = np.zeros(DETECTORS, dtype=np.int64)

    def receive(self, light: PhotonBundle, *, is_last: bool) -> tuple[TagFrame, ClickFrame]:
        """Turn one frame's light into clicks.

        Parameters
        ----------
        light : PhotonBundle
            At the receiver.
        is_last : bool
            Nothing follows: whatever the light of this frame can do is waited for and released.

        Returns
        -------
        tags : TagFrame
            What the user sees.
        clicks : ClickFrame
            The truth about it: earlier by what detectors are late with their tags.
        """
        self._clock.forget(self._detection.stop_ps)
        stop_ticks, tagged_ps = self._watermark(light.stop_ps, is_last=is_last)
        until_ps = tagged_ps - self._earliest_ps
        off = self._settings.off(self._detection.stop_ps, until_ps)
        clicks = self._detection.clicks(self._arrivals(light), until_ps, off)
        if self._settings.reader is not None:
            clicks = self._settings.reader.read(clicks)
        count_detectors(clicks, self.clicks)
        tags = self._clock.digitise(
            self._delayed(clicks, tagged_ps), tick_ps=self._settings.tick_ps
        )
        return TagFrame(light.index, stop_ticks, tags), ClickFrame(light.index, until_ps, clicks)

    def _delayed(self, clicks: NDArray[np.int64], stop_ps: int) -> NDArray[np.int64]:
        """Clicks up to now whose tags are taken before ``stop_ps``, at those times."""
        if not self._has_delays:
            return clicks
        delays_ps = self._settings.detectors.delay_ps
        late = clicks + (delays_ps[clicks & DETECTOR_MASK] << DETECTOR_BITS)
        late = np.concatenate((self._untagged, late))
        late.sort()
        cut = int(np.searchsorted(late, stop_ps << DETECTOR_BITS))
        self._untagged = late[cut:].copy()
        return late[:cut]

    def _arrivals(self, light: PhotonBundle) -> NDArray[np.int64]:
        """Photons at their detectors, packed."""
        settings = self._settings
        return settings.measurement.measure(
            self._photon_rng,
            light.frames,
            time_ps=(light.start_ps + light.stop_ps) // 2 + settings.min_delay_ps,
            ahead_ps=light.ahead_ps,
        )

    def _watermark(self, stop_ps: int, *, is_last: bool) -> tuple[int, int]:
        """Watermark in local ticks, and the first true time of that tick.

        Cutting at a tick of the user's own clock makes one and the same cut of tags and of clicks.
        """
        tick_ps = self._settings.tick_ps
        latest_ps = stop_ps + self._reach_ps(is_last=is_last)
        if self._settings.reader is not None:
            latest_ps = self._settings.reader.boundary_ps(latest_ps)
            return self._clock.local_ps(latest_ps) // tick_ps, latest_ps
        stop_ticks = self._clock.local_ps(latest_ps) // tick_ps
        return stop_ticks, self._clock.first_true_ps(stop_ticks * tick_ps)

    def _reach_ps(self, *, is_last: bool) -> int:
        settings = self._settings
        if not is_last:
            return settings.min_delay_ps - self._margin_ps
        late_ps = MAX_DELAY_PS + math.ceil(settings.longest_path_ps) + self._margin_ps
        late_ps += int(np.abs(settings.detectors.delay_ps).max())
        # One more tick: the watermark is cut down to a whole one.
        return settings.max_delay_ps + late_ps + 2 * settings.tick_ps
