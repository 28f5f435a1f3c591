"""Fibres that turn polarisations: the walk, its mean in the twin, and who aligns it again."""

import math

import numpy as np
import pytest

import netsim
from netsim.board.bench import pair_link
from netsim.errors import ConfigError
from netsim.kernel.trace import MemorySink
from netsim.physics.encodings.rotation import WanderingRotation
from netsim.physics.encodings.stepped import STEP_PS
from netsim.simulation.photons import count_photons
from netsim.topology.controller import RealignSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict_epochs

VISIBILITY = 0.86
"""7 % of errors, as Neumann 2022 has after an alignment."""
EDGE_RAD = math.acos((1 - 2 * 0.09) / VISIBILITY)
"""At 9 % it is aligned again."""


def turning(walk: float, **changes: object) -> TopologySpec:
    """A link of which Bob's fibre turns."""
    topology = pair_link("turning", pairs_hz=4e3, visibility=VISIBILITY, frame_s=0.1, round_s=1.0)
    alice, bob = topology.users
    fibre = bob.fibre.model_copy(update={"rotation_walk_rad_per_sqrt_s": walk})
    users = (alice, bob.model_copy(update={"fibre": fibre}))
    return topology.model_copy(update={"users": users, **changes})


@pytest.mark.slow
def test_time_between_alignments() -> None:
    """As often as a walk meets an edge on either side: a^2 / walk^2, and its scatter."""
    walk = 0.2
    alignments, counts = 0, []
    rotation = WanderingRotation(
        np.random.default_rng(1), walk, lambda start, _stop: [(start, alignments)]
    )
    last = 0
    for step in range(1, 80_000):
        if abs(rotation(step * STEP_PS)) > EDGE_RAD:
            alignments += 1
            counts.append(step - last)
            last = step
    times_s = np.array(counts) * 0.01
    # A walk by steps oversteps an edge by 0.5826 of a step in the mean (Siegmund 1979).
    edge = EDGE_RAD + 0.5826 * walk * 0.1
    expected = edge**2 / walk**2
    sigma = math.sqrt(2 / 3) * expected / math.sqrt(times_s.size)
    assert times_s.size > 200
    assert abs(times_s.mean() - expected) < 4 * sigma
    # Both moments of the exit: the scatter is sqrt(2/3) of the mean.
    assert times_s.std() / times_s.mean() == pytest.approx(math.sqrt(2 / 3), rel=0.25)


@pytest.mark.slow
def test_the_walk_is_white_frequency() -> None:
    """Allan variance walk^2 / tau of the phase without alignments, at three times."""
    walk = 0.3
    rotation = WanderingRotation(np.random.default_rng(2), walk, lambda start, _stop: [(start, 0)])
    phases = np.array([rotation(step * STEP_PS) for step in range(60_000)])
    for steps in (10, 50, 200):
        tau_s = 0.01 * steps
        ends = phases[::steps]
        second = ends[2:] - 2 * ends[1:-1] + ends[:-2]
        variance = np.mean(second**2) / (2 * tau_s**2)
        scatter = math.sqrt(2 * 1.5 / second.size)
        assert abs(variance * tau_s / walk**2 - 1) < 4 * scatter


@pytest.mark.slow
def test_the_twin_has_the_mean() -> None:
    """V exp(-walk^2 t / 2) from each alignment on, averaged; ten runs scatter about it."""
    walk, light_s = 0.3, 8.0
    event = {"kind": "realign", "user": "bob", "time_s": 4.0}
    topology = turning(walk)
    topology = TopologySpec.model_validate(
        {**topology.model_dump(), "events": (event,), "users": topology.model_dump()["users"]}
    )
    (lane,) = predict_epochs(tuple(Timeline(topology, stop_ps=8 * 10**12).epochs())).lanes
    rate = walk**2 / 2
    mean = (1 - math.exp(-rate * 4)) / (rate * 4)
    still = predict_epochs(tuple(Timeline(turning(0.0), stop_ps=8 * 10**12).epochs())).lanes[0]
    assert lane.visibility == pytest.approx(still.visibility * mean, rel=2e-3)
    found = []
    for seed in range(10):
        counts = count_photons(topology, duration_s=light_s, seed=seed).lanes[0].counts
        found.append(1 - 2 * counts.errors / counts.sifted_bits)
    sigma = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - lane.visibility) < 4 * sigma


@pytest.mark.slow
def test_aligned_when_errors_are_too_many() -> None:
    """A controller keeps a link at work whose fibre would turn it away in a few rounds."""
    walk, light_s, sink = 0.15, 60.0, MemorySink()
    topology = turning(walk, controller=RealignSpec(kind="realign", qber=0.09))
    run = netsim.simulate(topology, duration_s=light_s, seed=1, sink=sink)
    free = netsim.simulate(turning(walk), duration_s=light_s, seed=1)
    (lane,), (lost,) = run.lanes, free.lanes
    assert lane.qber is not None
    assert lost.qber is not None
    assert lane.qber < 0.12 < lost.qber
    assert run.links[0].counts.deposited_bits > 2 * free.links[0].counts.deposited_bits
    aligned = [line for line in sink.events if line["event"] == "network_changed"]
    # Rounds of a second see the edge late; both users are aligned at once.
    assert {line["change"] for line in aligned} == {"realign"}
    assert 2 <= len(aligned) / 2 <= light_s / 2


def test_what_is_refused() -> None:
    """Receivers that read no polarisation."""
    with pytest.raises(ConfigError, match="which it does not turn"):
        netsim.load_topology(
            "two_user", overrides=["users.1.fibre.rotation_walk_rad_per_sqrt_s=0.1"]
        )
