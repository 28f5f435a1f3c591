"""Phases that move in steps, asked for in nearly the order of time."""

from abc import ABC, abstractmethod
from collections import deque

from netsim.units import PS_PER_S

STEP_PS = PS_PER_S // 100
_KEPT = 8192
"""Steps of the past that can still be asked for, 80 s."""


class SteppedPhase(ABC):
    """A phase that begins at 0 and takes a step every `STEP_PS`; those of the past are kept."""

    def __init__(self) -> None:
        self._steps_rad: deque[float] = deque([0.0], maxlen=_KEPT)
        self._last = 0

    def __call__(self, time_ps: int) -> float:
        """Radians at a true time; LookupError for one that is forgotten."""
        number = max(0, time_ps // STEP_PS)
        while self._last < number:
            self._last += 1
            self._steps_rad.append(self._step(self._last * STEP_PS, self._steps_rad[-1]))
        back = self._last - number
        if back >= len(self._steps_rad):
            raise LookupError(f"the phase at {time_ps} ps is forgotten")
        return self._steps_rad[-1 - back]

    @abstractmethod
    def _step(self, time_ps: int, last_rad: float) -> float:
        """Where it stands from ``time_ps`` on, after ``last_rad``; called once a step, in order."""
