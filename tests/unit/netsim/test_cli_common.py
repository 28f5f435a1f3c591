"""What all commands share: the version, how much is said, completion; and the release's files."""

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

import netsim
from netsim.cli import app, run_command
from netsim.cli.app import COMMANDS, loaded
from netsim.cli.shared import Voice, voice

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, with what results depend on, and no command is needed."""
    assert run_command(["--version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"netsim {metadata.version('qnsp-netsim')} (python ")
    assert f"numpy {metadata.version('numpy')}" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_cuts_no_name_at_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options stand whole in front of what they do, and what that is likewise."""
    monkeypatch.setenv("COLUMNS", "80")
    assert run_command([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) == 80
    assert "\u2026" not in shown


def test_how_much_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Warnings and hints usually, versions and time with -v, errors alone with --quiet."""
    command = ["new", "lab", "--force", "--out", str(tmp_path / "lab.toml")]
    said = {}
    for options in ((), ("-v",), ("--quiet",), ()):
        assert run_command([*options, *command]) == 0
        said[options] = capsys.readouterr().err
    assert "is ready" in said[()]
    assert said[("--quiet",)] == ""
    assert re.search(r"done in \d+\.\d s", said[("-v",)])
    assert "numpy" in said[("-v",)]
    assert run_command(["--quiet", "new", "tree"]) == 2
    assert voice() is Voice.USUAL
    assert "none of" in capsys.readouterr().err


def test_how_much_is_said_stands_behind_a_command_as_well(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Where many write it; every command takes it, and its help says so."""
    command = ["new", "lab", "--out", str(tmp_path / "lab.toml"), "--force"]
    said = {}
    for options in (("--quiet",), ("-q",), ("-v",), ()):
        assert run_command([*command, *options]) == 0
        said[options] = capsys.readouterr().err
    assert said[("--quiet",)] == said[("-q",)] == ""
    assert "numpy" in said[("-v",)]
    assert "done in" in said[("-v",)]
    assert said[()].count("\n") == 1
    for both in (["-q", "new", "-v"], ["new", "-v", "-q"]):
        assert run_command([*both, *command[1:]]) == 0
        assert capsys.readouterr().err == "", both
    assert run_command(["-v", "new", "-v", *command[1:]]) == 0
    assert capsys.readouterr().err.count("numpy") == 1
    for name in COMMANDS:
        assert {"verbose", "quiet"} <= {option.name for option in loaded(name).params}, name


def test_warnings_are_quiet_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The same command with and without."""
    command = ["validate", "two_user", "--set", "users.*.fibre.length_m=300000"]
    assert run_command(command) == 0
    usual = capsys.readouterr()
    assert run_command(["-q", *command]) == 0
    quiet = capsys.readouterr()
    assert quiet.out == usual.out
    assert quiet.err == ""


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    """The first paragraph of a command's own help, which is loaded when it is called for."""
    assert list(get_group(app).commands) == list(COMMANDS)
    own = {name: str(loaded(name).help).split("\n\n")[0] for name in COMMANDS}
    assert own == COMMANDS


def test_shells_are_told_how_to_complete() -> None:
    """`--show-completion` is there; a shell that asks for words that begin with sw gets sweep."""
    assert "--show-completion" in CliRunner().invoke(app, ["--help"]).output
    asked = {"_NETSIM_COMPLETE": "complete_bash", "COMP_WORDS": "netsim sw", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from netsim.cli import main; main()"],
        env=os.environ | asked | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout.split() == ["sweep"]


def test_the_manifest_says_how_and_when(tmp_path: Path) -> None:
    """Command line, date, system and every package that is needed; the summary is free of them."""
    out = tmp_path / "kept"
    netsim.simulate("two_user", duration_s=30, seed=1, fidelity="rate", out=out)
    made = json.loads((out / "manifest.json").read_text())["made"]
    assert set(made) == {"command", "date", "commit", "system", "processor", "packages"}
    assert datetime.now(tz=UTC) - datetime.fromisoformat(made["date"]) < timedelta(minutes=5)
    needed = {re.split(r"[<>=]", entry)[0] for entry in PROJECT["dependencies"]}
    assert made["packages"] == {name: metadata.version(name) for name in needed}
    if (ROOT / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{40}\+?", made["commit"])
    assert netsim.load_run(out).seed == 1


def test_the_citation_is_of_this_version() -> None:
    """CITATION.cff is YAML with the keys that it must have, and the project's version."""
    yaml = pytest.importorskip("yaml")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "title", "message", "authors"} <= set(cited)
    assert cited["version"] == PROJECT["version"]
    assert cited["license"] == PROJECT["license"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(work["doi"] in readme for work in cited["references"])
