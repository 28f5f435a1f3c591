"""What is counted of the true clicks of a run, lane by lane; no protocol ever sees any of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from netsim.frames import ClickFrame
from netsim.physics.encodings.settings import Turns
from netsim.results.histograms import LaneHistogram
from netsim.simulation.counters import Counters
from netsim.simulation.histograms import LaneDifferences, lane_differences
from netsim.simulation.scoring import LaneCounts, build_scorers
from netsim.topology.network import Lane, Network
from netsim.topology.specs import TopologySpec
from protocols.chsh import Chsh


@dataclass(frozen=True, slots=True)
class ScoredLane:
    """What was counted on a lane.

    Attributes
    ----------
    lane : Lane
    counts : LaneCounts
        Of what is for key.
    chsh : Chsh or None
        Of the Bell test, if the settings make one.
    key_share : float
        Of the light, what was for key.
    """

    lane: Lane
    counts: LaneCounts
    chsh: Chsh | None = None
    key_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What has been counted so far.

    Attributes
    ----------
    lanes : tuple of ScoredLane
        Link by link.
    histograms : tuple of LaneHistogram
        Of all lanes, if they were asked for.
    """

    lanes: tuple[ScoredLane, ...]
    histograms: tuple[LaneHistogram, ...] = ()


class Counting(Protocol):
    """Where clicks are counted, in this process or another one."""

    def counted(self) -> Counted:
        """Count the frames that all users have been handed; what there is then."""
        ...

    def finish(self) -> None:
        """No more clicks will come."""
        ...


class ClickCounting:
    """Counts the clicks of a run in this process; a `Counting`.

    Parameters
    ----------
    network : Network
        The first state, with the lanes of all.
    hardware : TopologySpec
        Whose dead times hold.
    turns : mapping
        User to frames in which its analysers are turned.
    histograms : bool
        Whether to count how far apart clicks come as well.
    """

    def __init__(
        self,
        network: Network,
        hardware: TopologySpec,
        turns: Mapping[str, Turns],
        *,
        histograms: bool,
    ) -> None:
        self._scorers = build_scorers(network, hardware, turns)
        self._differences: tuple[LaneDifferences, ...] = ()
        if histograms:
            self._differences = lane_differences(network)
        others = [(each.counter.users, each.counter) for each in self._differences]
        names = [user.name for user in network.topology.users]
        self._counters = Counters(names, (*self._scorers.items(), *others), turns)

    def add(self, user: str, frame: ClickFrame) -> None:
        """Take the next frame of a user; KeyError for one who is not of the network."""
        self._counters.add(user, frame)

    def counted(self) -> Counted:
        """Count the frames that all users have been handed; what there is then."""
        self._counters.count()
        return Counted(tuple(self._lanes()), tuple(each.result for each in self._differences))

    def finish(self) -> None:
        """No more clicks will come."""
        self._counters.finish()

    def _lanes(self) -> Iterator[ScoredLane]:
        for scorer in self._scorers.values():
            for lane, counts, chsh in zip(scorer.lanes, scorer.counts, scorer.chsh, strict=True):
                yield ScoredLane(lane, counts, chsh, scorer.key_share)
