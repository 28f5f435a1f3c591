"""Who watches long work: is told what is done, and may stop it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watch:
    """What a long computation reports to, and asks.

    Attributes
    ----------
    progress : callable
        Takes what is done so far: ps of light, or a number of pieces.
    should_stop : callable
        Whether to end at the next good place.
    """

    progress: Callable[[int], None] = lambda _done: None
    should_stop: Callable[[], bool] = lambda: False

    def after(self, before: int) -> "Watch":
        """The same for a part of the work that comes after ``before``."""
        return Watch(lambda done: self.progress(before + done), self.should_stop)


UNWATCHED = Watch()
"""Nobody is told, nobody stops it."""
