"""Whatever the wire does to datagrams, the key is the same as without, only later."""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from netsim.kernel.trace import MemorySink
from netsim.simulation.request import RunRequest
from netsim.simulation.simulation import Simulation
from netsim.taps.kinds import tap_maker
from netsim.taps.tap import TapPlan
from netsim.topology.load import topology_from_mapping
from netsim.topology.shipped import shipped_bytes
from netsim.units import PS_PER_S

DURATION_S = 16
FAULTS: dict[str, Any] = {
    "loss_probability": 0.05,
    "duplication_probability": 0.02,
    "reordering_probability": 0.05,
    "reordering_delay_ps": 50_000_000_000,
    "jitter_ps": 20_000_000_000,
    "outages": [{"start_s": 5.0, "stop_s": 15.0}],
}
"""Loss 5 %, duplication 2 %, reordering by 50 ms, 20 ms jitter, an outage of 10 s."""


@dataclass(frozen=True)
class Found:
    """What is left of a run: pools by end, when it closed, bytes on the wire, trace."""

    pools: dict[str, str]
    blocks: list[int]
    closed_s: float
    wire_bytes: int
    lines: tuple[str, ...]


def run(seed: int, classical: dict[str, Any], taps: tuple[TapPlan, ...] = ()) -> Found:
    """Simulate the two-user network, rounds of 4 s."""
    raw = tomllib.loads(shipped_bytes("two_user").decode())
    raw["protocol"]["round_s"] = 4.0
    raw["classical"].update(classical)
    sink = MemorySink()
    request = RunRequest(
        topology=topology_from_mapping(raw),
        duration_ps=DURATION_S * PS_PER_S,
        seed=seed,
        sink=sink,
        taps=taps,
    )
    with Simulation(request) as simulation:
        simulation.run()
        assert simulation.parties.are_done
        drivers = [end.driver for end in simulation.parties.links[0].ends]
        pools = {end: pool.fingerprint() for (_, end), pool in simulation.pools.items()}
        blocks = next(iter(simulation.pools.values())).blocks()
        return Found(
            pools,
            [block.round for block in blocks],
            json.loads(sink.lines[-1])["time_ps"] / 1e12,
            sum(driver.wire.bytes for driver in drivers),
            tuple(sink.lines),
        )


@cache
def sound(seed: int) -> Found:
    """The same run on a sound channel."""
    return run(seed, {})


@cache
def faulty(seed: int) -> Found:
    """The same run with all faults at once."""
    return run(seed, FAULTS)


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8)]
)
def test_same_key_on_a_faulty_channel_only_later(seed: int) -> None:
    """All faults at once: both pools are those of the sound channel, and more bytes flew."""
    found = faulty(seed)
    assert found.blocks == [0, 1, 2, 3]
    assert found.pools == sound(seed).pools
    assert len(set(found.pools.values())) == 1
    assert found.closed_s > sound(seed).closed_s + 1
    assert not [line for line in found.lines if json.loads(line)["event"] == "alarm"]
    assert found.wire_bytes > sound(seed).wire_bytes


@pytest.mark.slow
def test_faults_repeat_with_the_seed() -> None:
    """Two runs on a faulty channel write the same trace, byte by byte."""
    assert run(1, FAULTS).lines == faulty(1).lines


@pytest.mark.slow
def test_slow_channel_gives_the_same_key() -> None:
    """At 2 Mbit/s for five seconds the link falls behind and catches up."""
    changes = [
        {"time_s": 3.0, "bandwidth_bps": 2e6},
        {"time_s": 8.0, "bandwidth_bps": 1e9, "link": "alice-bob"},
    ]
    assert run(1, {"bandwidth_changes": changes}).pools == sound(1).pools


@pytest.mark.slow
def test_passing_tap_changes_nothing() -> None:
    """With somebody who only looks, the trace is the same, byte by byte."""
    assert run(1, {}, (TapPlan(tap_maker("pass")),)).lines == sound(1).lines


def test_healed_link_goes_on() -> None:
    """A mixture of all attacks costs its rounds and maybe the next; then there is key again."""
    make = tap_maker("mixture", probability=0.02)
    found = run(1, {}, (TapPlan(make, start_ps=3 * PS_PER_S, stop_ps=7 * PS_PER_S),))
    assert len(set(found.pools.values())) == 1
    assert set(found.blocks) < {0, 1, 2, 3}
    assert 3 in found.blocks
