"""Runs of a paper: what is done once, what is done again, and what is written."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from netsim.reproduce.item import Paper
from netsim.reproduce.runner import reproduce
from netsim.studies import workers
from netsim.studies.records import simulator_sources_sha256
from netsim.studies.shots import Shot, ShotResult, measure
from netsim.studies.watch import SILENT
from netsim.topology.load import load_topology
from tests.unit.netsim.reproduce.papers import PAPER, item, shots

SCHEMA = ["item", "quantity", "simulated", "sigma", "twin", "paper", "note"]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of all shots that were really simulated."""
    names: list[str] = []

    def counting(shot: Shot, *, progress: Callable[[int], None] | None = None) -> ShotResult:
        names.append(shot.name)
        return measure(shot, progress=progress)

    monkeypatch.setattr(workers, "measure", counting)
    return names


def test_a_finished_run_is_not_done_again(tmp_path: Path, measured: list[str]) -> None:
    """The second run simulates nothing, rewrites no figure and finds the same."""
    first = reproduce(PAPER, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("one.*")}
    texts = {path: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert len(measured) == 4
    again = reproduce(PAPER, tmp_path)
    assert len(measured) == 4
    assert [entry.is_new for entry in first.finished] == [True, True]
    assert [entry.is_new for entry in again.finished] == [False, False]
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.glob("one.*")}
    assert texts == {path: path.read_bytes() for path in tmp_path.glob("*.json")}
    reproduce(PAPER, tmp_path, force=True)
    assert len(measured) == 8


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_killed(tmp_path: Path, measured: list[str]) -> None:
    """Killed after its first figure, a run has lost nothing of it, and does only the rest."""

    def kill(_: str) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        reproduce(PAPER, tmp_path / "killed", watch=replace(SILENT, on_ended=kill))
    assert (tmp_path / "killed" / "one.csv").exists()
    assert measured == ["one/0.4mW", "one/0.2mW"]
    outcome = reproduce(PAPER, tmp_path / "killed")
    assert measured[2:] == ["two/0.4mW", "two/0.2mW"]
    assert [entry.is_new for entry in outcome.finished] == [False, True]
    whole = reproduce(PAPER, tmp_path / "whole")
    assert not whole.is_partial
    for name in ("comparison.json", "one.csv", "two.csv", "one.svg", "index.html"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_stopped_run_keeps_what_is_finished(tmp_path: Path, measured: list[str]) -> None:
    """Asked to stop after the first figure: it is written and compared, the other is not."""
    done: list[str] = []
    watch = replace(
        SILENT,
        on_ended=done.append,
        should_stop=lambda: bool(done),
    )
    outcome = reproduce(PAPER, tmp_path, watch=watch)
    assert outcome.is_partial
    assert [entry.item.name for entry in outcome.finished] == ["one"]
    assert {entry["item"] for entry in comparison(tmp_path)} == {"one"}
    assert not reproduce(PAPER, tmp_path).is_partial
    assert len(measured) == 4


@pytest.mark.slow
def test_some_items_alone_give_the_same_numbers(tmp_path: Path) -> None:
    """Only the second item: the numbers that it has among all; what else is finished stays."""
    reproduce(PAPER, tmp_path / "all")
    outcome = reproduce(PAPER, tmp_path / "some", only=["two"])
    assert not outcome.is_partial
    wanted = [entry for entry in comparison(tmp_path / "all") if entry["item"] == "two"]
    assert comparison(tmp_path / "some") == wanted
    reproduce(PAPER, tmp_path / "some", only=["one"])
    assert comparison(tmp_path / "some") == comparison(tmp_path / "all")


@pytest.mark.slow
def test_changed_inputs_are_done_again(
    tmp_path: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other light, or other sources of the simulator: nothing old is taken for new."""
    reproduce(PAPER, tmp_path, only=["one"])
    before = (tmp_path / "one.csv").read_text()
    (again,) = reproduce(PAPER, tmp_path, only=["one"], scale=0.5).finished
    assert len(measured) == 4
    assert again.is_new
    assert (tmp_path / "one.csv").read_text() != before
    monkeypatch.setattr("netsim.studies.tasks.simulator_sources_sha256", lambda: "edited")
    reproduce(PAPER, tmp_path, only=["one"])
    assert len(measured) == 6
    assert len(simulator_sources_sha256()) == 64


def test_two_shots_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name that stands for two different shots would give one of them the other's counts."""
    clash = replace(item("two"), shots=lambda: [replace(s, light_s=0.1) for s in shots("one")])
    with pytest.raises(ValueError, match="two different shots"):
        reproduce(Paper("x", "x", "x", (), (item("one"), clash)), tmp_path)


# Files ------------------------------------------------------------------------------------------


def comparison(directory: Path) -> list[dict[str, object]]:
    """Entries of comparison.json."""
    entries: list[dict[str, object]] = json.loads((directory / "comparison.json").read_text())
    return entries


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a finished run."""
    directory = tmp_path_factory.mktemp("finished")
    reproduce(PAPER, directory)
    return directory


def test_comparison_has_its_schema(finished: Path) -> None:
    """A list of objects with these keys: names and note are text, the others numbers or null."""
    entries = comparison(finished)
    assert len(entries) == 4
    for entry in entries:
        assert list(entry) == SCHEMA
        assert all(isinstance(entry[key], str) for key in ("item", "quantity", "note"))
        assert all(isinstance(entry[key], float) for key in ("simulated", "sigma", "twin"))
    assert [entry["paper"] for entry in entries] == [None, 12345.5, None, 12345.5]


def test_tables_hold_value_error_twin_and_deviation(finished: Path) -> None:
    """The CSV has a header and a row a setting; its deviation is (value - twin) / error."""
    with (finished / "one.csv").open() as file:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    assert [row["power_mw"] for row in rows] == [0.2, 0.4]
    for row in rows:
        error = (row["singles_hz"] - row["singles_hz_twin"]) / row["singles_hz_sigma"]
        assert row["singles_hz_deviation"] == pytest.approx(error, abs=1e-4)
        assert abs(error) < 5.0


class Loads(HTMLParser):
    """Collects what a page would load, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Anything with an address is loaded, but for links that a reader follows."""
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in {"src", "href", "data", "srcset", "action", "poster"} and value:
                (self.links if tag == "a" else self.loads).append(value)


def test_the_page_loads_nothing(finished: Path) -> None:
    """No script, style, image or font from anywhere; plotly.js is in it, once."""
    text = (finished / "index.html").read_text()
    found = Loads()
    found.feed(text)
    assert found.loads == ["data:,"]
    assert {link for link in found.links if not link.startswith("#")} == {
        f"{name}.{suffix}" for name in ("one", "two") for suffix in ("csv", "svg", "html")
    }
    style = text[: text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert len(re.findall(r"plotly\.js v\d", text)) == 1
    assert text.count("Plotly.newPlot(") >= 2


def test_the_page_shows_texts_as_they_are(finished: Path) -> None:
    """Titles, notes and quantities with < and & are text, not markup."""
    text = (finished / "index.html").read_text()
    for shown in (
        "A &lt;made-up&gt; paper",
        "&lt;b&gt;not printed&lt;/b&gt;",
        "&lt;angles&gt; &amp;",
    ):
        assert shown in text
    assert "12345.5" in text


def test_two_user_topology_has_the_pumps_that_the_made_up_paper_changes() -> None:
    """The powers of the made-up items differ, so that its tests compare different shots."""
    low, high = shots("one")
    assert low.topology != high.topology
    assert high.topology == load_topology("two_user")
