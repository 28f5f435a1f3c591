"""Observers on a fibre, registered for the length of a test."""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from netsim.frames import PhotonBundle, PhotonFrame, PreparedStates
from netsim.observers.kinds import OBSERVERS
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.topology.observers import ObserverSpec
from netsim.topology.specs import TopologySpec


@contextmanager
def registered(name: str, make: Callable[[], ObserverKind]) -> Iterator[None]:
    """Register a kind of observers, and forget it afterwards."""
    OBSERVERS.register(name, make)
    try:
        yield
    finally:
        del OBSERVERS._registered[name]
        OBSERVERS._made.pop(name, None)


def observed(topology: TopologySpec, *observers: ObserverSpec) -> TopologySpec:
    """The topology with somebody on its fibres."""
    return topology.model_copy(update={"observers": observers})


@dataclass
class Counter(ObserverKind):
    """Counts what passes its observers; every observer of it adds to the same lists."""

    photons: int = 0
    bundles: list[PhotonBundle] = field(default_factory=list)

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """An observer who counts."""
        _ = options, context
        return self

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Count and let pass."""
        self.photons += sum(frame.times_ps.size for frame in light.frames)
        self.bundles.append(light)
        return light


class DropOptions(ObserverOptions):
    """How much is taken out."""

    share: float


class Drop(ObserverKind):
    """Takes a share of the photons out."""

    options = DropOptions

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who takes."""
        return _Dropping(options.share, context.rng)


@dataclass
class _Dropping:
    share: float
    rng: np.random.Generator

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        return replace(light, frames=tuple(map(self._thinned, light.frames)))

    def _thinned(self, frame: PhotonFrame) -> PhotonFrame:
        return frame.kept(self.rng.random(frame.times_ps.size) >= self.share)


class ResendOptions(ObserverOptions):
    """What is caught, and how it is sent anew."""

    share: float
    delay_ps: float = 0.0
    x_phase_rad: float = math.pi / 2


class Resend(ObserverKind):
    """Measures a share of the photons as the user would, and sends what has been found."""

    options = ResendOptions

    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer who catches."""
        return _Resending(options, context)


@dataclass
class _Resending:
    options: ResendOptions
    context: ObserverContext

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Touched and untouched photons travel in frames of their own."""
        return replace(light, frames=tuple(itertools.chain(*map(self._split, light.frames))))

    def _split(self, frame: PhotonFrame) -> tuple[PhotonFrame, PhotonFrame]:
        is_caught = self.context.rng.random(frame.times_ps.size) < self.options.share
        return frame.kept(~is_caught), self._resent(frame.kept(is_caught))

    def _resent(self, frame: PhotonFrame) -> PhotonFrame:
        """A click on port s at T says: early at T - delay and late at T, with the phase of s."""
        measurement, options = self.context.receiver.measurement, self.options
        clicks = measurement.measure(self.context.rng, frame, time_ps=0)
        basis, port = (clicks >> 1) & 1, clicks & 1
        return replace(
            frame,
            times_ps=(clicks >> 2) - round(options.delay_ps),
            pair_rows=np.full(clicks.size, -1),
            prepared=PreparedStates(
                phase_rad=basis * options.x_phase_rad + port * math.pi,
                delay_ps=np.full(clicks.size, options.delay_ps),
                contrast=np.ones(clicks.size),
            ),
        )
