"""How often the peer's tags are checked: a bound per time, so that the true one gets its turn.

Somebody who forges tags gets a few guesses per repeat of the true message. A bound on all guesses
together would let him use it up, and leave what is in doubt in doubt for ever. It knows no tags and
no pads.
"""

from collections import deque

MAX_WRONG_TAGS = 4
"""Tags that may be wrong per `period_ps`; more are not looked at."""


class CheckLimit:
    """Lets tags be checked while few of late were wrong.

    Parameters
    ----------
    period_ps : int
        Of which at most `MAX_WRONG_TAGS` wrong tags are checked: how often the peer repeats.
    """

    def __init__(self, period_ps: int) -> None:
        self._period_ps = period_ps
        self._wrong_ps: deque[int] = deque(maxlen=MAX_WRONG_TAGS)

    def is_reached(self, now_ps: int) -> bool:
        """Whether no tag may be checked at own time ``now_ps``."""
        is_full = len(self._wrong_ps) == MAX_WRONG_TAGS
        return is_full and now_ps < self._wrong_ps[0] + self._period_ps

    def count_wrong(self, now_ps: int) -> None:
        """A tag that was checked at ``now_ps`` was wrong."""
        self._wrong_ps.append(now_ps)
