"""The command line of netsim reproduce: what it refuses, what it prints, what it returns."""

import json
import sys
from pathlib import Path

import pytest

from netsim.cli import run_command
from netsim.cli.interrupt import StopOnInterrupt
from netsim.report.figure import EXTRA_HINT
from netsim.reproduce import fan2025
from tests.unit.netsim.reproduce.papers import PAPER

REAL_PAPER = fan2025.PAPER


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up paper in the place of the real one."""
    monkeypatch.setattr(fan2025, "PAPER", PAPER)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fan2024"], "fan2024 is none of fan2025"),
        (["fan2025", "--only", "fig3z"], "no item fig3z; did you mean fig3"),
        (["fan2025", "--only", "qwertz"], "there are fig3a, fig3b"),
        (["fan2025", "--only", ","], "names no item"),
        (["fan2025", "--scale", "0"], "scale"),
        (["fan2025", "--workers", "0"], "workers"),
    ],
)
def test_bad_input_is_refused(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2, one line that says what is meant, and no directory is made."""
    assert run_command(["reproduce", *arguments, "--out", str(tmp_path / "out")]) == 2
    streams = capsys.readouterr()
    assert words in streams.err
    assert streams.out == ""
    assert not (tmp_path / "out").exists()


def test_a_directory_with_other_things_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2 and the reason."""
    (tmp_path / "thesis.tex").write_text("years of work")
    assert run_command(["reproduce", "fan2025", "--out", str(tmp_path)]) == 2
    assert "holds no reproduction" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_a_run_prints_its_deviations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a figure on stderr as it ends, a table on stdout, code 0."""
    arguments = ["reproduce", "made_up", "--workers", "1", "--out", str(tmp_path)]
    assert run_command(arguments) == 0
    streams = capsys.readouterr()
    assert "netsim: 1/2 one: 2 quantities, worst " in streams.err
    assert "2/2 two" in streams.err
    assert "index.html shows all of it" in streams.err
    assert "0 of 4 quantities are more than 3 sigma from the twin" in streams.out
    assert run_command([*arguments, "--json", "--only", "two"]) == 0
    streams = capsys.readouterr()
    assert "was finished" in streams.err
    assert json.loads(streams.out) == json.loads((tmp_path / "comparison.json").read_text())


@pytest.mark.usefixtures("made_up")
def test_a_stopped_run_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 130; what is finished is on the page."""
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _: (tmp_path / "one.csv").exists())
    arguments = ["reproduce", "made_up", "--workers", "1", "--out", str(tmp_path)]
    assert run_command(arguments) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert 'id="one"' in (tmp_path / "index.html").read_text()


@pytest.mark.usefixtures("made_up")
def test_stopped_before_the_first_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing finished: one sentence in place of an empty table and counts of nothing."""
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _: True)
    arguments = ["reproduce", "made_up", "--workers", "1", "--out", str(tmp_path)]
    assert run_command(arguments) == 130
    assert capsys.readouterr().out == "No item is finished yet.\n"


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_the_page_tells_the_light_as_scaled(tmp_path: Path) -> None:
    """Below each title stands how much light was simulated, not how much there is at scale 1."""
    arguments = ["reproduce", "made_up", "--workers", "1", "--out", str(tmp_path)]
    assert run_command([*arguments, "--scale", "0.5"]) == 0
    page = (tmp_path / "index.html").read_text()
    assert page.count("Light: 2 shots of 0.01 s.") == 2
    assert all(" s of light" not in item.about for item in REAL_PAPER.items)


@pytest.mark.slow
@pytest.mark.usefixtures("made_up")
def test_without_plotly_there_is_everything_but_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, comparison and page are written; a line says what to install; plots can follow."""
    arguments = ["reproduce", "made_up", "--workers", "1", "--out", str(tmp_path)]
    with monkeypatch.context() as hidden:
        for module in ("netsim.report.svg", "netsim.report.html"):
            hidden.setitem(sys.modules, module, None)
        assert run_command(arguments) == 0
    assert capsys.readouterr().err.count(EXTRA_HINT) == 1
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"one.csv", "two.csv", "comparison.json", "index.html", "records.jsonl"}
    assert EXTRA_HINT.replace("'", "&#x27;") in (tmp_path / "index.html").read_text()
    assert run_command(arguments) == 0
    assert EXTRA_HINT not in capsys.readouterr().err
    assert (tmp_path / "one.html").exists()
    assert (tmp_path / "two.svg").exists()


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Items, files and resuming are in the help, with examples."""
    assert run_command(["reproduce", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("fig3a to fig3g", "comparison.json", "goes on from there", "--only fig4a,fig4b"):
        assert words in shown
