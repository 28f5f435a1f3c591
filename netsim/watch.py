"""Who watches long work: is told what is done, and may stop it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO


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


EVERY_S = 0.5
"""Progress is written no more often."""


@dataclass(slots=True)
class TextProgress:
    """Writes how far work is, over and over on one line: for notebooks, scripts and logs.

    Attributes
    ----------
    total : int
        What will be told at the end.
    unit : str
        What it counts, such as ``s of light``.
    scale : float
        From what is told to the unit.
    stream : TextIO
        Where to; stderr if absent.
    """

    total: int
    unit: str
    scale: float = 1.0
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _told_s: float = field(default=-EVERY_S, init=False)

    def __call__(self, done: int) -> None:
        """Take what is done so far."""
        is_end, now_s = done >= self.total, time.monotonic()
        if not is_end and now_s - self._told_s < EVERY_S:
            return
        self._told_s = now_s
        line = f"\r{self.scale * done:.6g} of {self.scale * self.total:.6g} {self.unit}"
        self.stream.write(line + ("\n" if is_end else ""))
        self.stream.flush()


UNWATCHED = Watch()
"""Nobody is told, nobody stops it."""


def watch_of(total: int, unit: str, *, is_shown: bool) -> Watch:
    """Nobody, or who writes how many of ``total`` are done."""
    return Watch(TextProgress(total, unit)) if is_shown else UNWATCHED
