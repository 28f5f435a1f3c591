"""The place of an observer on a fibre: light comes in from one piece, and goes on into the next."""

from collections.abc import Callable

from netsim.frames import PhotonBundle
from netsim.observers.observer import Observer


class ObserverStation:
    """Hands light to an observer as it comes, and sends on what he gives back.

    Parameters
    ----------
    observer : Observer
    send : callable
        Takes what goes on.
    """

    def __init__(self, observer: Observer, send: Callable[[PhotonBundle], None]) -> None:
        self._observer = observer
        self._send = send

    def take(self, light: PhotonBundle) -> None:
        """Take the light of one frame.

        Raises
        ------
        ValueError
            If the observer gives back another frame, or light on a channel that the user has not.
        """
        onward = self._observer.observe(light)
        if _place_in_time(onward) != _place_in_time(light):
            raise ValueError("an observer gives back the frame that he was given")
        if not _channels(onward) <= _channels(light):
            raise ValueError(f"an observer sends light on channels of the user: {_channels(light)}")
        self._send(onward)


def _place_in_time(light: PhotonBundle) -> tuple[int, int, int]:
    return light.index, light.start_ps, light.stop_ps


def _channels(light: PhotonBundle) -> set[str]:
    return {frame.channel for frame in light.frames}
