"""When an end says again what waits for an answer. It knows no messages."""

from enum import Enum, auto
from typing import assert_never

from protocols.link import EARLIEST_PS


class Pace(Enum):
    """When something is said again."""

    NEVER = auto()
    """Nothing waits for an answer."""
    AT_ONCE = auto()
    """It was said in an earlier life, and nobody knows when."""
    LATER = auto()
    """It was said, and the answer may be on its way."""


class Repetition:
    """Says when to say it again.

    Parameters
    ----------
    period_ps : int
        How long an answer may take.
    """

    def __init__(self, period_ps: int) -> None:
        self._period_ps = period_ps
        self._pace = Pace.NEVER
        self._due_ps = EARLIEST_PS

    @property
    def is_waiting(self) -> bool:
        """Whether anything waits for an answer."""
        return self._pace is not Pace.NEVER

    @property
    def due_ps(self) -> int | None:
        """When it is to be said again, by own clock; None if nothing is."""
        match self._pace:
            case Pace.NEVER:
                return None
            case Pace.AT_ONCE:
                return EARLIEST_PS
            case Pace.LATER:
                return self._due_ps
            case _:
                assert_never(self._pace)

    def is_due(self, now_ps: int) -> bool:
        """Whether it is to be said again by ``now_ps``."""
        due_ps = self.due_ps
        return due_ps is not None and now_ps >= due_ps

    def stop(self) -> None:
        """It is answered, or no longer worth an answer."""
        self._pace = Pace.NEVER

    def hurry(self) -> None:
        """It waits since an earlier life."""
        self._pace = Pace.AT_ONCE

    def start(self, now_ps: int) -> None:
        """It has been said at ``now_ps``."""
        self._pace, self._due_ps = Pace.LATER, now_ps + self._period_ps
