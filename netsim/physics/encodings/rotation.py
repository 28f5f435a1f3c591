"""A fibre that turns polarisations more and more, until somebody aligns them again.

What is turned are linear polarisations, about the axis of the circular ones: the phases of both
analysers move alike, by twice the angle in the laboratory. Every `STEP_PS` the phase takes a step
of a random walk, whose variance grows by ``walk^2`` a second; so a phase that is aligned at ``a``
on either side is aligned every ``a^2 / walk^2`` seconds in the mean [1]_.

References
----------
.. [1] S. Redner, A Guide to First-Passage Processes, Cambridge 2001, section 2.2.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from netsim.physics.encodings.drift import STEP_PS
from netsim.physics.encodings.phases import Phase
from netsim.units import PS_PER_S

_KEPT = 8192
"""Steps of the past that can still be asked for, 80 s."""


class WanderingRotation:
    """Phase that a fibre adds to both analysers of its user.

    Parameters
    ----------
    rng : Generator
        Of this fibre alone.
    walk_rad : float
        Standard deviation of the phase a second after an alignment.
    alignments : callable
        How many there have been by a true time in ps; asked once a step, in order.
    """

    def __init__(self, rng: Generator, walk_rad: float, alignments: Callable[[int], int]) -> None:
        self._rng = rng
        self._step_rad = walk_rad * math.sqrt(STEP_PS / PS_PER_S)
        self._alignments = alignments
        self._aligned = alignments(0)
        self._steps_rad: deque[float] = deque([0.0], maxlen=_KEPT)
        self._last = 0

    def __call__(self, time_ps: int) -> float:
        """Radians at a true time; LookupError for one that is forgotten."""
        number = max(0, time_ps // STEP_PS)
        while self._last < number:
            self._take_step()
        back = self._last - number
        if back >= len(self._steps_rad):
            raise LookupError(f"the rotation at {time_ps} ps is forgotten")
        return self._steps_rad[-1 - back]

    def _take_step(self) -> None:
        self._last += 1
        aligned = self._alignments(self._last * STEP_PS)
        start_rad = self._steps_rad[-1] if aligned == self._aligned else 0.0
        self._aligned = aligned
        self._steps_rad.append(start_rad + self._step_rad * float(self._rng.normal()))


@dataclass(frozen=True, slots=True)
class RotatedPhase:
    """The phase of an analyser behind a fibre that turns polarisations."""

    base: Phase
    rotation: Phase

    def __call__(self, time_ps: int) -> float:
        """Radians at the true time ``time_ps``."""
        return self.base(time_ps) + self.rotation(time_ps)
