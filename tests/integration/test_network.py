"""The whole network, photons in and key pools out: pools, books, events; what must not matter."""

import base64
import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from netsim.kernel.trace import MemorySink
from netsim.pools.audit import check_balance
from netsim.pools.key import KeyBlock
from netsim.pools.ledger import Account, Movement, balances
from netsim.results.run import Run
from netsim.simulation.request import RunRequest
from netsim.simulation.run import simulate
from netsim.simulation.simulation import Simulation
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s
from protocols.bits import unpack_bits
from protocols.pads import BITS_PER_INDEX
from tests.support.bounds import assert_same_mean

ROOT = Path(__file__).parents[2]
STRONG = ("alice-bob", "alice-dave", "charlie-dave")
"""Links that make key within rounds of four seconds."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What is left of a simulation that has come to its end; pools by link and end."""

    run: Run
    events: list[dict[str, object]]
    movements: list[Movement]
    pools: dict[tuple[str, str], tuple[KeyBlock, ...]]
    fingerprints: dict[tuple[str, str], str]

    def ends_of(self, link: str) -> list[str]:
        """Names of both ends."""
        return [end for name, end in self.pools if name == link]

    @property
    def links(self) -> list[str]:
        """Names of all links."""
        return list(dict.fromkeys(link for link, _ in self.pools))


def finish(topology: TopologySpec, *, duration_s: float, seed: int = 1) -> Finished:
    """Run to the end; pools and events are kept."""
    sink, movements = MemorySink(), list[Movement]()
    request = RunRequest(
        topology=topology,
        duration_ps=ps_from_s(duration_s),
        seed=seed,
        sink=sink,
        movements=movements,
    )
    with Simulation(request) as simulation:
        simulation.run()
        return Finished(
            simulation.result(wall_s=0.0),
            sink.events,
            movements,
            {at: tuple(pool.blocks()) for at, pool in simulation.pools.items()},
            {at: pool.fingerprint() for at, pool in simulation.pools.items()},
        )


@cache
def four_users() -> Finished:
    """Eight seconds of the calibrated network in rounds of four."""
    topology = load_topology("fan2025_four_user", overrides=["protocol.round_s=4"])
    return finish(topology, duration_s=8)


@cache
def two_users(*overrides: str) -> Finished:
    """Three seconds of two users in rounds of one and a half."""
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5", *overrides])
    return finish(topology, duration_s=3, seed=3)


# Pools --------------------------------------------------------------------------------------------


def test_every_link_runs_its_rounds() -> None:
    """Six links, two rounds each: locked, without alarm, no abort but for lack of key, closed."""
    found = four_users()
    assert len(found.links) == 6
    for link in found.links:
        names = [event["event"] for event in found.events if event["link"] == link]
        assert names.count("round_sifted") == 4
        assert names.count("link_locked") == 1
        assert names.count("link_closed") == 2
        assert "alarm" not in names
    aborted = {event["reason"] for event in found.events if event["event"] == "round_aborted"}
    assert aborted <= {"no_key", "qber_too_high"}


def test_strong_links_deposit_key() -> None:
    """In rounds of four seconds the three strong links fill their pools, twice each."""
    pools = four_users().pools
    for link in STRONG:
        for end in four_users().ends_of(link):
            assert [block.round for block in pools[link, end]] == [0, 1]
            assert sum(block.size_bits for block in pools[link, end]) > 0


@pytest.mark.parametrize("found", [four_users, two_users], ids=["four users", "two users"])
def test_both_ends_of_every_pool_are_equal(found: object) -> None:
    """Bit by bit, block by block, and so by fingerprint."""
    finished: Finished = found()  # type: ignore[operator]
    for link in finished.links:
        one, other = ((link, end) for end in finished.ends_of(link))
        assert finished.pools[one] == finished.pools[other]
        assert finished.fingerprints[one] == finished.fingerprints[other]


