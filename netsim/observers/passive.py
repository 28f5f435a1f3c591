"""Observers who look at no photon: one who taps a part of the light, one who adds some of her own.

What is tapped off never comes to the user's detectors, so of a source of single pairs it tells
nothing of a sifted bit: a tap is a loss. What is added is uncorrelated: it makes accidentals.
"""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.random import Generator
from pydantic import Field

from netsim.frames import PhotonBundle, PhotonFrame
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.physics.emission import sample_poisson_times


class SplitterOptions(ObserverOptions):
    """How much is taken."""

    share: Annotated[float, Field(ge=0, le=1)]
    """Of the photons."""


class Splitter(ObserverKind):
    """Taps a share of the photons off."""

    options = SplitterOptions

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who taps."""
        return _Splitting(options.share, context.rng)


class _Splitting:
    def __init__(self, share: float, rng: Generator) -> None:
        self._share = share
        self._rng = rng

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        return replace(light, frames=tuple(map(self._left, light.frames)))

    def _left(self, frame: PhotonFrame) -> PhotonFrame:
        return frame.kept(self._rng.random(frame.times_ps.size) >= self._share)


class ExtraLightOptions(ObserverOptions):
    """How bright it is."""

    rate_hz: Annotated[float, Field(ge=0, le=1e9)]
    """Photons per second on each channel of the user, at the observer's place."""


class ExtraLight(ObserverKind):
    """Adds photons at random times, in no state."""

    options = ExtraLightOptions

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who shines."""
        return _Shining(options.rate_hz, context.rng)


class _Shining:
    def __init__(self, rate_hz: float, rng: Generator) -> None:
        self._rate_hz = rate_hz
        self._rng = rng

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        span_ps = light.start_ps, light.stop_ps
        added = {frame.channel: self._added(frame, span_ps) for frame in light.frames}
        return replace(light, frames=(*light.frames, *added.values()))

    def _added(self, frame: PhotonFrame, span_ps: tuple[int, int]) -> PhotonFrame:
        start_ps, stop_ps = (edge_ps + frame.delay_ps for edge_ps in span_ps)
        times_ps = sample_poisson_times(self._rng, self._rate_hz, start_ps, stop_ps)
        nobody = np.full(times_ps.size, -1, dtype=np.int64)
        return replace(frame, times_ps=times_ps, pair_rows=nobody, prepared=None)
