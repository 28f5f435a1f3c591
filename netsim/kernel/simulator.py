"""SimPy's environment on integer picoseconds; it knows nothing of light or protocols.

Events happen in the order of time, with one exception: calls of a `Strand`, which touch nothing
that others see, are made one after the other up to the next event that is of no strand; then those
of the next strand. What others see of them has its turn in the order of time [1]_. It is the same
run, but what a strand works on stays in the processor's caches from one call to the next.

References
----------
.. [1] K. M. Chandy, J. Misra, Distributed simulation, IEEE Trans. Softw. Eng. SE-5, 440 (1979).
"""

import sys
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from operator import index
from typing import Any, Protocol, SupportsIndex, cast

import simpy
from simpy.events import NORMAL, Timeout
from simpy.events import Event as SimEvent

__all__ = ["Schedule", "SimEvent", "Simulator", "Strand"]

Call = Callable[[], None]
NEVER_PS = sys.maxsize


def _still_to_come(time_ps: SupportsIndex, now_ps: int) -> int:
    """Python integer of a time that has not passed; errors of `Simulator.wait_until`."""
    when_ps = index(time_ps)
    if when_ps < now_ps:
        raise ValueError(f"{when_ps} ps has passed: it is {now_ps} ps")
    return when_ps


class Schedule(Protocol):
    """Where calls are put for later: the simulator, or a strand of it."""

    @property
    def now_ps(self) -> int:
        """Simulated time."""
        ...

    def call_at(self, time_ps: SupportsIndex, call: Call) -> None:
        """Have something called at an absolute time, not before `now_ps`."""
        ...

    def call_in_turn(self, call: Call) -> None:
        """Have something called at the present time that others see, before anything else here."""
        ...


class Simulator(simpy.Environment):
    """Discrete-event simulator whose time is a Python integer, in picoseconds, from 0.

    A run lasts 26 days at most (`netsim.units.MAX_TIME_PS`). Floats and NumPy scalars never become
    simulated time.
    """

    _now: int

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self._strand: Strand | None = None
        """Whose calls are made."""
        self._listed: list[tuple[int, int, Strand]] = []
        """A heap: the other strands, by their first calls; also what is no longer true."""
        self._turns: list[tuple[int, int, Strand, Call]] = []
        """A heap: what others see, of strands that wait for it."""

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
        return self.timeout(_still_to_come(time_ps, self._now) - self._now)

    def call_at(self, time_ps: SupportsIndex, call: Call) -> None:
        """Have something called at an absolute time; parameters and errors of `wait_until`.

        It takes half as long as an event that processes can wait for.
        """
        when_ps = _still_to_come(time_ps, self._now)
        # As `schedule` does it, which would take a delay. What is due may be a call, see `step`.
        heappush(self._queue, (when_ps, NORMAL, next(self._eid), cast("SimEvent", call)))

    def call_in_turn(self, call: Call) -> None:
        """Call it: all that comes before has happened."""
        call()

    def step(self) -> None:
        """Process the next event, or make the next call."""
        queue: list[tuple[int, int, int, Any]] = self._queue  # type: ignore[assignment]
        until_ps = queue[0][0] if queue else NEVER_PS
        if (strand := self._strand_before(until_ps)) is not None:
            self._now, _, call = heappop(strand.calls)
        elif self._turns and self._turns[0][0] < until_ps:
            self._now, _, strand, call = heappop(self._turns)
            self._strand, strand.is_waiting = strand, False
        elif not queue or isinstance(queue[0][3], SimEvent):
            super().step()
            return
        else:
            self._now, _, _, call = heappop(queue)
        call()

    def _strand_before(self, until_ps: int) -> "Strand | None":
        """Whose call is next, if one is due before ``until_ps``: the last one as long as it may."""
        if (strand := self._strand) is not None:
            if strand.first_ps < until_ps:
                return strand
            self._strand = None
            self.expect(strand)
        if self._first_listed_ps() < until_ps:
            self._strand = strand = heappop(self._listed)[2]
            strand.listed_ps = NEVER_PS
        return self._strand

    def _first_listed_ps(self) -> int:
        """When the first call is due of all strands but the one whose calls are made now."""
        listed = self._listed
        while listed and listed[0][0] != listed[0][2].listed_ps:
            heappop(listed)
        return listed[0][0] if listed else NEVER_PS

    def expect(self, strand: "Strand") -> None:
        """List a strand by its first call; for strands alone."""
        if strand is not self._strand and (first_ps := strand.first_ps) < strand.listed_ps:
            strand.listed_ps = first_ps
            heappush(self._listed, (first_ps, next(self._eid), strand))

    def hold(self, strand: "Strand", call: Call) -> None:
        """Make a call of a strand in its turn; for strands alone."""
        heappush(self._turns, (self._now, next(self._eid), strand, call))

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


class Strand:
    """Calls that touch nothing that others see, but in their turns; a `Schedule`.

    Events of the simulator may put calls here, and touch what they touch. Turns, and what follows
    from them, must not touch what the calls of other strands do.

    Parameters
    ----------
    sim : Simulator
        Simulated time.

    Attributes
    ----------
    calls : list
        A heap: time, number and call.
    is_waiting : bool
        Whether a call waits for its turn: no other is made before it.
    listed_ps : int
        First call that the simulator knows of; `NEVER_PS` for none.
    """

    __slots__ = ("_numbers", "_sim", "calls", "is_waiting", "listed_ps")

    def __init__(self, sim: Simulator) -> None:
        self.calls: list[tuple[int, int, Call]] = []
        self.is_waiting = False
        self.listed_ps = NEVER_PS
        self._sim = sim
        self._numbers = count()

    @property
    def now_ps(self) -> int:
        """Simulated time."""
        return self._sim.now_ps

    @property
    def first_ps(self) -> int:
        """When the first call is due that may be made; `NEVER_PS` if there is none."""
        return NEVER_PS if self.is_waiting or not self.calls else self.calls[0][0]

    def call_at(self, time_ps: SupportsIndex, call: Call) -> None:
        """Have something called at an absolute time; errors of `Simulator.wait_until`."""
        when_ps = _still_to_come(time_ps, self._sim.now_ps)
        heappush(self.calls, (when_ps, next(self._numbers), call))
        self._sim.expect(self)

    def call_in_turn(self, call: Call) -> None:
        """Have something called when all that comes before has happened, nothing else till then."""
        self.is_waiting = True
        self._sim.hold(self, call)
