"""What the README shows works as it stands there."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from netsim.planning import enough_s
from netsim.topology.load import load_topology
from netsim.topology.network import build_network

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^netsim (\w+)(.*)$", README, re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS)
def test_python_examples_run(block: str, tmp_path: Path) -> None:
    """Each Python block of the README runs from start to end in a fresh process and prints."""
    output = subprocess.run(  # this interpreter, our own README
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert output


def test_there_are_examples() -> None:
    """The README holds at least one Python example and one command of each kind."""
    assert BLOCKS
    assert {command for command, _ in COMMANDS} >= {"run", "validate", "schema", "pools"}


@pytest.mark.parametrize("command", sorted({command for command, _ in COMMANDS}))
def test_options_of_the_examples_exist(command: str) -> None:
    """Every option that a README example gives to a command is one of that command."""
    output = subprocess.run(  # this interpreter, this package
        [sys.executable, "-m", "netsim", command, "--help"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    named = {
        option
        for line in re.findall(rf"^netsim {command} .*$", README, flags=re.MULTILINE)
        for option in re.findall(r"--[a-z][a-z-]+", line)
    }
    assert named <= set(re.findall(r"--[a-z][a-z-]+", output))


def test_every_dependency_is_pinned_and_has_a_reason() -> None:
    """Each one, extras included, is in the README's tables and pinned in constraints.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = (*project["dependencies"], *project["optional-dependencies"]["report"])
    dependencies = {re.split(r"[<>=!~\[ ]", entry)[0] for entry in entries}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._]+", line) for line in lines)
    table = README.split("## Dependencies")[1].split("##")[0]
    reasons = set(
        re.findall(r"[a-z]+", " ".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)))
    )
    assert dependencies <= {line.split("==")[0].lower() for line in lines}
    assert dependencies <= reasons


def test_the_hour_has_rounds_that_are_enough() -> None:
    """The links and round lengths of the command for an hour are those that the planner finds."""
    (command,) = re.findall(r"^netsim compare .* --duration 1h .*$", README, re.MULTILINE)
    (links,) = re.findall(r"--set '(links=.*?)'", command)
    finite = ("protocol.security=finite", "protocol.estimation=sample")
    topology = load_topology(
        "fan2025_four_user", overrides=["protocol.round_s=3600", links, *finite]
    )
    network = build_network(topology)
    for users in network.links:
        assert enough_s(network, users, 3600) == pytest.approx(topology.round_s_of(users))
