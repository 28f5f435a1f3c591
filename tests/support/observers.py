"""Observers on a fibre, registered for the length of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from netsim.frames import PhotonBundle, PhotonFrame
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