def test_pools_of_different_links_differ() -> None:
    """No two links share a block, and a block is no run of zeros."""
    pools = four_users().pools
    keys = [
        block.key[:8]
        for (link, end), pool in pools.items()
        for block in pool
        if end == four_users().ends_of(link)[0] and block.size_bits >= 64
    ]
    assert len(keys) >= 6
    assert len(set(keys)) == len(keys)
    assert all(0 < sum(unpack_bits(key, 64)) < 64 for key in keys)


# Books --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [four_users, two_users], ids=["four users", "two users"])
def test_books_balance(found: object) -> None:
    """The ledger, audited by its rows alone, has no fault, and nothing is left open or in doubt."""
    finished: Finished = found()  # type: ignore[operator]
    assert check_balance(finished.movements) == []
    totals = balances(finished.movements)
    for (_, _, account), bits in totals.items():
        if account in (Account.OPEN, Account.DOUBT):
            assert bits == 0


@pytest.mark.parametrize("found", [four_users, two_users], ids=["four users", "two users"])
def test_both_ends_book_alike(found: object) -> None:
    """Every account of a link has the same balance at both its ends."""
    finished: Finished = found()  # type: ignore[operator]
    totals = balances(finished.movements)
    for link in finished.links:
        one, other = finished.ends_of(link)
        for account in Account:
            assert totals.get((link, one, account), 0) == totals.get((link, other, account), 0)


def test_ledger_agrees_with_pools_and_results() -> None:
    """What the ledger calls pool is in the pool; what the results call deposited came from blocks.

    Sifted = failed + amplified + deposited; authentication spent is a whole number of rounds.
    """
    finished = four_users()
    totals = balances(finished.movements)
    for link, result in zip(finished.links, finished.run.links, strict=True):
        end = finished.ends_of(link)[0]
        held = {account: totals.get((link, end, account), 0) for account in Account}
        assert held[Account.POOL] == sum(block.size_bits for block in finished.pools[link, end])
        assert -held[Account.LIGHT] == result.counts.sifted_bits
        assert -held[Account.PARITIES] == result.counts.leaked_bits
        assert -held[Account.VERIFICATION] == result.counts.verification_bits
        assert held[Account.SPENT] == result.counts.auth_spent_bits
        assert result.counts.auth_spent_bits % BITS_PER_INDEX == 0
        assert result.counts.sifted_bits == (
            held[Account.FAILED] + held[Account.AMPLIFIED] + result.counts.deposited_bits
        )


def test_parties_find_nearly_what_is_there() -> None:
    """The parties' sifted bits are those that the simulator scores, less what no party could keep.

    Lost are the first second before the lock is found (kept, so nothing), clicks claimed by other
    links, and pairs that the tracked clock puts outside the window: below 3 % together.
    """
    finished = four_users()
    for result in finished.run.links:
        scored = sum(lane.sifted_bits for lane in finished.run.lanes if lane.users == result.users)
        assert 0.97 * scored <= result.counts.sifted_bits <= 1.01 * scored


def test_measured_efficiency_is_that_of_cascade() -> None:
    """Parities over n h(Q) lie above 1, and below 1.3 though the first guess is 5 % everywhere."""
    for result in four_users().run.links:
        assert 1.0 < result.counts.verified_leak_bits / result.counts.shannon_bits < 1.3


# Events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [four_users, two_users], ids=["four users", "two users"])
def test_events_hold_no_key(found: object) -> None:
    """No event shows eight bytes of any block, as hex, base64, bits or a number."""
    finished: Finished = found()  # type: ignore[operator]
    text = "\n".join(json.dumps(event) for event in finished.events)
    blocks = [block for pool in finished.pools.values() for block in pool]
    # Fewer bytes than a piece may show up by chance.
    assert any(len(block.key) >= 8 for block in blocks)
    for block in blocks:
        for start in range(0, len(block.key) - 7, 8):
            piece = block.key[start : start + 8]
            for shown in (
                piece.hex(),
                base64.b64encode(piece).decode().rstrip("="),
                "".join(str(bit) for bit in unpack_bits(piece, 8 * len(piece))),
                str(int.from_bytes(piece, "big")),
                str(int.from_bytes(piece, "little")),
                repr(piece)[2:-1],
            ):
                assert shown not in text


