"""Runs that are stopped, killed or extended come out as those that never were."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.cli.app import run_command
from netsim.pools.store import UserStore
from netsim.results.directory import AGAIN_DIRECTORY
from netsim.topology.specs import TopologySpec
from netsim.verify import verify_run
from tests.support.slow import slow_but

LEVELS = ("photon", "coincidence", "rate")
BOOKS = ("events.jsonl", "ledger.csv", "lanes.csv", "links.csv", "topology.json", "asked.json")
ROUNDS = "rounds.npy"
"""The books of the rate level besides."""


def two_user(round_s: float) -> TopologySpec:
    """The smallest network."""
    return netsim.load_topology("two_user", overrides=(f"protocol.round_s={round_s}",))


def after(calls: int) -> Callable[[], bool]:
    """Wants to stop when it has been asked so often."""
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > calls

    return should_stop


def keys_of(directory: Path) -> dict[tuple[str, int], bytes]:
    """Key of every user and block."""
    found: dict[tuple[str, int], bytes] = {}
    for path in sorted((directory / "users").glob("*.sqlite")):
        with UserStore(path) as store:
            for link in store.links():
                found |= {(path.stem, block.round): block.key for block in store.blocks(link)}
    return found


def assert_same(one: Path, other: Path) -> None:
    """All books byte for byte, all keys bit for bit, and equal at both ends."""
    for name in (*BOOKS, ROUNDS) if (one / ROUNDS).exists() else BOOKS:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    figures = [json.loads((place / "summary.json").read_text()) for place in (one, other)]
    for each in figures:
        del each["performance"]
    assert figures[0] == figures[1]
    assert verify_run(one) == verify_run(other) == ()
    if (one / "users").exists():
        keys = keys_of(one)
        assert keys == keys_of(other) != {}
        assert len({bits for (user, _), bits in keys.items() if user == "alice"}) == len(keys) // 2
    assert not (one / AGAIN_DIRECTORY).exists()


@pytest.mark.parametrize("level", slow_but(("coincidence", "rate"), LEVELS))
def test_a_stopped_run_is_brought_to_its_end(level: str, tmp_path: Path) -> None:
    """Result and keys of a run that was never stopped, bit for bit."""
    topology = two_user(0.5)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    expected = netsim.simulate(topology, duration_s=2, seed=3, out=whole, fidelity=level)
    cut = netsim.simulate(
        topology, duration_s=2, seed=3, out=stopped, fidelity=level, should_stop=after(2)
    )
    assert cut.partial
    found = netsim.resume(stopped)
    assert found.links == expected.links
    assert_same(stopped, whole)
    with pytest.raises(netsim.ConfigError, match="has ended"):
        netsim.resume(stopped)


@pytest.mark.parametrize("level", slow_but(("coincidence", "rate"), LEVELS))
def test_an_ended_run_is_extended(level: str, tmp_path: Path) -> None:
    """As a run of that length; the blocks that there were stay what they were."""
    topology = two_user(0.5)
    whole, part = tmp_path / "whole", tmp_path / "part"
    netsim.simulate(topology, duration_s=2, seed=3, out=whole, fidelity=level)
    netsim.simulate(topology, duration_s=1.5, seed=3, out=part, fidelity=level)
    earlier = keys_of(part)
    netsim.extend(part, 2)
    assert_same(part, whole)
    assert earlier.items() <= keys_of(part).items()


def test_a_run_whose_light_changes_is_extended(tmp_path: Path) -> None:
    """Nothing that is booked depends on how long a run is: bounds on forgeries neither."""
    events = 'events=[{time_s=1.5, kind="attenuate", user="alice", extra_loss_db=2.0}]'
    topology = netsim.load_topology("two_user", overrides=("protocol.round_s=0.5", events))
    whole, part = tmp_path / "whole", tmp_path / "part"
    expected = netsim.simulate(topology, duration_s=8, seed=3, out=whole, fidelity="coincidence")
    netsim.simulate(topology, duration_s=6, seed=3, out=part, fidelity="coincidence")
    assert netsim.extend(part, 8).links == expected.links
    assert_same(part, whole)


def test_what_cannot_be_extended_is_refused(tmp_path: Path) -> None:
    """Nothing is changed."""
    netsim.simulate(two_user(2), duration_s=3, seed=3, out=tmp_path, fidelity="rate")
    before = (tmp_path / "summary.json").read_bytes()
    with pytest.raises(netsim.ConfigError, match="cut short"):
        netsim.extend(tmp_path, 8)
    with pytest.raises(netsim.ConfigError, match="as much already"):
        netsim.extend(tmp_path, "3s")
    assert (tmp_path / "summary.json").read_bytes() == before


def test_a_run_of_which_key_was_taken_is_refused(tmp_path: Path) -> None:
    """It would be in the pool again."""
    netsim.simulate(two_user(1), duration_s=2, seed=3, out=tmp_path, fidelity="coincidence")
    with UserStore(tmp_path / "users" / "alice.sqlite") as store:
        store.draw("alice-bob", 8)
    with pytest.raises(netsim.ConfigError, match="has been taken"):
        netsim.extend(tmp_path, 4)


def test_books_that_were_changed_are_refused(tmp_path: Path) -> None:
    """The line is named, and nothing replaced."""
    netsim.simulate(two_user(1), duration_s=2, seed=3, out=tmp_path, fidelity="rate")
    path = tmp_path / "ledger.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("preshared", "PRESHARED")
    path.write_text("".join(lines))
    with pytest.raises(netsim.ConfigError, match=r"ledger.csv:2: something else"):
        netsim.extend(tmp_path, 4)
    assert path.read_text() == "".join(lines)


def test_rounds_that_were_changed_are_refused(tmp_path: Path) -> None:
    """One bit more in a column of the first round, and nothing is replaced."""
    netsim.simulate(two_user(1), duration_s=2, seed=3, out=tmp_path, fidelity="rate")
    path = tmp_path / "rounds.npy"
    rounds = np.load(path)
    rounds["sifted_bits"][0] += 1
    np.save(path, rounds)
    changed = path.read_bytes()
    with pytest.raises(netsim.ConfigError, match=r"rounds.npy: something else"):
        netsim.extend(tmp_path, 4)
    assert path.read_bytes() == changed


def test_other_versions_are_refused(tmp_path: Path) -> None:
    """They draw other numbers."""
    netsim.simulate(two_user(1), duration_s=2, seed=3, out=tmp_path, fidelity="rate")
    path = tmp_path / "asked.json"
    asked = json.loads(path.read_text())
    asked["versions"][1][1] = "0.1"
    path.write_text(json.dumps(asked))
    with pytest.raises(netsim.ConfigError, match=r"0\.1 then"):
        netsim.extend(tmp_path, 4)


def test_a_kept_folder_holds_no_half_resumed_keys(tmp_path: Path) -> None:
    """What a kill has left of a resumed run goes with the next run into the directory."""
    left = tmp_path / AGAIN_DIRECTORY / "users" / "alice.sqlite"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"key")
    netsim.simulate(two_user(1), duration_s=2, seed=3, out=tmp_path, fidelity="rate")
    assert not left.parent.parent.exists()


def size_of(out: Path) -> int:
    """Bytes of the book that grows."""
    book = out / (ROUNDS if (out / ROUNDS).exists() else "events.jsonl")
    return book.stat().st_size if book.exists() else 0


def killed(arguments: list[str], out: Path, size: int) -> None:
    """Run a command, and kill it as soon as its book is so large; it may have ended before."""
    command = [sys.executable, "-m", "netsim", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            if size_of(out) >= size:
                run.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)


def command_of(level: str, out: Path, *, duration_s: int, round_s: int) -> list[str]:
    """A run of two users."""
    options = ["--fidelity", level, "--duration", f"{duration_s}s", "--seed", "5"]
    return [
        *("run", "two_user", "--set", f"protocol.round_s={round_s}"),
        *options,
        *("--out", str(out)),
    ]


@pytest.mark.slow
def test_a_killed_run_is_brought_to_its_end(tmp_path: Path) -> None:
    """Killed with -9 in the midst of its rounds; the command goes on with it."""
    whole, dead = tmp_path / "whole", tmp_path / "dead"
    killed(command_of("rate", dead, duration_s=3000, round_s=1), dead, 50_000)
    assert 50_000 <= size_of(dead) < 300_000
    assert not (dead / "summary.json").exists()
    assert run_command(["run", "--resume", str(dead)]) == 0
    assert run_command(command_of("rate", whole, duration_s=3000, round_s=1)) == 0
    assert_same(dead, whole)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_killed_at_random_times(level: str, tmp_path: Path) -> None:
    """Seventeen times each, fifty in all: the books of a run that nobody killed."""
    duration_s, round_s = {"photon": (6, 1), "coincidence": (60, 2), "rate": (3000, 1)}[level]
    whole = tmp_path / "whole"
    assert run_command(command_of(level, whole, duration_s=duration_s, round_s=round_s)) == 0
    size, rng = size_of(whole), random.Random(level)
    for number in range(17):
        dead = tmp_path / str(number)
        command = command_of(level, dead, duration_s=duration_s, round_s=round_s)
        killed(command, dead, rng.randrange(1, size))
        if not (dead / "summary.json").exists():
            assert run_command(["run", "--resume", str(dead)]) == 0
        assert_same(dead, whole)
