"""The optical network changes during a run: links notice, rounds end cleanly, pools stay equal."""

import json
import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netsim.kernel.trace import MemorySink
from netsim.run import Simulation, simulate
from netsim.topology.load import load_topology
from netsim.units import ps_from_s
from netsim.verify import verify_run

RELOCK_S = 5.0
"""After light has come back, a link finds its clocks again within this time."""


@dataclass(frozen=True)
class Found:
    """What a run left."""

    events: list[dict[str, Any]]
    pools_equal: bool
    are_done: bool
    deposits: list[int]

    def times_s(self, name: str) -> list[float]:
        """When an event happened."""
        return [event["time_ps"] / 1e12 for event in self.events if event["event"] == name]


def run(topology: str, seed: int, duration_s: float, *overrides: str) -> Found:
    """Simulate with parties; traces in memory."""
    sink = MemorySink()
    with ExitStack() as stack:
        simulation = Simulation(
            load_topology(topology, overrides=overrides),
            duration_ps=ps_from_s(duration_s),
            seed=seed,
            sink=sink,
            stack=stack,
        )
        simulation.run()
        result = simulation.result(wall_s=1.0)
        links = {link for link, _ in simulation.pools}
        equal = all(
            simulation.pools[link, link.split("-")[0]].fingerprint()
            == simulation.pools[link, link.split("-")[1]].fingerprint()
            for link in links
        )
        return Found(
            [json.loads(line) for line in sink.lines],
            equal,
            simulation.parties.are_done,
            [link.deposited_bits for link in result.links],
        )


def cut_and_repair(seed: int, duration_s: float) -> Found:
    """Bob's fibre is cut and repaired at random times."""
    rng = random.Random(seed)
    cut_s = rng.uniform(3.0, 0.5 * duration_s)
    repair_s = cut_s + rng.uniform(0.5, 0.3 * duration_s)
    events = (
        f'[{{time_s={cut_s}, kind="cut", user="bob"}},'
        f'{{time_s={repair_s}, kind="repair", user="bob"}}]'
    )
    found = run("two_user", seed, duration_s, "protocol.round_s=5", f"events={events}")
    assert found.pools_equal
    assert found.are_done
    lost_s, locks_s = found.times_s("lock_lost"), found.times_s("link_locked")
    if lost_s:
        # Locked in the beginning, lost once, found again in time.
        assert len(lost_s) == 1
        assert cut_s < lost_s[0] < cut_s + 5.0
        assert len(locks_s) == 2
        assert locks_s[1] - max(repair_s, lost_s[0]) < RELOCK_S
    else:
        # Too short to notice.
        assert repair_s - cut_s < 5.0
    assert found.deposits[0] > 0
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_cut_and_repair(seed: int) -> None:
    """Equal pools, all books closed, resynchronised within 5 s after light returns."""
    cut_and_repair(seed, 20.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_cut_and_repair_at_random_times(seed: int) -> None:
    """The same over 60 s, twenty seeds."""
    cut_and_repair(seed, 60.0)


EVENTS = """[
  {time_s = 4.0, kind = "cut", user = "bob"},
  {time_s = 8.0, kind = "power", power_mw = 0.3},
  {time_s = 10.0, kind = "repair", user = "bob"},
  {time_s = 14.0, kind = "deliver", channel = "C54", users = ["alice"]},
  {time_s = 16.0, kind = "attenuate", user = "dave", extra_loss_db = 1.0},
  {time_s = 18.0, kind = "leave", user = "charlie"},
  {time_s = 24.0, kind = "join", user = "charlie"},
  {time_s = 26.0, kind = "deliver", channel = "C54", users = ["charlie"]}
]"""


def test_every_kind_of_event_in_one_network(tmp_path: Path) -> None:
    """Four users through all of it: books in order, both ends of every pool equal."""
    events = " ".join(EVENTS.split())
    topology = load_topology(
        "fan2025_four_user", overrides=["protocol.round_s=5", f"events={events}"]
    )
    found = simulate(topology, duration_s=40, seed=3, out=tmp_path)
    assert verify_run(tmp_path) == ()
    assert all(link.deposited_bits > 0 for link in found.links)
    names = [
        json.loads(line)["event"]
        for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert names.count("network_changed") == 8
    assert names.count("process_stopped") == names.count("process_started") == 1
    assert names.count("link_closed") == 2 * len(found.links)


def test_user_who_joins_late() -> None:
    """Dave is absent at first; once there, all his links make key with equal ends."""
    found = run(
        "fan2025_four_user",
        4,
        30.0,
        "protocol.round_s=5",
        "users.dave.is_present=false",
        'events=[{time_s=6.0, kind="join", user="dave"}]',
    )
    assert found.pools_equal
    assert found.are_done
    assert all(bits > 0 for bits in found.deposits)
    started = [e for e in found.events if e["event"] == "process_started"]
    assert [(e["end"], e["time_ps"]) for e in started] == [("dave", 6_000_000_000_000)]
