"""When an end says again what waits for an answer. It knows no messages."""

from protocols.link import EARLIEST_PS


class Repetition:
    """Says when to say it again.

    Parameters
    ----------
    period_ps : int
        How long an answer may take.

    Attributes
    ----------
    due_ps : int or None
        When it is to be said again, by own clock; None while nothing waits for an answer.
    """

    def __init__(self, period_ps: int) -> None:
        self._period_ps = period_ps
        self.due_ps: int | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether anything waits for an answer."""
        return self.due_ps is not None

    def is_due(self, now_ps: int) -> bool:
        """Whether it is to be said again by ``now_ps``."""
        return self.due_ps is not None and now_ps >= self.due_ps

    def stop(self) -> None:
        """It is answered, or no longer worth an answer."""
        self.due_ps = None

    def hurry(self) -> None:
        """It was said in an earlier life, and nobody knows when: it is due at once."""
        self.due_ps = EARLIEST_PS

    def start(self, now_ps: int) -> None:
        """It has been said at ``now_ps``, and the answer may be on its way."""
        self.due_ps = now_ps + self._period_ps
