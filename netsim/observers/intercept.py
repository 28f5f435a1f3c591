"""Intercept-resend: photons are caught, measured as the user would, and sent anew as found.

She has a receiver like the user's, passive basis included, and detectors of her own, one set a
channel. A click on port s of an analyser at T says: a photon in the slots T - delay and T, the
phase of the later one that of the port; or, of a polarised photon, its polarisation. The early slot
leaves before she has clicked: she makes up for that, and for her electronics, by a way shorter than
the fibre, so nobody is late. With the share p of the photons caught, polarisation users find the
QBER p/4, Franson users p/(4 - p) at a central rate of 1 - p/4 and side peaks 1:4:6:4:1 at p = 1
(`tests/oracles/resend.py` has it from amplitudes).
"""

import math
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netsim.frames import (
    DETECTOR_MASK,
    DETECTORS,
    END_PS,
    PhotonBundle,
    PhotonFrame,
    PreparedStates,
)
from netsim.observers.notebook import UNKNOWN
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.physics.detector import (
    DetectorSettings,
    DetectorState,
    detect_photons,
    register_clicks,
    sample_dark_counts,
)
from netsim.units import FWHM_PER_SIGMA
from protocols.tags import DETECTOR_BITS

Probability = Annotated[float, Field(ge=0, le=1)]


class ReceiverOptions(ObserverOptions):
    """Her detectors: perfect ones unless the file says otherwise."""

    efficiency: Probability = 1.0
    """What they miss is lost."""
    dark_rate_hz: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    """Of each of them; she sends something on for each of these clicks, too."""
    jitter_fwhm_ps: Annotated[float, Field(ge=0, le=1e4)] = 0.0
    """What she sends is as late as what she has clicked."""
    dead_time_ps: Annotated[int, Field(ge=0, le=1_000_000_000_000)] = 0

    @property
    def detectors(self) -> DetectorSettings:
        """Four alike."""
        return DetectorSettings(
            relative_efficiency=np.full(DETECTORS, self.efficiency),
            jitter_sigma_ps=np.full(DETECTORS, self.jitter_fwhm_ps / FWHM_PER_SIGMA),
            dark_rate_hz=np.full(DETECTORS, self.dark_rate_hz),
            dead_time_ps=np.full(DETECTORS, self.dead_time_ps, dtype=np.int64),
            recovery_ps=np.zeros(DETECTORS),
            afterpulse_probability=np.zeros(DETECTORS),
            afterpulse_decay_ps=np.ones(DETECTORS),
            delay_ps=np.zeros(DETECTORS, dtype=np.int64),
        )


class InterceptOptions(ReceiverOptions):
    """How much is caught, and by which detectors."""

    share: Probability = 1.0
    """Of the photons; the others pass untouched."""


class Interceptor:
    """A receiver like the user's with detectors of her own, and her notes of what it says.

    Parameters
    ----------
    options : ReceiverOptions
    context : ObserverContext
    """

    def __init__(self, options: ReceiverOptions, context: ObserverContext) -> None:
        self._detectors = options.detectors
        self._context = context
        self._states: dict[str, DetectorState] = {}
        self._outcomes = np.array(context.encoding.detectors, dtype=np.int64)

    def clicks(self, frame: PhotonFrame, span_ps: tuple[int, int]) -> NDArray[np.int64]:
        """Measure one frame of one channel, and write down what it says of the user's clicks.

        Parameters
        ----------
        frame : PhotonFrame
        span_ps : (int, int)
            In which its photons were born.

        Returns
        -------
        (N,) int64, ascending
            Packed clicks of her detectors.
        """
        rng, detectors = self._context.rng, self._detectors
        start_ps, stop_ps = (edge_ps + frame.delay_ps for edge_ps in span_ps)
        arrivals = self._context.receiver.measurement.measure(rng, [frame], time_ps=start_ps)
        candidates = np.concatenate(
            (
                detect_photons(rng, arrivals, detectors),
                sample_dark_counts(rng, detectors.dark_rate_hz, start_ps, stop_ps),
            )
        )
        candidates.sort()
        state = self._states.setdefault(frame.channel, DetectorState())
        clicks, _ = register_clicks(rng, candidates, state, detectors, stop_ps=END_PS)
        self._note(frame.channel, clicks)
        return clicks

    def _note(self, channel: str, clicks: NDArray[np.int64]) -> None:
        """The user's click in the middle slot will be on the port of hers, in her basis."""
        basis, port = self._outcomes[clicks & DETECTOR_MASK].T
        ports = np.full((clicks.size, 2), UNKNOWN, dtype=np.int8)
        ports[np.arange(clicks.size), basis] = port
        self._context.notebook.write(channel, clicks >> DETECTOR_BITS, ports)


class InterceptResend(ObserverKind):
    """Catches photons, measures them and sends what she has found."""

    options = InterceptOptions
    reads_bases = True

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who catches."""
        return _Intercepting(options, context)


class _Intercepting:
    def __init__(self, options: InterceptOptions, context: ObserverContext) -> None:
        self._share = options.share
        self._interceptor = Interceptor(options, context)
        self._context = context
        encoding = context.encoding
        self._delay_ps = np.array(
            [encoding.paths(detector)[-1].late_ps for detector in range(len(encoding.detectors))]
        )

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Untouched photons and her own travel in frames of their own."""
        span_ps = light.start_ps, light.stop_ps
        frames: list[PhotonFrame] = []
        for frame in light.frames:
            is_caught = self._context.rng.random(frame.times_ps.size) < self._share
            clicks = self._interceptor.clicks(frame.kept(is_caught), span_ps)
            frames += [frame.kept(~is_caught), self._resent(frame, clicks, light.start_ps)]
        return replace(light, frames=tuple(frames))

    def _resent(self, frame: PhotonFrame, clicks: NDArray[np.int64], time_ps: int) -> PhotonFrame:
        """A photon for each click, in the state that it has told of."""
        detector = clicks & DETECTOR_MASK
        delay_ps = self._delay_ps[detector]
        states = PreparedStates(
            phase_rad=self._phases_rad(frame.channel, time_ps)[detector],
            delay_ps=delay_ps,
            contrast=np.ones(clicks.size),
        )
        return replace(
            frame,
            times_ps=(clicks >> DETECTOR_BITS) - np.rint(delay_ps).astype(np.int64),
            pair_rows=np.full(clicks.size, -1, dtype=np.int64),
            prepared=states,
        )

    def _phases_rad(self, channel: str, time_ps: int) -> NDArray[np.float64]:
        """(D,) float64: phase of the state that says for sure: this detector."""
        encoding, label = self._context.encoding, int(channel[1:])
        return np.array(
            [
                encoding.phase_rad(detector, label, time_ps) + outcome.port * math.pi
                for detector, outcome in enumerate(encoding.detectors)
            ]
        )
