"""S of the lanes as a monitor: told from time to time, and when it falls to what is local."""

from collections.abc import Callable, Iterable

from netsim.kernel.trace import EventName, Trace
from netsim.simulation.scoring import LaneScorer
from netsim.topology.network import Lane
from protocols.chsh import Chsh

TELL_PS = 10_000_000_000_000
"""Light between two lines of a lane."""


class BellMonitor:
    """Tells the trace of every lane that tests Bell's inequality, each time of its new counts only.

    Parameters
    ----------
    scorers : iterable of LaneScorer
    count : callable
        Makes them count what has come.
    trace : Trace
    """

    def __init__(
        self, scorers: Iterable[LaneScorer], count: Callable[[], None], trace: Trace
    ) -> None:
        self._scorers = [scorer for scorer in scorers if any(scorer.chsh)]
        self._count = count
        self._trace = trace
        self._told: dict[Lane, Chsh] = {}
        self._next_ps = TELL_PS

    def look(self, time_ps: int) -> None:
        """So much light has been counted: tell of it if it is time."""
        if not self._scorers or time_ps < self._next_ps:
            return
        self._next_ps = time_ps + TELL_PS
        self._count()
        for scorer in self._scorers:
            for lane, chsh in zip(scorer.lanes, scorer.chsh, strict=True):
                if chsh is not None:
                    self._tell(lane, chsh, time_ps)

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
