"""Runs of the photon level alone."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.devices.history import follow_events
from netsim.devices.world import Stage, World, build_world
from netsim.frames import ClickFrame
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.units import ps_from_s
from protocols.tags import TagFrame


@dataclass(eq=False)
class PhotonRun:
    """All that a run of the photon level put out."""

    network: Network
    sim: Simulator
    world: World
    duration_s: float
    tags: dict[str, list[TagFrame]] = field(default_factory=dict)
    clicks: dict[str, list[ClickFrame]] = field(default_factory=dict)

    def all_clicks(self, user: str) -> NDArray[np.int64]:
        """All packed clicks of a user."""
        return np.concatenate([frame.clicks for frame in self.clicks[user]])

    def all_tags(self, user: str) -> NDArray[np.int64]:
        """All packed tags of a user."""
        return np.concatenate([frame.tags for frame in self.tags[user]])


def run_photons(
    topology: TopologySpec,
    *,
    duration_s: float,
    seed: int = 1,
    on_clicks: Callable[[str, ClickFrame], None] | None = None,
    on_tags: Callable[[str, TagFrame], None] | None = None,
) -> PhotonRun:
    """Run the photon level; all tags and clicks are kept, unless a callback takes them."""
    sim, duration_ps = Simulator(), ps_from_s(duration_s)
    timeline = Timeline(topology, stop_ps=duration_ps)
    tags: dict[str, list[TagFrame]] = {user.name: [] for user in topology.users}
    clicks: dict[str, list[ClickFrame]] = {user.name: [] for user in topology.users}
    world = build_world(
        Stage(
            sim,
            timeline,
            RngTree(seed),
            duration_ps=duration_ps,
            frame_ps=ps_from_s(topology.grid_s),
            on_tags=on_tags or (lambda user, frame: tags[user].append(frame)),
            on_clicks=on_clicks or (lambda user, frame: clicks[user].append(frame)),
        )
    )
    finished = world.start()
    sim.process(follow_events(sim, timeline, stop_ps=duration_ps, change=world.change))
    sim.run(until=finished)
    return PhotonRun(timeline.network_at(0), sim, world, duration_s, tags, clicks)
