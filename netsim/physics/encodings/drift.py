"""A phase that wanders, and the loop that holds it: functions of time, one random stream each.

Every `STEP_PS` the phase takes a step of a random walk, whose variance grows by ``walk^2`` a second
[1]_. A lock reads it on reference light, with an error of its own and on the nearest fringe, and
moves an actuator by the velocity form of a PID controller [2]_::

    u += p (e - e') + i e dt + d (e - 2 e' + e'') / dt

References
----------
.. [1] W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065 (2008), section 3.2: a
   walk of the phase is white noise of the frequency, with an Allan variance of walk^2 / tau.
.. [2] K. J. Astrom, T. Hagglund, Advanced PID Control, ISA 2006, chapter 13.
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

_STEP_S = STEP_PS / PS_PER_S
_RESPONSE = 20_000
"""Steps after which the answer of a stable loop to one kick has gone, 200 s."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a phase wanders and is held.

    Attributes
    ----------
    walk_rad : float
        Standard deviation of the free phase after a second.
    reading_rad : float
        Error of each reading of the lock.
    proportional : float
    integral_per_s : float
    derivative_s : float
    """

    walk_rad: float
    reading_rad: float
    proportional: float
    integral_per_s: float
    derivative_s: float

    @property
    def locked_variance(self) -> float:
        """Variance of the phase under lock, rad^2; infinite for a loop that is not stable.

        From the answers to one kick of the walk and to one wrong reading, as the loop is linear
        while it stays on its fringe.
        """
        kick, reading = _Loop(self), _Loop(self)
        for loop in (kick, reading):
            loop.step(0.0, 0.0)  # it has been at rest
        walk = self.walk_rad * math.sqrt(_STEP_S)
        by_walk = by_reading = 0.0
        for step in range(_RESPONSE):
            after_kick = kick.step(float(step == 0), 0.0)
            after_reading = reading.step(0.0, float(step == 0))
            if max(abs(after_kick), abs(after_reading)) > math.pi:
                return math.inf
            by_walk += after_kick**2
            by_reading += after_reading**2
        if abs(after_kick) > 1e-3:
            return math.inf
        return walk**2 * by_walk + self.reading_rad**2 * by_reading


class _Loop:
    """A phase and its lock, step by step; the errors of the last readings, newest first."""

    def __init__(self, drift: Drift) -> None:
        self.phase_rad = 0.0
        self._drift = drift
        self._errors_rad: tuple[float, float] | None = None

    def walk(self, kicks_rad: Radians) -> Radians:
        """Steps without lock."""
        self._errors_rad = None
        walked_rad = random_walk(self.phase_rad, kicks_rad)
        self.phase_rad = float(walked_rad[-1])
        return walked_rad

    def hold(self, kicks_rad: Radians, readings_rad: Radians) -> Radians:
        """Steps under lock."""
        steps = zip(kicks_rad.tolist(), readings_rad.tolist(), strict=True)
        return np.array([self.step(*each) for each in steps])

    def step(self, kick_rad: float, reading_rad: float) -> float:
        """One step under lock: the phase moves, is read, and is moved back."""
        drift = self._drift
        self.phase_rad += kick_rad
        shown_rad = self.phase_rad
        error = math.remainder(shown_rad + reading_rad, 2.0 * math.pi)
        last, before = self._errors_rad or (error, error)
        self.phase_rad -= (
            drift.proportional * (error - last)
            + drift.integral_per_s * _STEP_S * error
            + drift.derivative_s / _STEP_S * (error - 2.0 * last + before)
        )
        self._errors_rad = (error, last)
        return shown_rad


class DriftingPhase(SteppedPhase):
    """A phase that wanders about another one, and is locked at times.

    Parameters
    ----------
    base : Phase
        Where the lock holds it.
    drift : Drift
    rng : Generator
        Of this phase alone.
    is_locked : callable
        Whether it is, when.
    longest_ps : int
        As of `SteppedPhase`, whose `between` leaves ``base`` out.
    """

    def __init__(
        self,
        base: Phase,
        drift: Drift,
        rng: Generator,
        is_locked: States[bool],
        *,
        longest_ps: int = 0,
    ) -> None:
        super().__init__(longest_ps=longest_ps)
        self._base = base
        self._walk_rad = drift.walk_rad * math.sqrt(_STEP_S)
        self._reading_rad = drift.reading_rad
        self._rng = rng
        self._is_locked = is_locked
        self._loop = _Loop(drift)

    def __call__(self, time_ps: int) -> float:
        """Radians at a true time; LookupError for one that is forgotten."""
        return self._base(time_ps) + super().__call__(time_ps)

    def _steps(self, first: int, last: int, before_rad: float) -> Radians:
        _ = before_rad  # the loop knows it, and what its lock has made of it
        sizes_rad = np.array([self._walk_rad, self._reading_rad])
        taken: list[Radians] = []
        for count, is_locked in spans(self._is_locked, first, last):
            kicks_rad, readings_rad = (sizes_rad * self._rng.normal(size=(count, 2))).T
            taken.append(
                self._loop.hold(kicks_rad, readings_rad)
                if is_locked
                else self._loop.walk(kicks_rad)
            )
        return np.concatenate(taken)
