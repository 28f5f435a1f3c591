"""S of the lanes as a monitor: told from time to time, and when it falls to what is local."""

from netsim.kernel.trace import EventName, Trace
from netsim.simulation.counting import Counting
from netsim.topology.network import Lane
from protocols.chsh import Chsh

TELL_PS = 10_000_000_000_000
"""Light between two lines of a lane."""


class BellMonitor:
    """Tells the trace of every lane that tests Bell's inequality, each time of its new counts only.

    Parameters
    ----------
    counting : Counting
    trace : Trace
    """

    def __init__(self, counting: Counting, trace: Trace) -> None:
        self._counting = counting
        self._trace = trace
        self._told: dict[Lane, Chsh] = {}
        self._next_ps: int | None = TELL_PS
        """When to look; None if the settings test nothing."""

    def look(self, time_ps: int) -> None:
        """So much light has come: tell of it if it is time."""
        if self._next_ps is None or time_ps < self._next_ps:
            return
        self._next_ps = None
        for each in self._counting.counted().lanes:
            if each.chsh is not None:
                self._next_ps = time_ps + TELL_PS
                self._tell(each.lane, each.chsh, time_ps)

    def _tell(self, lane: Lane, chsh: Chsh, time_ps: int) -> None:
        before = self._told.get(lane)
        recent = chsh if before is None else chsh - before
        if not recent.is_measured:
            return
        self._told[lane] = chsh
        self._trace.emit(
            EventName.BELL_TESTED if recent.is_violated else EventName.BELL_FALLEN,
            time_ps=time_ps,
            link="-".join(lane.users),
            lane="&".join(lane.channels),
            s=round(recent.s, 4),
            sigma=round(recent.sigma, 4),
        )