def test_times_of_events_do_not_run_backwards() -> None:
    """Integer picoseconds, ascending, from 0 to the end of the run."""
    times = [event["time_ps"] for event in four_users().events]
    assert all(type(time_ps) is int for time_ps in times)
    assert times == sorted(times)  # type: ignore[type-var]
    names = [event["event"] for event in four_users().events]
    assert (names[0], names[-1]) == ("run_started", "run_ended")


# What must not matter -----------------------------------------------------------------------------


def run_into(directory: Path) -> None:
    """The run that is made twice."""
    topology = load_topology("two_user", overrides=["protocol.round_s=0.5"])
    simulate(topology, duration_s="1.1", seed=7, out=directory, save_tags=True)


RUN = f"""
import sys
from pathlib import Path
from {__name__} import run_into
run_into(Path(sys.argv[1]))
"""


def files_of(directory: Path) -> dict[str, object]:
    """What a run wrote, the summary without its performance."""
    summary = json.loads((directory / "summary.json").read_text())
    del summary["performance"]
    names = (
        "events.jsonl",
        "ledger.csv",
        "lanes.csv",
        "links.csv",
        "tags/alice.npy",
        "tags/bob.npy",
    )
    return {name: (directory / name).read_bytes() for name in names} | {
        "summary.json": json.dumps(summary)
    }


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """Two processes, two hash seeds: the same events, ledger, results and tags, byte for byte."""
    run_into(tmp_path / "one")
    subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "other")],
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT)},
    )
    first = files_of(tmp_path / "one")
    assert first == files_of(tmp_path / "other")
    rows = list(csv.reader(first["ledger.csv"].decode().splitlines()))  # type: ignore[attr-defined]
    assert len(rows) > 10


