"""The optical network changes during a run; links, with photons and all, notice by themselves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netsim
from netsim.results.run import Run
from netsim.verify import verify_run

MAX_RESYNC_S = 5.0
"""After light returns."""
USERS = ("alice", "bob", "charlie", "dave")
TRAVEL_S = 0.06
"""A frame, and light in a fibre."""


@dataclass(frozen=True)
class Cut:
    """A user's fibre is cut and mended."""

    user: str
    cut_s: float
    repair_s: float

    @property
    def events(self) -> str:
        """As an override of the topology."""
        return (
            f'events=[{{time_s={self.cut_s:.3f}, kind="cut", user="{self.user}"}},'
            f'{{time_s={self.repair_s:.3f}, kind="repair", user="{self.user}"}}]'
        )


def random_cut(seed: int, duration_s: float) -> Cut:
    """Any user, from 2 s on, for 0.2 s to half the run, and light for the last 8 s."""
    rng = np.random.default_rng([6, seed])
    cut_s = rng.uniform(2.0, duration_s / 2)
    repair_s = min(cut_s + 10 ** rng.uniform(-0.7, np.log10(duration_s / 2)), duration_s - 8.0)
    return Cut(str(rng.choice(USERS)), float(cut_s), float(repair_s))


def play(
    out: Path, cut: Cut, *, duration_s: float, round_s: float, seed: int, topology: str
) -> tuple[Run, list[dict[str, Any]]]:
    """Run the network with the cut; result and trace."""
    loaded = netsim.load_topology(topology, overrides=[cut.events, f"protocol.round_s={round_s}"])
    run = netsim.simulate(loaded, duration_s=duration_s, seed=seed, out=out)
    lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return run, [json.loads(line) for line in lines]


def check(out: Path, cut: Cut, run: Run, trace: list[dict[str, Any]]) -> float:
    """Books and pools in order, every dark link lost and found in time; the slowest, in s."""
    assert verify_run(out) == ()
    slowest_s = 0.0
    for link in run.links:
        assert link.pools.unequal == link.pools.lone == 0
        found = [
            (line["event"], line["time_ps"] / 1e12)
            for line in trace
            if line.get("link") == "-".join(link.users)
            and line["event"] in {"link_locked", "lock_lost"}
        ]
        if cut.user not in link.users:
            assert [name for name, _ in found] == ["link_locked"], link.users
            continue
        names = [name for name, _ in found]
        assert names in (["link_locked"], ["link_locked", "lock_lost", "link_locked"])
        if len(found) == 3:
            assert cut.cut_s < found[1][1]
            slowest_s = max(slowest_s, found[2][1] - cut.repair_s)
        ends = [line for line in trace if line["event"] == "link_closed"]
        assert len(ends) == 2 * len(run.links)
    assert slowest_s < MAX_RESYNC_S
    return slowest_s


@pytest.mark.slow
def test_fibre_cut_and_repaired(tmp_path: Path) -> None:
    """Twelve seconds of two users, dark from 3.2 to 6.3 s: lost, found, key before and after."""
    cut = Cut("bob", 3.2, 6.3)
    run, trace = play(tmp_path, cut, duration_s=12, round_s=2, seed=1, topology="two_user")
    check(tmp_path, cut, run, trace)
    keyed = [line["block"] for line in trace if line["event"] == "block_usable"]
    assert {0, 5} <= set(keyed)
    assert [line["event"] for line in trace if line["event"] == "alarm"] == []


@pytest.mark.slow
def test_process_that_returns_finds_a_clock_that_has_run_away(tmp_path: Path) -> None:
    """Clocks set alike to 20 ns drift by 0.9 ppm: after 6 s they are 5.4 us apart, and are found.

    The process that returns knows nothing but the topology's bounds.
    """
    bounds = "offset_bound_ps=10000, rate_bound_ppm=0.5, allan_deviation_1s=5e-11"
    overrides = [
        f"users.alice.clock={{{bounds}, rate_ppm=-0.45}}",
        f"users.bob.clock={{{bounds}, rate_ppm=0.45}}",
        'crashes=[{user="bob", stop_s=6.0, start_s=6.3}]',
        "protocol.round_s=2",
    ]
    topology = netsim.load_topology("two_user", overrides=overrides)
    run = netsim.simulate(topology, duration_s=12, seed=2, out=tmp_path)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    locks = [
        line["time_ps"] / 1e12 for line in map(json.loads, lines) if line["event"] == "link_locked"
    ]
    assert len(locks) == 2
    assert 6.3 < locks[1] < 10.0
    assert run.links[0].counts.deposited_bits > 0
    assert verify_run(tmp_path) == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_fibres_cut_at_random_times(tmp_path: Path, seed: int) -> None:
    """Twenty cuts in 60 s of the four-user network: equal pools, whole books, found within 5 s."""
    cut = random_cut(seed, 60.0)
    run, trace = play(
        tmp_path, cut, duration_s=60, round_s=10, seed=seed, topology="fan2025_four_user"
    )
    slowest_s = check(tmp_path, cut, run, trace)
    print(f"{cut} resynchronised after {slowest_s:.2f} s")  # noqa: T201 - shown with -s


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


@pytest.mark.slow
def test_every_kind_of_event_in_one_network(tmp_path: Path) -> None:
    """Four users through all of it: books in order, both ends of every pool equal."""
    events = " ".join(EVENTS.split())
    topology = netsim.load_topology(
        "fan2025_four_user", overrides=["protocol.round_s=5", f"events={events}"]
    )
    found = netsim.simulate(topology, duration_s=40, seed=3, out=tmp_path)
    assert verify_run(tmp_path) == ()
    assert all(link.pools.equal > link.pools.unequal == 0 for link in found.links)
    names = [
        json.loads(line)["event"]
        for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert names.count("network_changed") == 8
    assert names.count("process_stopped") == names.count("process_started") == 1
    assert names.count("link_closed") == 2 * len(found.links)


@pytest.mark.slow
def test_user_who_joins_late(tmp_path: Path) -> None:
    """Dave is absent at first; once there, all his links make key with equal ends."""
    topology = netsim.load_topology(
        "fan2025_four_user",
        overrides=[
            "protocol.round_s=5",
            "users.dave.is_present=false",
            'events=[{time_s=6.0, kind="join", user="dave"}]',
        ],
    )
    found = netsim.simulate(topology, duration_s=30, seed=4, out=tmp_path)
    assert verify_run(tmp_path) == ()
    assert all(link.pools.equal > link.pools.unequal == 0 for link in found.links)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    started = [e for e in map(json.loads, lines) if e["event"] == "process_started"]
    assert [(e["end"], e["time_ps"]) for e in started] == [("dave", 6_000_000_000_000)]
