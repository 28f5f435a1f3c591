"""Histograms of arrival differences of all lanes of a network, as wide as is worth looking at."""

from netsim.results.histograms import LaneHistogram
from netsim.simulation.scoring import DifferenceHistogram
from netsim.topology.network import Lane, Network

WINDOW_BINS = 10
"""Bins of a coincidence window, as far as it can be divided."""
BESIDE = 3
"""Windows in view to either side of the outermost peaks."""
MOST_BINS = 1000
"""Of a lane; narrow windows far from side peaks have fewer bins."""


class LaneDifferences:
    """Counts the arrival differences about the window of one lane.

    Parameters
    ----------
    network : Network
        Gives the window, and how far from it photons of a pair can come.
    lane : Lane
    """

    def __init__(self, network: Network, lane: Lane) -> None:
        self._lane = lane
        self._delay_ps = round(lane.delay_ps)
        self._window_ps = network.topology.protocol.window_ps
        beside_ps = _longest_ps(network, lane) + BESIDE * self._window_ps
        across_ps = 2 * beside_ps + self._window_ps
        self._bin_ps = max(1, self._window_ps // WINDOW_BINS, -(-across_ps // MOST_BINS))
        before = -(-beside_ps // self._bin_ps)
        self._low_ps = self._delay_ps - self._window_ps // 2 - before * self._bin_ps
        self.counter = DifferenceHistogram(
            lane.users,
            low_ps=self._low_ps,
            bin_ps=self._bin_ps,
            bins=2 * before + -(-self._window_ps // self._bin_ps),
        )
        """Who has to be told of the clicks of both users."""

    @property
    def result(self) -> LaneHistogram:
        """What has been counted so far."""
        return LaneHistogram(
            users=self._lane.users,
            channels=self._lane.channels,
            delay_ps=self._delay_ps,
            window_ps=self._window_ps,
            low_ps=self._low_ps,
            bin_ps=self._bin_ps,
            counts=tuple(self.counter.counts.tolist()),
        )


def lane_differences(network: Network) -> tuple[LaneDifferences, ...]:
    """Of all lanes, link by link."""
    lanes = (lane for users in network.links for lane in network.lanes_of(users))
    return tuple(LaneDifferences(network, lane) for lane in lanes)


def _longest_ps(network: Network, lane: Lane) -> int:
    """How far from the central peak a receiver's unequal paths may bring a pair."""
    topology = network.topology
    receivers = (topology.receiver_of(topology.user(user)) for user in lane.users)
    return round(max(receiver.encoding.longest_ps for receiver in receivers))
