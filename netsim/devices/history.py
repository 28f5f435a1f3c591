"""The states of the optical network in the course of a run, and how its events come about.

Who changes the network tells the history; the light of the source and the losses on the fibres
read it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator

from netsim.kernel.simulator import SimEvent, Simulator
from netsim.topology.changes import Change
from netsim.topology.events import event_times
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Epoch, Timeline, is_same_network


class NetworkHistory:
    """All states up to now, in order of time.

    Of several changes at one time only what they come to must be planned for; who reads it finds
    out, by a ValueError of `Timeline.network_of`.

    Parameters
    ----------
    timeline : Timeline
        Its topology is in force from time 0 on.
    stop_ps : int
        When the light stops.

    Attributes
    ----------
    changes : list of (int, Change)
        All changes so far, with their times in ps.
    """

    def __init__(self, timeline: Timeline, *, stop_ps: int) -> None:
        self.changes: list[tuple[int, Change]] = []
        self._timeline = timeline
        self._stop_ps = stop_ps
        self._starts_ps = [0]
        self._states: list[TopologySpec] = [timeline.topology]
        self._networks: list[Network | None] = [None]
        """Of each state, once somebody has asked for it."""

    def change(self, change: Change, now_ps: int) -> None:
        """Change the network from now on, whatever time the change bears.

        Parameters
        ----------
        now_ps : int
            Not before the latest change.

        Raises
        ------
        KeyError
            If it names what is not there.
        ValueError
            If it does not suit the source.
        """
        before = self._states[-1]
        after = change.applied_to(before)
        self.changes.append((now_ps, change))
        if self._starts_ps[-1] == now_ps:
            self._states[-1], self._networks[-1] = after, None
        elif not is_same_network(after, before):
            self._starts_ps.append(now_ps)
            self._states.append(after)
            self._networks.append(None)

    def between(self, start_ps: int, stop_ps: int) -> list[tuple[int, Network]]:
        """States in force anywhere in ``[start_ps, stop_ps)``, each with its first time there."""
        if self._starts_ps[-1] <= start_ps:  # as nearly always
            return [(start_ps, self._network(-1))]
        first = max(bisect_right(self._starts_ps, start_ps) - 1, 0)
        last = max(bisect_left(self._starts_ps, stop_ps), first + 1)
        starts_ps = [start_ps, *self._starts_ps[first + 1 : last]]
        return list(zip(starts_ps, map(self._network, range(first, last)), strict=True))

    def epochs(self, now_ps: int) -> tuple[Epoch, ...]:
        """All of them, the latest up to the end of the light, or to now."""
        last_ps = max(min(now_ps, self._stop_ps), self._starts_ps[-1])
        stops_ps = [*self._starts_ps[1:], last_ps]
        return tuple(
            map(Epoch, self._starts_ps, stops_ps, map(self._network, range(len(stops_ps))))
        )

    def _network(self, index: int) -> Network:
        network = self._networks[index]
        if network is None:
            network = self._networks[index] = self._timeline.network_of(self._states[index])
        return network


def follow_events(
    sim: Simulator, timeline: Timeline, *, stop_ps: int, change: Callable[[Change], None]
) -> Generator[SimEvent, None, None]:
    """Process that has every event of a topology happen at its time, before ``stop_ps``."""
    for time_ps, event in event_times(timeline.topology.events, stop_ps=stop_ps):
        yield sim.wait_until(time_ps)
        change(event)
