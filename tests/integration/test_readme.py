"""What the README shows works as it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.agreement import enough_s
from netsim.twin.prediction import predict

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^netsim (\w+)(.*)$", README, re.MULTILINE)
SHELL_LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if not line.startswith(("make ", "netsim serve "))
]
SHORTER = {"--duration": "3s", "--blocks": "5", "--scale": "0.002"}
"""What the test gives instead: commands are to work, not to print the README's numbers."""
TICK_PS = 10
"""Of the receivers in ``two_user``."""
QUICK_LINES = 5
"""Those below the heading of the command line; the others take minutes."""


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


def shortened(line: str) -> list[str]:
    """The command of a line as a user would type it, with less light or fewer blocks."""
    words = shlex.split(line.partition(" > ")[0].removesuffix(" &"))
    for option, value in SHORTER.items():
        if option in words:
            words[words.index(option) + 1] = value
    if words[:2] in (["netsim", "reproduce"], ["netsim", "board"]) and "--scale" not in words:
        words += ["--scale", SHORTER["--scale"]]
    interpreter = [sys.executable, "-m"]
    return [*interpreter, *(words if words[0] == "netsim" else words[2:])]


def run_in(directory: Path, words: list[str]) -> None:
    """Run a command; its whole output is shown if it fails."""
    done = subprocess.run(  # this interpreter, our own README
        words,
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"


def users_files(directory: Path) -> None:
    """What the README takes for granted: a topology of one's own, two recordings, shipped files."""
    (directory / "topologies").symlink_to(ROOT / "topologies")
    shutil.copy(ROOT / "topologies" / "two_user.toml", directory / "mine.toml")
    topology = load_topology("two_user")
    simulate(topology, duration_s=3, seed=1, out=directory / "lab", save_tags=True)
    for user in topology.users:
        tags = np.load(directory / "lab" / "tags" / f"{user.name}.npy")
        rows = np.column_stack([TICK_PS * (tags >> 2), tags & 3])
        path = directory / f"{user.name}.csv"
        np.savetxt(path, rows, "%d", ",", header="time,detector", comments="")


@pytest.mark.parametrize("lines", [QUICK_LINES, pytest.param(None, marks=pytest.mark.slow)])
def test_commands_run(tmp_path: Path, lines: int | None) -> None:
    """Every command, in the README's order and one directory, ends with exit code 0."""
    users_files(tmp_path)
    for line in SHELL_LINES[:lines]:
        words = line.split()
        if words[0] == "netsim":
            run_in(tmp_path, [*shortened(line), *(["--force"] if words[1] == "run" else [])])


@pytest.mark.slow
def test_shown_table_is_what_the_demo_prints() -> None:
    """Line by line, but for the speed."""
    printed = subprocess.run(  # this interpreter, this package
        [sys.executable, *shlex.split("-m netsim run fan2025_four_user --duration 60s --seed 1")],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120", "NO_COLOR": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    lines = [line.rstrip() for line in printed.splitlines() if not line.startswith("Speed:")]
    (shown,) = re.findall(
        r"^```text\n(fan2025_four_user.*?)^```$", README, re.MULTILINE | re.DOTALL
    )
    assert shown.splitlines() == lines


@pytest.mark.slow
def test_two_processes_of_the_readme(tmp_path: Path) -> None:
    """The recorded tags of the README end as keys in two processes."""
    lines = [line for line in SHELL_LINES if "recorded" in line or "two_processes" in line]
    *before, announcer, responder = lines
    for line in before:
        run_in(tmp_path, shortened(line))
    with subprocess.Popen(  # this interpreter, our own README
        shortened(announcer),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    ) as other:
        run_in(tmp_path, shortened(responder))
        assert other.wait(timeout=60) == 0


def test_every_dependency_is_pinned_and_has_a_reason() -> None:
    """Each one, extras included, is in the README's tables and pinned in constraints.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = set(extras) - {"dev"}
    optional = [entry for extra in sorted(named) for entry in extras[extra]]
    table = README.split("## Dependencies")[1].split("##")[0]
    assert named == set(re.findall(r"^\| `(\w+)`: ", table, re.MULTILINE))
    entries = (*project["dependencies"], *optional)
    dependencies = {re.split(r"[<>=!~\[ ]", entry)[0] for entry in entries}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._]+", line) for line in lines)
    reasons = set(
        re.findall(r"[a-z-]+", " ".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)))
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


def test_effect_of_correlated_processes() -> None:
    """The table is what the twin says with either kind of statistics."""
    statistics = ("poisson", "gaussian")
    plain, gaussian = (
        predict(
            build_network(
                load_topology("fan2025_four_user", overrides=[f"qnsp.source.statistics={name}"])
            )
        )
        for name in statistics
    )
    section = README.split("### Correlated processes")[1].split("##")[0]
    rows = dict(re.findall(r"^\| (C\d\d&C\d\d) \| (.*) \|$", section, re.MULTILINE))
    assert len(rows) == len(plain.lanes)
    for before in plain.lanes:
        after = gaussian.lane(before.channels)
        assert rows["&".join(before.channels)] == (
            f"{100 * before.qber:.2f}, {before.skr_bps:.1f} | {after.bunched_hz:.2f} | "
            f"{100 * after.z_qber:.2f}, {100 * after.x_qber:.2f} | {after.skr_bps:.1f}"
        )
