"""The endpoints of a link in two processes over TCP, with neither SimPy nor the simulator."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology

PROBE = """
import sys
from examples.two_processes.command import main
main(sys.argv[1:])
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("simpy", "netsim"))
print(loaded)
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded tags of both ends and the description of their link."""
    directory = tmp_path_factory.mktemp("recorded")
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5"])
    simulate(topology, duration_s=4, seed=3, out=directory, save_tags=True)
    return directory / "tags"


def run_both(tags: Path, secrets: list[Path], *options: str) -> list[tuple[int, list[str], str]]:
    """Exit code, lines and errors of announcer and responder."""
    common = ["run", "--link", str(tags / "alice-bob.json"), "--port", str(_free_port()), *options]
    ends = [
        subprocess.Popen(
            [sys.executable, "-c", PROBE, *common, *own],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for own in (
            ["--role", "announcer", "--tags", str(tags / "alice.npy"), "--secret", str(secrets[0])],
            ["--role", "responder", "--tags", str(tags / "bob.npy"), "--secret", str(secrets[1])],
        )
    ]
    told = [end.communicate(timeout=120) for end in ends]
    return [
        (end.returncode, out.splitlines(), errors)
        for end, (out, errors) in zip(ends, told, strict=True)
    ]


def fresh_secret(path: Path) -> Path:
    """Written by the command that is there for it."""
    subprocess.run([sys.executable, "-m", "examples.two_processes", "secret", path], check=True)
    return path


@pytest.mark.slow
def test_two_processes_end_with_equal_keys(tags: Path, tmp_path: Path) -> None:
    """Both processes print the same blocks, at least two, and load no simulator."""
    secret = fresh_secret(tmp_path / "secret.bin")
    ends = run_both(tags, [secret, secret])
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert [lines[1] for _, lines, _ in ends] == ["[]", "[]"]
    first, second = (json.loads(lines[0]) for _, lines, _ in ends)
    assert first["blocks"] == second["blocks"]
    assert len(first["blocks"]) >= 2
    assert first["alarms"] == second["alarms"] == []
    assert first["closed"]
    assert second["closed"]


@pytest.mark.slow
def test_longer_recordings_lose_no_round(tmp_path: Path) -> None:
    """Ten rounds, read much faster than they were recorded: each makes its block."""
    topology = load_topology("two_user", overrides=["protocol.round_s=1"])
    run = simulate(topology, duration_s=10, seed=3, out=tmp_path, save_tags=True)
    secret = fresh_secret(tmp_path / "secret.bin")
    ends = run_both(tmp_path / "tags", [secret, secret])
    assert [code for code, _, _ in ends] == [0, 0], ends
    first, second = (json.loads(lines[0]) for _, lines, _ in ends)
    assert first["blocks"] == second["blocks"]
    assert len(first["blocks"]) >= run.links[0].counts.blocks - 1
    assert len(first["blocks"]) + len(first["aborted"]) >= 10


@pytest.mark.slow
def test_different_secrets_are_found_out(tags: Path, tmp_path: Path) -> None:
    """The ends do not meet: a question instead of silence, and neither secret is used up."""
    secrets = [fresh_secret(tmp_path / name) for name in ("one.bin", "other.bin")]
    ends = run_both(tags, secrets, "--patience", "4")
    assert [code for code, _, _ in ends] == [1, 1]
    assert all("have both ends the same secret and link?" in errors for _, _, errors in ends)
    assert not any("Traceback" in errors for _, _, errors in ends)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.bin", "other.bin"]
