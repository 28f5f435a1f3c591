"""Phases that wander: what a lock leaves, and what its loss does to light and key."""

import math

import pytest

import netsim
from netsim.errors import ConfigError
from netsim.kernel.trace import MemorySink
from netsim.simulation.photons import count_photons
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict_epochs
from tests.support.slow import slow_but

WALK = 0.5
GAIN_PER_S = 5.0
STEP_S = 0.01


def drifting(*overrides: str, walk: float = WALK) -> TopologySpec:
    """Two users all of whose phases wander."""
    drift = f"drift={{walk_rad_per_sqrt_s={walk}, integral_per_s={GAIN_PER_S}}}"
    return netsim.load_topology(
        "two_user",
        overrides=[
            f"receivers.bench.z={{delay_ps=10000, phase_rad=0.0, {drift}}}",
            f"receivers.bench.x={{delay_ps=10000, phase_rad={math.pi / 2}, {drift}}}",
            *overrides,
        ],
    )


def locked_variance(walk: float) -> float:
    """Of an integral lock: white steps through 1 - (1 - i dt) z^-1."""
    return walk**2 * STEP_S / (1 - (1 - GAIN_PER_S * STEP_S) ** 2)


@pytest.mark.slow
def test_a_lock_leaves_what_the_twin_says() -> None:
    """QBER of a locked run, four phases in two bases, and of the twin: V exp(-variance)."""
    topology = drifting()
    plain = predict_epochs(tuple(Timeline(netsim.load_topology("two_user"), stop_ps=1).epochs()))
    twin = predict_epochs(tuple(Timeline(topology, stop_ps=1).epochs()))
    expected = plain.lanes[0].visibility * math.exp(-locked_variance(WALK))
    assert twin.lanes[0].visibility == pytest.approx(expected, rel=1e-6)
    light_s = 16.0
    counts = count_photons(topology, duration_s=light_s, seed=1).lanes[0].counts
    found = 1 - 2 * counts.errors / counts.sifted_bits
    # Four phases forget in 1 / (2 gain); their squares scatter as those of so many normal numbers.
    numbers = 4 * light_s * GAIN_PER_S
    scatter = expected * 2 * locked_variance(WALK) / 2 * math.sqrt(2 / numbers) * math.sqrt(2)
    sigma = math.hypot(scatter, 1 / math.sqrt(counts.sifted_bits))
    assert abs(found - expected) < 4 * sigma


def test_the_mean_of_a_time_without_lock() -> None:
    """The twin averages exp(-walk^2 t / 2) of one user's phases over the time it is free."""
    topology = drifting('events=[{time_s=100.0, kind="unlock", user="bob"}]')
    held = predict_epochs(tuple(Timeline(topology, stop_ps=100 * 10**12).epochs())).lanes[0]
    both = predict_epochs(tuple(Timeline(topology, stop_ps=160 * 10**12).epochs())).lanes[0]
    rate = WALK**2 / 2
    mean = (1 - math.exp(-rate * 60)) / (rate * 60)
    expected = held.visibility * (100 + 60 * mean) / 160
    assert both.visibility == pytest.approx(expected, rel=2e-3)
    assert both.sifted_hz == pytest.approx(held.sifted_hz, rel=1e-9)


@pytest.mark.parametrize("level", slow_but(("coincidence",), ("photon", "coincidence", "rate")))
def test_key_goes_with_the_lock_and_comes_back(level: str) -> None:
    """Rounds of two seconds: none with key after the lock is off for a while, all when it is on."""
    events = (
        'events=[{time_s=6.0, kind="unlock", user="bob"}, {time_s=16.0, kind="lock", user="bob"}]'
    )
    # So fast a walk that a round without lock has no fringe, so good a lock that others have.
    sink = MemorySink()
    gain = "receivers.bench.{}.drift.integral_per_s=50.0"
    topology = drifting(events, "protocol.round_s=2", gain.format("z"), gain.format("x"), walk=1.0)
    run = netsim.simulate(topology, duration_s=24.0, seed=1, fidelity=level, sink=sink)
    usable = [
        line["block"]
        for line in sink.events
        if line["event"] == "block_usable" and line["end"] == "alice"
    ]
    changes = [line["change"] for line in sink.events if line["event"] == "network_changed"]
    assert changes == ["unlock", "lock"]
    assert usable[:2] == [0, 1]
    assert not {4, 5, 6, 7} & set(usable)
    assert len([number for number in usable if number >= 8]) >= 2
    assert run.links[0].counts.blocks_failed >= 4
    assert run.links[0].pools.unequal == 0


def test_no_lock_is_refused() -> None:
    """A gain that overshoots, a walk too fast for it."""
    with pytest.raises(ConfigError, match="it is no lock"):
        drifting(walk=20.0)


@pytest.mark.slow
def test_ten_minutes_without_lock() -> None:
    """Half a turn in a minute: no key from some rounds on, all rounds when the lock is on again."""
    events = (
        'events=[{time_s=120, kind="unlock", user="bob"}, {time_s=720, kind="lock", user="bob"}]'
    )
    sink = MemorySink()
    topology = drifting(events, "protocol.round_s=30", walk=0.05)
    run = netsim.simulate(topology, duration_s=900.0, seed=1, fidelity="coincidence", sink=sink)
    usable = {
        line["block"]: line["qber"]
        for line in sink.events
        if line["event"] == "block_usable" and line["end"] == "alice"
    }
    assert set(range(4)) | set(range(24, 30)) <= usable.keys()
    # Both bases of one user: after 100 s the phase is off by half a radian in the mean.
    assert not set(range(10, 24)) & usable.keys()
    # The lock needs some 1 / gain, 0.2 s of the 30 s; half of that time is lost at most.
    assert max(usable[24] - usable[0], 0.0) < 0.5 * 0.5 / GAIN_PER_S / 30 * 3
    assert run.links[0].pools.unequal == 0
