"""Phases that move in steps, asked for in nearly the order of time."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from netsim.units import PS_PER_S

STEP_PS = PS_PER_S // 100
_KEPT = 8192
"""Steps of the past that can still be asked for, 80 s."""


class SteppedPhase(ABC):
    """A phase that begins at 0 and takes a step every `STEP_PS`; those of the past are kept.

    Parameters
    ----------
    longest_ps : int
        Longest time that will be asked for as a whole (`between`).
    """

    def __init__(self, *, longest_ps: int = 0) -> None:
        self._steps_rad = np.zeros(_KEPT + longest_ps // STEP_PS)
        """Around and around: step n at n modulo the size."""
        self._last = 0

    def __call__(self, time_ps: int) -> float:
        """Radians at a true time; LookupError for one that is forgotten."""
        return float(self._since(time_ps, time_ps)[0])

    def between(self, start_ps: int, stop_ps: int) -> NDArray[np.float64]:
        """(N,) float64: radians at all steps in force in [``start_ps``, ``stop_ps``).

        As of any call of it, those of a time that is forgotten are a LookupError.
        """
        return self._since(start_ps, stop_ps - 1)

    def _since(self, first_ps: int, last_ps: int) -> NDArray[np.float64]:
        """All steps in force from one time to another one, both included."""
        first, last = max(0, first_ps // STEP_PS), max(0, last_ps // STEP_PS)
        steps_rad, kept = self._steps_rad, self._steps_rad.size
        while self._last < last:
            before_rad = float(steps_rad[self._last % kept])
            self._last += 1
            steps_rad[self._last % kept] = self._step(self._last * STEP_PS, before_rad)
        if self._last - first >= kept:
            raise LookupError(f"the phase at {first_ps} ps is forgotten")
        return steps_rad[np.arange(first, last + 1) % kept]

    @abstractmethod
    def _step(self, time_ps: int, last_rad: float) -> float:
        """Where it stands from ``time_ps`` on, after ``last_rad``; called once a step, in order."""
