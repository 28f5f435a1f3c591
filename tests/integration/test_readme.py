"""What the README and the guides show works as it stands there."""

import contextlib
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
from typer.main import get_group

from netsim.cli import app, run_command
from netsim.cli.app import loaded
from netsim.results.directory import SUMMARY
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.agreement import enough_s
from netsim.twin.prediction import predict
from tests.support.pages import PAGES, README, ROOT, blocks, section, shell_lines

SHELL_LINES = shell_lines()
COMMANDS = sorted({line.split()[1] for line in SHELL_LINES if line.startswith("netsim ")})
SHORTER = {"--duration": "3s", "--blocks": "5", "--scale": "0.002"}
"""What the test gives instead: commands are to work, not to print the pages' numbers."""
TICK_PS = 10
"""Of the receivers in ``two_user``."""
OWN_NETWORK = "docs/your_network.md"
"""Its commands run at full length in `test_docs`."""
PAGES_OF_COMMANDS = [
    pytest.param(page, marks=() if page == README else pytest.mark.slow)
    for page, text in PAGES.items()
    if page != OWN_NETWORK and any(line.startswith("netsim ") for line in shell_lines(text))
]
"""The README's are quick, the others take minutes."""


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"block{place}", marks=pytest.mark.slow if place else ())
        for place, block in enumerate(blocks("python"))
    ],
)
def test_python_examples_run(block: str, tmp_path: Path) -> None:
    """Each Python block runs from start to end in a fresh process and prints."""
    output = subprocess.run(  # this interpreter, our own pages
        [sys.executable, "-W", "error", "-c", block],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert output


def test_there_are_examples() -> None:
    """The pages hold Python examples and each command of netsim."""
    assert len(blocks("python")) > 2
    assert set(COMMANDS) == set(get_group(app).commands)


def test_other_lines_are_goals_and_what_other_tests_run() -> None:
    """What is no command of netsim: make, the environment, and examples of two processes."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    others = [line for line in SHELL_LINES if not line.startswith("netsim ")]
    goals = {line.removeprefix("make ") for line in others if line.startswith("make ")}
    assert goals
    assert goals <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert ". .venv/bin/activate" in others
    assert "VENV := .venv\n" in makefile
    known = ("make ", ". .venv/bin/activate", "C=", "curl ", "python -m examples.")
    assert all(line.startswith(known) for line in others)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_the_examples_exist(command: str) -> None:
    """Every option that an example gives to a command is one of that command."""
    named = {
        option
        for line in SHELL_LINES
        if line.split()[:2] == ["netsim", command]
        for option in re.findall(r"--[a-z][a-z-]+", line)
    }
    parameters = loaded(command).params
    assert named <= {
        option
        for parameter in parameters
        for option in (*parameter.opts, *parameter.secondary_opts, "--help")
    }


def shortened(line: str) -> list[str]:
    """The command of a line as a user would type it, with less light or fewer blocks.

    Runs at the rate level keep their days: they are quick, and `netsim extend` asks for whole
    rounds.
    """
    words = shlex.split(line.partition(" > ")[0].removesuffix(" &"))
    has_days = words[:2] == ["netsim", "extend"] or (words[1] == "run" and "rate" in words)
    for option, value in SHORTER.items():
        if option in words and not (has_days and option == "--duration"):
            words[words.index(option) + 1] = value
    if words[:2] in (["netsim", "reproduce"], ["netsim", "board"]) and "--scale" not in words:
        words += ["--scale", SHORTER["--scale"]]
    interpreter = [sys.executable, "-m"]
    return [*interpreter, *(words if words[0] == "netsim" else words[2:])]


def run_in(directory: Path, words: list[str]) -> None:
    """Run a command; its whole output is shown if it fails."""
    done = subprocess.run(  # this interpreter, our own pages
        words,
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"


def run_here(directory: Path, words: list[str]) -> int:
    """Exit code of a command of netsim, in this process: starting one takes longer than most."""
    with contextlib.chdir(directory):
        return run_command(words[words.index("netsim") + 1 :])


@pytest.fixture(scope="module")
def users_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages take for granted: a topology of one's own, two recordings, shipped files."""
    directory = tmp_path_factory.mktemp("user")
    (directory / "topologies").symlink_to(ROOT / "topologies")
    (new,) = [line for line in SHELL_LINES if line.startswith("netsim new ")]
    assert run_here(directory, shortened(new)) == 0
    topology = load_topology("two_user")
    simulate(topology, duration_s=3, seed=1, out=directory / "lab", save_tags=True)
    for user in topology.users:
        tags = np.load(directory / "lab" / "tags" / f"{user.name}.npy")
        rows = np.column_stack([TICK_PS * (tags >> 2), tags & 3])
        path = directory / f"{user.name}.csv"
        np.savetxt(path, rows, "%d", ",", header="time,detector", comments="")
    return directory


@pytest.mark.parametrize("page", PAGES_OF_COMMANDS)
def test_commands_run(tmp_path: Path, users_files: Path, page: str) -> None:
    """Every command of a page, in its order and one directory, ends with exit code 0."""
    place = shutil.copytree(users_files, tmp_path / "place", symlinks=True)
    for line in shell_lines(PAGES[page]):
        words = line.split()
        if words[0] != "netsim" or words[1] == "serve":
            continue
        more = ["--force"] if words[1] == "run" else []
        if words[:3] == ["netsim", "run", "--resume"]:
            (place / words[3] / SUMMARY).unlink()  # as a run leaves its folder that was killed
            more = []
        assert run_here(place, [*shortened(line), *more]) == 0, line


def test_what_is_impossible_is_refused_as_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks of text that begin with a command hold what it prints."""
    shown = [block for block in blocks("text") if block.startswith("$ ")]
    assert shown
    for block in shown:
        command, _, printed = block.partition("\n")
        code = run_here(ROOT, shortened(command.removeprefix("$ ")))
        output = capsys.readouterr()
        assert (code, output.out + output.err) == (2, printed)


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
    (shown,) = blocks("text", PAGES[README])
    assert shown.splitlines() == lines


@pytest.mark.slow
def test_two_processes_of_the_guide(tmp_path: Path) -> None:
    """The recorded tags of the guide end as keys in two processes."""
    lines = shell_lines(section("docs/recordings.md", "In two real processes"))
    *before, announcer, responder = lines
    for line in before:
        run_in(tmp_path, shortened(line))
    with subprocess.Popen(  # this interpreter, our own pages
        shortened(announcer),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    ) as other:
        run_in(tmp_path, shortened(responder))
        assert other.wait(timeout=60) == 0


def test_every_dependency_is_pinned_and_has_a_reason() -> None:
    """Each one, extras included, is in the guide's tables and pinned in constraints.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = set(extras) - {"dev"}
    optional = [entry for extra in sorted(named) for entry in extras[extra]]
    table = PAGES["docs/dependencies.md"]
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
    (command,) = [
        line for line in SHELL_LINES if re.match("netsim compare .* --duration 1h ", line)
    ]
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
    text = section("docs/networks.md", "Correlated processes")
    rows = dict(re.findall(r"^\| (C\d\d&C\d\d) \| (.*) \|$", text, re.MULTILINE))
    assert len(rows) == len(plain.lanes)
    for before in plain.lanes:
        after = gaussian.lane(before.channels)
        assert rows["&".join(before.channels)] == (
            f"{100 * before.qber:.2f}, {before.skr_bps:.1f} | {after.bunched_hz:.2f} | "
            f"{100 * after.z_qber:.2f}, {100 * after.x_qber:.2f} | {after.skr_bps:.1f}"
        )
