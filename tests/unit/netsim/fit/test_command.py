"""`netsim fit`: options, streams, exit codes."""

import importlib.util
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from netsim.cli import run_command
from netsim.cli.fit import EXAMPLES
from netsim.fit.results import Fit
from netsim.fit.tables import print_fit, short_names
from netsim.topology.load import load_topology
from tests.unit.netsim.fit import fan2025

FREE = [f"--free={path}" for path in fan2025.EIGHT]
COMMAND = ["fit", str(fan2025.TABLE_2), "--topology", "fan2025_structured", *FREE]


@pytest.mark.slow
def test_prints_and_writes_a_topology_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables to stdout, where the file is to stderr, and the file holds the numbers shown."""
    out = tmp_path / "fitted.toml"
    assert run_command([*COMMAND, "-o", str(out)]) == 0
    streams = capsys.readouterr()
    assert streams.err == f"netsim: the fitted topology is in {out}\n"
    assert load_topology(out).qnsp.source.contrast == pytest.approx(0.9902426, abs=1e-6)
    for part in ("source.contrast", "0.99024", "C50&C30", "+2.81", "tell all numbers apart"):
        assert part in streams.out


@pytest.mark.slow
def test_json_sets_the_misprint_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The documented command with --against: both fits, and the warning on stderr."""
    assert run_command([*COMMAND, "--against", str(fan2025.PRINTED), "--json"]) == 0
    streams = capsys.readouterr()
    found = json.loads(streams.out)
    rows = [
        {(datum["item"], datum["quantity"]): datum for datum in fit["data"]}["C50&C30", "n_sift_hz"]
        for fit in (found, found["against"])
    ]
    assert [row["measured"] for row in rows] == [858.0, 585.0]
    assert [round(100 * row["residual"]) for row in rows] == [3, 20]
    assert "skr_bps says 454.6" in streams.err
    assert "is not kept: give -o OUT.toml" in streams.err


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(width: int, with_858: Fit, with_585: Fit) -> None:
    """No cell is folded or cut, one fit or two."""
    written = StringIO()
    print_fit(with_858, Console(width=width, file=written), against=with_585)
    text = written.getvalue()
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    for part in ("C50&C30 N_sift [1/s]", "C54&C26 SKR [bit/s] *", "+20.02", "+2.81"):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--free=*.*.contrast", "--topology", "two_user"], "is no lane; lanes are C38&C42"),
        (["--topology", "fan2025_structured"], "--free: no number is free"),
        (["--topology", "none.toml", *FREE], "no such file and no shipped topology"),
        (["--topology", "fan2025_structured", "--free=*.*.contrast", "--relative-error=0"],
            "--relative-error: 0 is not between 0 and 1"),
        (["--topology", "fan2025_structured", f"--free={fan2025.FACTORS}", *FREE],
            "19 free numbers, but only 14 independent data"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_code_2(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a fault on stderr, nothing on stdout."""
    assert run_command(["fit", str(fan2025.TABLE_2), *arguments]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert part in streams.err
    assert all(line.startswith("netsim: ") for line in streams.err.splitlines())


@pytest.mark.slow
def test_a_file_that_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is fitted; --force replaces it; a directory must exist."""
    out = tmp_path / "fitted.toml"
    out.write_text("mine")
    assert run_command([*COMMAND, "-o", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run_command([*COMMAND, "-o", str(tmp_path / "no" / "f.toml")]) == 2
    assert "its directory does not exist" in capsys.readouterr().err
    assert run_command([*COMMAND, "-o", str(out), "--force"]) == 0
    assert "[fit]" in out.read_text()


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with the name of the extra."""
    find = importlib.util.find_spec

    def without_scipy(name: str, package: str | None = None) -> Any:
        return None if name == "scipy" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_scipy)
    assert run_command(COMMAND) == 2
    assert capsys.readouterr().err == (
        "netsim: fit: netsim fit needs scipy, which this installation has not: "
        "pip install 'qnsp-netsim[fit]'\n"
    )


def test_examples_of_the_help_name_what_is_there() -> None:
    """Tables and topologies in the epilog exist."""
    for word in " ".join(EXAMPLES).replace("`", " ").replace(":", " ").split():
        if word.endswith(".csv"):
            assert (fan2025.TOPOLOGIES.parent / word).is_file()


def test_short_names_tell_paths_apart() -> None:
    """Two steps where they do, more where they do not."""
    assert short_names(("a.b.c", "x.b.c", "a.b.d")) == {
        "a.b.c": "a.b.c",
        "x.b.c": "x.b.c",
        "a.b.d": "b.d",
    }
