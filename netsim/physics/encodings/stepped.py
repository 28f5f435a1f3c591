"""Phases that move in steps, asked for in nearly the order of time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from netsim.units import PS_PER_S

STEP_PS = PS_PER_S // 100
_KEPT = 8192
"""Steps of the past that can still be asked for, 80 s."""

T = TypeVar("T")
States = Callable[[int, int], Sequence[tuple[int, T]]]
"""Takes two true times in ps, [start, stop), and gives what is in force anywhere between them, each
with its first time there."""
Radians = NDArray[np.float64]


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

    def between(self, start_ps: int, stop_ps: int) -> Radians:
        """(N,) float64: radians at all steps in force in [``start_ps``, ``stop_ps``).

        As of any call of it, those of a time that is forgotten are a LookupError.
        """
        return self._since(start_ps, stop_ps - 1)

    def _since(self, first_ps: int, last_ps: int) -> Radians:
        """All steps in force from one time to another one, both included."""
        first, last = max(0, first_ps // STEP_PS), max(0, last_ps // STEP_PS)
        kept = self._steps_rad.size
        while self._last < last:
            self._go_on(min(last, self._last + kept))
        if self._last - first >= kept:
            raise LookupError(f"the phase at {first_ps} ps is forgotten")
        return self._steps_rad[np.arange(first, last + 1) % kept]

    def _go_on(self, last: int) -> None:
        """Take all steps up to this one."""
        kept, first = self._steps_rad.size, self._last + 1
        before_rad = float(self._steps_rad[self._last % kept])
        taken_rad = self._steps(first, last, before_rad)
        self._steps_rad[np.arange(first, last + 1) % kept] = taken_rad
        self._last = last

    @abstractmethod
    def _steps(self, first: int, last: int, before_rad: float) -> Radians:
        """(last - first + 1,) float64: where it stands from these steps on, after ``before_rad``.

        Called in order, once a step; step n begins at n times `STEP_PS`.
        """


def spans(states: States[T], first: int, last: int) -> Iterator[tuple[int, T]]:
    """How many of the steps from one to another (both included) see which state, in order."""
    found = states(first * STEP_PS, last * STEP_PS + 1)
    # A state is in force for the first step that begins in it.
    starts = [first, *(-(-since_ps // STEP_PS) for since_ps, _ in found[1:]), last + 1]
    for (start, stop), (_, state) in zip(pairwise(starts), found, strict=True):
        if stop > start:
            yield stop - start, state


def random_walk(start_rad: float, kicks_rad: Radians) -> Radians:
    """(N,) float64: where a walk stands after each of its kicks."""
    return np.cumsum(np.concatenate(([start_rad], kicks_rad)))[1:]
