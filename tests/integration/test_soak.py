"""Hours of a link on which nothing stays whole; in the end all books agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.verify import verify_run

CRASH_S, CUT_S, OUTAGE_S = 420.0, 660.0, 780.0
"""Mean time between two crashes of one user, cuts of a fibre, outages of the wire."""
SHORTEST_S = 2.0


def times_s(rng: np.random.Generator, mean_s: float, stop_s: float) -> list[tuple[float, float]]:
    """Beginning and end of disturbances at random, none within another."""
    found, at_s = [], 0.0
    while (start_s := at_s + 60.0 + rng.exponential(mean_s)) < stop_s - 120.0:
        at_s = start_s + SHORTEST_S + rng.exponential(15.0)
        found.append((start_s, at_s))
    return found


def disturbed(duration_s: float, seed: int) -> TopologySpec:
    """Two users with a dim source, bad clocks and a bad wire, and what happens to them."""
    rng = np.random.default_rng(seed)
    plain = load_topology("two_user", overrides=("protocol.round_s=5", "frame_s=0.1"))
    values: dict[str, Any] = plain.model_dump(mode="json")
    values["qnsp"]["source"]["brightness_hz_per_mw2"] /= 8.0
    values["receivers"]["bench"]["clock"]["allan_deviation_1s"] = 1e-9
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
        {"time_s": time_s, "kind": kind, "user": "bob"}
        for cut in times_s(rng, CUT_S, duration_s)
        for time_s, kind in zip(cut, ("cut", "repair"), strict=True)
    ]
    return TopologySpec.model_validate(values)


def soak(directory: Path, duration_s: float, seed: int) -> None:
    """One link for so long; two thirds of its rounds have key, and what it leaves agrees."""
    run = simulate(disturbed(duration_s, seed), duration_s=duration_s, seed=seed, out=directory)
    (link,) = run.links
    assert verify_run(directory) == ()
    assert (link.pools.unequal, link.pools.lone, link.counts.alarms) == (0, 0, 0)
    made = link.counts.blocks - link.counts.blocks_failed
    assert made > 2 * duration_s / 5 / 3


@pytest.mark.slow
def test_an_hour_of_everything(tmp_path: Path) -> None:
    """Crashes of both users, cuts, outages, losses and clocks that wander, for 720 rounds."""
    soak(tmp_path, 3600.0, 7)