def test_what_was_simulated_is_kept_and_runs_again(tmp_path: Path) -> None:
    """The topology in a run directory holds every override, and gives the same ledger again."""
    changed = load_topology(
        "two_user", overrides=["protocol.round_s=1", "qnsp.source.contrast=0.9"]
    )
    simulate(changed, duration_s=1, seed=3, out=tmp_path / "one")
    kept = load_topology(tmp_path / "one" / "topology.json")
    assert kept == changed
    simulate(kept, duration_s=1, seed=3, out=tmp_path / "other")
    for name in ("ledger.csv", "events.jsonl", "topology.json", "links.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_more_light_than_can_be_announced_costs_the_round() -> None:
    """At 3.5 mW a pump half a second holds more clicks than a message: no key, and a reason."""
    powers = [f"qnsp.source.pumps.C{label}.power_mw=3.5" for label in (34, 46)]
    asked = ["protocol.round_s=0.5", "protocol.announcement_s=0.5"]
    topology = load_topology("two_user", overrides=[*asked, *powers])
    (link,) = simulate(topology, duration_s=0.5, seed=1).links
    assert link.counts.deposited_bits == 0
    assert "1 too_many_bits" in link.notes


def test_other_seed_other_run() -> None:
    """The seed decides: another one gives other counts."""
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5"])
    other = simulate(topology, duration_s=3, seed=4)
    assert other.lanes[0].coincidences != two_users().run.lanes[0].coincidences


@pytest.mark.slow
@pytest.mark.parametrize("frame_s", [0.01, 0.05, 0.5])
def test_frame_length_does_not_matter(frame_s: float) -> None:
    """Coincidences, sifted bits, errors and singles are those of chosen frames (z = 5)."""
    usual, other = two_users().run, two_users(f"frame_s={frame_s}").run
    for one, two in zip(usual.lanes, other.lanes, strict=True):
        assert_same_mean(one.coincidences, two.coincidences)
        assert_same_mean(one.sifted_bits, two.sifted_bits)
        assert_same_mean(one.errors, two.errors)
    for mine, its in zip(usual.links, other.links, strict=True):
        assert mine.counts.blocks == its.counts.blocks == 2
        assert_same_mean(mine.counts.sifted_bits, its.counts.sifted_bits)
        assert its.counts.blocks_failed == 0
        assert its.counts.deposited_bits > 0
    for user, same in zip(usual.users, other.users, strict=True):
        assert_same_mean(user.singles, same.singles)


@pytest.mark.slow
def test_published_figures_change_nothing() -> None:
    """Without [paper] a topology gives the same lanes, links, ledger and users."""
    topology = load_topology("fan2025_four_user", overrides=["protocol.round_s=1"])
    assert topology.paper is not None
    bare = topology.model_copy(update={"paper": None})
    rows: tuple[list[Movement], list[Movement]] = ([], [])
    one, other = (
        simulate(found, duration_s=1, seed=5, movements=movements)
        for found, movements in zip((topology, bare), rows, strict=True)
    )
    assert rows[0] == rows[1] != []
    assert one.links == other.links
    assert one.users == other.users
    assert all(lane.paper is not None for lane in one.lanes)
    for with_paper, without in zip(one.lanes, other.lanes, strict=True):
        assert with_paper.twin == without.twin
        assert with_paper.coincidences == without.coincidences
        assert (with_paper.sifted_bits, with_paper.errors) == (without.sifted_bits, without.errors)


def test_an_interrupted_run_is_partial_and_balances() -> None:
    """Stopped after five frames: marked partial, and the books of what was done are in order."""
    topology, asked = load_topology("two_user", overrides=["frame_s=0.05"]), []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > 5

    movements: list[Movement] = []
    run = simulate(topology, duration_s=3, seed=1, should_stop=should_stop, movements=movements)
    assert run.partial
    assert run.duration_ps == 5 * 50_000_000_000
    assert check_balance(movements) == []


@pytest.mark.parametrize(
    ("frame_s", "frames"), [(1.0, 1), (0.5, 3), pytest.param(0.0001, 1500, marks=pytest.mark.slow)]
)
def test_interrupted_run_counts_the_light_that_it_names(frame_s: float, frames: int) -> None:
    """All of it and nothing else: as a run of that duration does, but for its last clicks.

    Also with frames that are shorter than the fibre, and than one user's fibre is longer.
    """
    changes = [f"frame_s={frame_s}", "users.1.fibre.length_m=60000.0"]
    topology, asked = load_topology("two_user", overrides=changes), []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > frames

    found = simulate(topology, duration_s=9, seed=3, should_stop=should_stop)
    whole = simulate(topology, duration_s=str(frame_s * frames), seed=3)
    assert found.partial
    assert found.duration_ps == whole.duration_ps
    tail = 0.0005 / (frame_s * frames)  # of fibre, in which the last frame's clicks are due
    for one, other in zip(found.users, whole.users, strict=True):
        assert one.singles == pytest.approx(other.singles, rel=1e-3 + tail)
        assert one.singles <= 1.001 * other.singles
    for lane, other_lane in zip(found.lanes, whole.lanes, strict=True):
        missing = other_lane.coincidences - lane.coincidences
        assert -20 <= missing <= 20 + tail * other_lane.coincidences


def test_progress_reaches_the_end() -> None:
    """Progress is told once a frame, ascending, and ends with the duration, whole frame or not."""
    seen: list[int] = []
    topology = load_topology("two_user", overrides=["frame_s=0.05"])
    simulate(topology, duration_s="0.33", seed=1, progress=seen.append)
    assert len(seen) == 7
    assert seen == sorted(set(seen))
    assert seen[-1] == ps_from_s("0.33")
