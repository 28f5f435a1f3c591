"""SimPy's environment on integer picoseconds; it knows nothing of light or protocols."""

from collections.abc import Callable
from heapq import heappop, heappush
from operator import index
from typing import Any, SupportsIndex, cast

import simpy
from simpy.events import NORMAL, Timeout
from simpy.events import Event as SimEvent

__all__ = ["SimEvent", "Simulator"]


class Simulator(simpy.Environment):
    """Discrete-event simulator whose time is a Python integer, in picoseconds, from 0.

    A run lasts 26 days at most (`netsim.units.MAX_TIME_PS`). Floats and NumPy scalars never become
    simulated time.
    """

    _now: int

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    @property
    def now_ps(self) -> int:
        """Simulated time."""
        return self._now

    def wait_until(self, time_ps: SupportsIndex) -> Timeout:
        """Event at an absolute time; at the present time, after what is already due now.

        Parameters
        ----------
        time_ps : int
            Not before `now_ps`.

        Raises
        ------
        TypeError
            If ``time_ps`` is no integer.
        ValueError
            If it has passed.
        """
        when_ps = index(time_ps)
        if when_ps < self._now:
            raise ValueError(f"{when_ps} ps has passed: it is {self._now} ps")
        return self.timeout(when_ps - self._now)

    def call_at(self, time_ps: SupportsIndex, call: Callable[[], None]) -> None:
        """Have something called at an absolute time; parameters and errors of `wait_until`.

        It takes half as long as an event that processes can wait for.
        """
        when_ps = index(time_ps)
        if when_ps < self._now:
            raise ValueError(f"{when_ps} ps has passed: it is {self._now} ps")
        # As `schedule` does it, which would take a delay. What is due may be a call, see `step`.
        heappush(self._queue, (when_ps, NORMAL, next(self._eid), cast("SimEvent", call)))

    def step(self) -> None:
        """Process the next event, or make the next call."""
        queue: list[tuple[int, int, int, Any]] = self._queue  # type: ignore[assignment]
        if not queue or isinstance(queue[0][3], SimEvent):
            super().step()
            return
        self._now, _, _, call = heappop(queue)
        call()

    def run(self, until: float | SupportsIndex | SimEvent | None = None) -> Any:
        """Run to a time in picoseconds (exclusive), to an event, or until nothing is left.

        Raises
        ------
        TypeError
            If ``until`` is a number but no integer.
        ValueError
            If it is not after `now_ps`.
        """
        if until is None or isinstance(until, SimEvent):
            return super().run(until)
        # Of other numbers than int, NumPy's among them, SimPy would make floats.
        return super().run(index(cast("SupportsIndex", until)))
