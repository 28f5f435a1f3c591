"""The place of an observer on a fibre: light comes in from one piece, and goes on into the next."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.frames import PhotonBundle, PhotonFrame
from netsim.observers.observer import Observer
from netsim.physics.propagation import propagate


@dataclass(frozen=True, slots=True)
class Presence:
    """When somebody is at his place: in [start, stop), true time."""

    start_ps: int
    stop_ps: int

    def holds(self, times_ps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) bool: whether he is there."""
        return (times_ps >= self.start_ps) & (times_ps < self.stop_ps)


class ObserverStation:
    """Hands light to an observer as it comes, and sends on what he gives back.

    Photons that come while he is away go on as they are.

    Parameters
    ----------
    observer : Observer
    send : callable
        Takes what goes on.
    presence : Presence, optional
        Always, if absent.
    """

    def __init__(
        self,
        observer: Observer,
        send: Callable[[PhotonBundle], None],
        presence: Presence | None = None,
    ) -> None:
        self._observer = observer
        self._send = send
        self._presence = presence

    def take(self, light: PhotonBundle) -> None:
        """Take the light of one frame.

        Raises
        ------
        ValueError
            If the observer gives back another frame, or light on a channel that the user has not.
        """
        light = _arrived(light)
        seen, unseen = (light, ()) if self._presence is None else _divided(light, self._presence)
        onward = self._observer.observe(seen)
        if _place_in_time(onward) != _place_in_time(light):
            raise ValueError("an observer gives back the frame that he was given")
        if not _channels(onward) <= _channels(light):
            raise ValueError(f"an observer sends light on channels of the user: {_channels(light)}")
        self._send(replace(onward, frames=(*onward.frames, *unseen)) if unseen else onward)


def _arrived(light: PhotonBundle) -> PhotonBundle:
    """Its photons, at the times at which they are here."""
    frames = (
        propagate(frame, delay_ps=light.ahead_ps.get(frame.channel, 0)) for frame in light.frames
    )
    return PhotonBundle(light.index, light.start_ps, light.stop_ps, tuple(frames))


def _divided(
    light: PhotonBundle, presence: Presence
) -> tuple[PhotonBundle, tuple[PhotonFrame, ...]]:
    """What comes while he is there, and what comes while he is not."""
    is_seen = [presence.holds(frame.times_ps) for frame in light.frames]
    pairs = list(zip(light.frames, is_seen, strict=True))
    seen = tuple(frame.kept(mask) for frame, mask in pairs)
    unseen = tuple(frame.kept(~mask) for frame, mask in pairs if not mask.all())
    return replace(light, frames=seen), unseen


def _place_in_time(light: PhotonBundle) -> tuple[int, int, int]:
    return light.index, light.start_ps, light.stop_ps


def _channels(light: PhotonBundle) -> set[str]:
    return {frame.channel for frame in light.frames}
