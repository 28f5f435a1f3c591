"""Who brings the messages of a relay from user to user: at once, or in their time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from netsim.relay.paths import Path

OnArrival = Callable[[int], None]
"""Called once, with the time, when all that is to be said of a relay has arrived."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be said of one relay.

    Every path carries a message a hop, each as soon as the one before is there. The claim goes
    along the first path with them; when all have arrived, the answer comes back along it.

    Attributes
    ----------
    ways : tuple of tuple of str
        Users of each path, from the first end to the last.
    shares_bytes : tuple of tuple of int
        Of the message of each hop, the same way.
    word_bytes : int
        Of the claim, and of the answer.
    """

    ways: tuple[Path, ...]
    shares_bytes: tuple[tuple[int, ...], ...]
    word_bytes: int


class Courier(Protocol):
    """See `at_once`."""

    def __call__(self, errand: Errand, time_ps: int, on_arrival: OnArrival) -> None:
        """Set out at ``time_ps``; tell when all is done, if ever."""
        ...


def at_once(errand: Errand, time_ps: int, on_arrival: OnArrival) -> None:  # noqa: ARG001
    """Where messages take no time."""
    on_arrival(time_ps)
