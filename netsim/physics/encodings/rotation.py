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
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from netsim.physics.encodings.phases import Phase
from netsim.physics.encodings.stepped import (
    STEP_PS,
    Radians,
    States,
    SteppedPhase,
    random_walk,
    spans,
)
from netsim.units import PS_PER_S


class WanderingRotation(SteppedPhase):
    """Phase that a fibre adds to both analysers of its user.

    Parameters
    ----------
    rng : Generator
        Of this fibre alone.
    walk_rad : float
        Standard deviation of the phase a second after an alignment.
    alignments : callable
        How many there have been, when.
    longest_ps : int
        As of `SteppedPhase`.
    """

    def __init__(
        self,
        rng: Generator,
        walk_rad: float,
        alignments: States[int],
        *,
        longest_ps: int = 0,
    ) -> None:
        super().__init__(longest_ps=longest_ps)
        self._rng = rng
        self._kick_rad = walk_rad * math.sqrt(STEP_PS / PS_PER_S)
        self._alignments = alignments
        ((_, self._aligned),) = alignments(0, 1)

    def _steps(self, first: int, last: int, before_rad: float) -> Radians:
        walked: list[Radians] = []
        for count, aligned in spans(self._alignments, first, last):
            start_rad = before_rad if aligned == self._aligned else 0.0
            self._aligned = aligned
            walked.append(random_walk(start_rad, self._kick_rad * self._rng.normal(size=count)))
            before_rad = float(walked[-1][-1])
        return np.concatenate(walked)


@dataclass(frozen=True, slots=True)
class RotatedPhase:
    """The phase of an analyser behind a fibre that turns polarisations."""

    base: Phase
    rotation: Phase

    def __call__(self, time_ps: int) -> float:
        """Radians at the true time ``time_ps``."""
        return self.base(time_ps) + self.rotation(time_ps)
