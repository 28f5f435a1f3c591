"""A link on which nothing stays whole, for as long as one likes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netsim.results.fidelity import Fidelity
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.verify import verify_run

CRASH_S, CUT_S, OUTAGE_S, UNLOCK_S, DARK_S = 420.0, 660.0, 780.0, 900.0, 1200.0
"""Mean time between two crashes of one user, cuts of a fibre, outages of the wire, locks off,
detectors off."""
SHORTEST_S = 2.0
ROUND_S = 5.0
EVENTS = (
    ("bob", CUT_S, "cut", "repair"),
    ("bob", UNLOCK_S, "unlock", "lock"),
    ("alice", DARK_S, "detectors-off", "detectors-on"),
)
"""To whom, mean time between two, what breaks and what mends it."""
BRIGHTNESS = 0.125
"""Of the shipped source, so that an hour takes minutes."""


@dataclass(frozen=True)
class Soaked:
    """What was done to a link, and what it did.

    Attributes
    ----------
    crashes, outages : int
    events : int
        Changes of the network: what breaks and what is mended count one each.
    blocks, failed, unequal, lone, alarms : int
    faults : tuple of str
        What the recheck of the books found.
    """

    crashes: int
    outages: int
    events: int
    blocks: int
    failed: int
    unequal: int
    lone: int
    alarms: int
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether all books agree, and nobody was accused of what chance has done."""
        return not (self.faults or self.unequal or self.lone or self.alarms)


def times_s(rng: np.random.Generator, mean_s: float, stop_s: float) -> list[tuple[float, float]]:
    """Beginning and end of disturbances at random, none within another."""
    found, at_s = [], 0.0
    while (start_s := at_s + 60.0 + rng.exponential(mean_s)) < stop_s - 120.0:
        at_s = start_s + SHORTEST_S + rng.exponential(15.0)
        found.append((start_s, at_s))
    return found


def disturbed(duration_s: float, seed: int) -> TopologySpec:
    """Two users with bad clocks and a bad wire, phases that wander, and what happens to them."""
    rng = np.random.default_rng(seed)
    plain = load_topology("two_user", overrides=(f"protocol.round_s={ROUND_S}", "frame_s=0.1"))
    values: dict[str, Any] = plain.model_dump(mode="json")
    values["qnsp"]["source"]["brightness_hz_per_mw2"] *= BRIGHTNESS
    values["receivers"]["bench"]["clock"]["allan_deviation_1s"] = 1e-9
    values["receivers"]["bench"]["x"]["drift"] = {
        "walk_rad_per_sqrt_s": 0.2,
        "integral_per_s": 20.0,
    }
    values["classical"] |= {
        "loss_probability": 0.02,
        "duplication_probability": 0.01,
        "reordering_probability": 0.02,
        "reordering_delay_ps": 5_000_000_000,
        "outages": [
            {"start_s": start_s, "stop_s": stop_s}
            for start_s, stop_s in times_s(rng, OUTAGE_S, duration_s)
        ],
    }
    values["crashes"] = [
        {"user": user, "stop_s": start_s, "start_s": stop_s}
        for user in ("alice", "bob")
        for start_s, stop_s in times_s(rng, CRASH_S, duration_s)
    ]
    values["events"] = [
        {"time_s": time_s, "kind": kind, "user": user}
        for user, mean_s, begins, ends in EVENTS
        for span in times_s(rng, mean_s, duration_s)
        for time_s, kind in zip(span, (begins, ends), strict=True)
    ]
    return TopologySpec.model_validate(values)


def soak(directory: Path, duration_s: float, seed: int, fidelity: Fidelity) -> Soaked:
    """One link for so long, and what it leaves in ``directory``."""
    topology = disturbed(duration_s, seed)
    run = simulate(topology, duration_s=duration_s, seed=seed, fidelity=fidelity, out=directory)
    (link,) = run.links
    return Soaked(
        crashes=len(topology.crashes),
        outages=len(topology.classical.outages),
        events=len(topology.events),
        blocks=link.counts.blocks,
        failed=link.counts.blocks_failed,
        unequal=link.pools.unequal,
        lone=link.pools.lone,
        alarms=link.counts.alarms,
        faults=tuple(map(str, verify_run(directory))),
    )
