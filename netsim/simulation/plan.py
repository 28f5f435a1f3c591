"""What follows from a request alone, before anything is built: states of the network, and depth."""

from netsim.devices.world import OnClicks, OnTags, Stage, build_turns
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.simulation.counting import ClickCounting
from netsim.simulation.depths import depth_of
from netsim.simulation.request import RunRequest
from netsim.topology.timeline import Timeline
from netsim.twin.outlook import Outlook
from netsim.twin.prediction import Memory


class RunPlan:
    """What is worked out of a request before anything starts; the same in every process.

    Parameters
    ----------
    request : RunRequest

    Attributes
    ----------
    timeline, network : Timeline, Network
        All states of the optical network, and the first one.
    known : Memory
        Predictions so far.
    outlook : Outlook
        What links agree on beforehand.
    depth : Depth
        How the light is made.
    rng_tree : RngTree
    turns : dict
        User to frames in which its analysers are turned.

    Raises
    ------
    ConfigError
        There is more light than that depth can draw.
    """

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self.timeline = Timeline(request.topology, stop_ps=request.duration_ps)
        self.network = self.timeline.network_at(0)
        self.known: Memory = {}
        self.outlook = Outlook(tuple(self.timeline.epochs()), self.known)
        self.depth = depth_of(request, self.timeline, self.outlook.mean)
        self.rng_tree = RngTree(request.seed)
        self.turns = build_turns(request.topology, self.rng_tree)

    def counting(self) -> ClickCounting:
        """Build what counts the clicks, once."""
        return ClickCounting(
            self.network, self.depth.hardware, self.turns, histograms=self._request.histograms
        )

    def stage(self, sim: Simulator, on_tags: OnTags, on_clicks: OnClicks) -> Stage:
        """Where the light is made, once."""
        return Stage(
            sim,
            self.timeline,
            self.rng_tree,
            duration_ps=self._request.duration_ps,
            frame_ps=self.depth.frame_ps,
            on_tags=on_tags,
            on_clicks=on_clicks,
            turns=self.turns,
        )
