"""Settings of a receiver that change during a run: analysers turned for Bell tests.

The turn is a function of the frame alone, drawn in order from a stream of the user's own, so it is
the same whoever asks first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from netsim.physics.encodings.phases import Phase

_BLOCK = 256


class Turns:
    """In which frames both analysers of a user are turned.

    Parameters
    ----------
    rng : Generator
        Of these choices alone.
    share : float
        Of the frames, 0 to 1.
    turn_rad : float
        By how much.
    """

    def __init__(self, rng: Generator, *, share: float, turn_rad: float) -> None:
        self.share = share
        self.turn_rad = turn_rad
        self._rng = rng
        self._drawn = np.empty(0, dtype=np.bool_)

    def is_turned(self, frame: int) -> bool:
        """Whether they are in a frame, 0 or later."""
        while frame >= self._drawn.size:
            more = self._rng.random(_BLOCK) < self.share
            self._drawn = np.concatenate((self._drawn, more))
        return bool(self._drawn[frame])


@dataclass(frozen=True, slots=True)
class TurnedPhase:
    """A phase, turned in some frames.

    Attributes
    ----------
    base : Phase
    turns : Turns
    frame_ps : int
        Length of a frame.
    delay_ps : int
        How late the light of a frame is here.
    """

    base: Phase
    turns: Turns
    frame_ps: int
    delay_ps: int

    def __call__(self, time_ps: int) -> float:
        """Radians at the true time ``time_ps``."""
        frame = max(0, (time_ps - self.delay_ps) // self.frame_ps)
        turn_rad = self.turns.turn_rad if self.turns.is_turned(frame) else 0.0
        return self.base(time_ps) + turn_rad
