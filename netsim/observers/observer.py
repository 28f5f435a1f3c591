"""What an observer on a fibre is, what a kind of observers is, and what one works with.

A third party's kind is a class with `ObserverKind` as its base, registered under a name in
`netsim.observers.kinds.OBSERVERS` or by an entry point of the group ``qnsp_netsim.observer``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from netsim.frames import PhotonBundle
from netsim.observers.notebook import Notebook
from netsim.physics.encodings.interface import Encoding
from netsim.physics.receiver import ReceiverSettings


class Observer(Protocol):
    """Somebody at one place of one user's fibre."""

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """What goes on towards the user instead of ``light``.

        Called once a frame, in the order of the frames, empty ones included. Times are those at
        the observer's place. Index and bounds of the bundle stay; photons may be taken out, held
        up or added on the user's channels. The row of a pair stands for two measurements: whoever
        measures a photon does not send its row on, but a photon of his own with row -1, in a frame
        of prepared states (`netsim.frames.PreparedStates`) beside that of untouched photons.
        """
        ...


@dataclass(frozen=True, slots=True)
class ObserverContext:
    """What an observer works with.

    Attributes
    ----------
    user : str
        On whose fibre he sits.
    receiver : ReceiverSettings
        Hardware of that user: the like of it can be bought.
    encoding : Encoding
        How that user's optics read photons.
    notebook : Notebook
        Where he writes down what he knows of the user's clicks; held against key in the end.
    rng : Generator
        His own randomness.
    """

    user: str
    receiver: ReceiverSettings
    encoding: Encoding
    notebook: Notebook
    rng: np.random.Generator


class ObserverOptions(BaseModel):
    """Base of the options of a kind: frozen, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ObserverKind(ABC):
    """A kind of observers."""

    options: ClassVar[type[ObserverOptions]] = ObserverOptions
    """What a topology may say of one; nothing unless a kind says otherwise."""
    reads_bases: ClassVar[bool] = False
    """Whether one measures with a receiver like the user's, and has to know its bases."""

    @abstractmethod
    def make(self, options: Any, context: ObserverContext) -> Observer:
        """An observer of this kind; ``options`` is an instance of the kind's `options`."""

    def build(self, values: Mapping[str, object], context: ObserverContext) -> Observer:
        """An observer with the options that a topology gives.

        Raises
        ------
        pydantic.ValidationError
            If they are no options of this kind.
        """
        return self.make(self.options.model_validate(dict(values)), context)


class Pass(ObserverKind):
    """Lets everything pass: his user counts what would be counted without him."""

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """An observer who does nothing."""
        _ = options, context
        return _Passing()


class _Passing:
    def observe(self, light: PhotonBundle) -> PhotonBundle:
        return light
