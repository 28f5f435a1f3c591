"""What is asked of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netsim.devices.world import WorldBuilder, build_world
from netsim.kernel.trace import TraceSink
from netsim.pools.ledger import MovementSink
from netsim.results.fidelity import Fidelity
from netsim.simulation.control import Controller
from netsim.taps.tap import TapPlan
from netsim.topology.specs import TopologySpec


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RunRequest:
    """What is asked of a run.

    Attributes
    ----------
    topology, seed, out, save_tags, histograms, sink, movements, taps, controller, build, workers
        See `netsim.simulation.run.simulate`.
    duration_ps : int
        Light, >= 1.
    fidelity : Fidelity
        How deep is simulated.
    """

    topology: TopologySpec
    duration_ps: int
    seed: int
    out: Path | None = None
    save_tags: bool = False
    histograms: bool = False
    sink: TraceSink | None = None
    movements: MovementSink | None = None
    taps: Sequence[TapPlan] = ()
    controller: Controller | None = None
    build: WorldBuilder = build_world
    fidelity: Fidelity = Fidelity.PHOTON
    workers: int = 1

    @property
    def has_light_elsewhere(self) -> bool:
        """Whether the light is made in a process of its own: nothing may act upon it here."""
        acted_upon = is_light_acted_upon(self.topology) or self.controller is not None
        return self.workers > 1 and not acted_upon and self.build is build_world


def is_light_acted_upon(topology: TopologySpec) -> bool:
    """Whether somebody in the network acts upon its light in the course of a run."""
    return bool(topology.observers) or topology.controller is not None
