"""What the process that makes light, and the one that has the parties, say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from netsim.simulation.counting import Counted


class Ask(Enum):
    """What the parties' process says."""

    TAKEN = auto()
    """One more frame has been taken out of the ring."""
    HANDED = auto()
    """All users have been handed one more frame: it may be counted."""
    COUNT = auto()
    """Say what has been counted so far."""
    FINISH = auto()
    """No more frames will be handed out: say what has been counted, and end."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a user is handed of a frame.

    Attributes
    ----------
    user : str
    time_ps : int
        When, in simulated time.
    stop_ticks : int
        Watermark, as of `protocols.tags.TagFrame`.
    tag_count : int
    """

    user: str
    time_ps: int
    stop_ticks: int
    tag_count: int


@dataclass(frozen=True, slots=True)
class FrameMade:
    """A frame.

    Attributes
    ----------
    index : int
    handed : tuple of Handed
        In this order.
    begin : int or None
        Where its tags are in the ring; None if it is too large for that.
    tags : tuple of (N,) int64
        They themselves, of each user, if they are not in the ring.
    """

    index: int
    handed: tuple[Handed, ...]
    begin: int | None
    tags: tuple[NDArray[np.int64], ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What has been counted of the frames that all users have been handed.

    Attributes
    ----------
    counted : Counted
    clicks : mapping
        Of each user, (4,) int64 by detector.
    """

    counted: Counted
    clicks: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Failed:
    """What was to come cannot be made."""

    error: Exception


Told = FrameMade | Tally | Failed
"""What the process that makes light says."""
