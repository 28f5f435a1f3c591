"""The photon level alone: what detectors count, without parties, messages or key.

For whoever studies source and receivers; `netsim.simulation.run` adds everything else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.devices.history import follow_events
from netsim.devices.world import Stage, build_turns, build_world
from netsim.frames import DETECTORS, ClickFrame
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.physics.detector import count_detectors
from netsim.physics.encodings.sifting import Sifting
from netsim.simulation.counters import Counters
from netsim.simulation.scoring import (
    DifferenceHistogram,
    LaneCounts,
    build_scorers,
)
from netsim.topology.network import Lane
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Epoch, Timeline
from netsim.twin.cadence import photon_cadence
from netsim.units import ps_from_s, s_from_ps
from protocols.chsh import Chsh


@dataclass(frozen=True, slots=True, eq=False)
class LaneMatches:
    """Coincidences of one lane.

    Attributes
    ----------
    lane : Lane
    matches : (4, 4) int64
        By detector of the first and the second user.
    sifting : Sifting
        Which of them make bits.
    chsh : Chsh or None
        The Bell test, if the settings make one.
    """

    lane: Lane
    matches: NDArray[np.int64]
    sifting: Sifting
    chsh: Chsh | None = None

    @property
    def counts(self) -> LaneCounts:
        """Sifted and wrong ones among them."""
        return LaneCounts.of_detectors(self.matches, self.sifting)


@dataclass(frozen=True, slots=True, eq=False)
class PhotonCounts:
    """What the detectors counted.

    Attributes
    ----------
    duration_ps : int
        Of light.
    lanes : tuple of LaneMatches
    singles : mapping
        User to (4,) int64: clicks of each detector.
    epochs : tuple of Epoch
        States of the network, for the analytic twin.
    """

    duration_ps: int
    lanes: tuple[LaneMatches, ...]
    singles: Mapping[str, NDArray[np.int64]]
    epochs: tuple[Epoch, ...]

    @property
    def duration_s(self) -> float:
        """Seconds of light."""
        return s_from_ps(self.duration_ps)

    def lane(self, channels: tuple[str, str]) -> LaneMatches:
        """Find the lane of two channels, in any order; KeyError if there is none."""
        for found in self.lanes:
            if set(found.lane.channels) == set(channels):
                return found
        raise KeyError(channels)


def count_photons(
    topology: TopologySpec,
    *,
    duration_s: float | str,
    seed: int,
    histograms: Sequence[DifferenceHistogram] = (),
    progress: Callable[[int], None] | None = None,
) -> PhotonCounts:
    """Simulate light and detectors of ``topology`` and count.

    Parameters
    ----------
    topology : TopologySpec
    duration_s : float or str
        Seconds of light, > 0.
    seed : int
        >= 0; the photons are those of `netsim.simulate` with the same seed.
    histograms : sequence of DifferenceHistogram
        Filled on the way.
    progress : callable, optional
        Called with the simulated picoseconds done, once a frame.
    """
    duration_ps = ps_from_s(duration_s)
    sim, timeline = Simulator(), Timeline(topology, stop_ps=duration_ps)
    network, frame_ps = timeline.network_at(0), photon_cadence(topology).frame_ps
    rng_tree = RngTree(seed)
    turns = build_turns(topology, rng_tree)
    scorers = build_scorers(network, network.topology, turns)
    users = [user.name for user in topology.users]
    counters = Counters(
        users, (*scorers.items(), *((each.users, each) for each in histograms)), turns
    )
    singles = {user: np.zeros(DETECTORS, dtype=np.int64) for user in users}

    def take(user: str, clicks: ClickFrame) -> None:
        count_detectors(clicks.clicks, singles[user])
        counters.add(user, clicks)

    world = build_world(
        Stage(
            sim,
            timeline,
            rng_tree,
            duration_ps=duration_ps,
            frame_ps=frame_ps,
            on_tags=lambda _user, _frame: None,
            on_clicks=take,
            turns=turns,
        )
    )
    finished = world.start()
    sim.process(follow_events(sim, timeline, stop_ps=duration_ps, change=world.change))
    for stop_ps in range(frame_ps, duration_ps, frame_ps):
        sim.run(until=stop_ps + 1)
        if progress is not None:
            progress(stop_ps)
    sim.run(until=finished)
    counters.finish()
    return PhotonCounts(
        duration_ps,
        tuple(
            LaneMatches(lane, matches, scorer.sifting, chsh)
            for scorer in scorers.values()
            for lane, matches, chsh in zip(scorer.lanes, scorer.matches, scorer.chsh, strict=True)
        ),
        singles,
        world.history,
    )
