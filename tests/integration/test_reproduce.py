"""netsim reproduce fan2025 as a user runs it: numbers beside the twin, Ctrl-C, missing plotly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netsim.report.figure import EXTRA_HINT
from netsim.reproduce.fan2025 import PAPER
from netsim.reproduce.runner import Outcome, reproduce
from tests.support.browser import beyond_px, see

ROOT = Path(__file__).parents[2]
CHEAP = ("fig3a", "fig4a", "fig4b", "fig4c", "window")
CHEAPEST = ("fig4a", "window")
SCALE = 0.004
Z_SIGMA = 5.0

HIDDEN = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"plotly", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
from netsim.cli import run_command
sys.exit(run_command(sys.argv[1:]))
"""
"""The command line where the extra ``report`` is not installed."""


@pytest.fixture(scope="module")
def cheap(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The cheap items with very little light."""
    directory = tmp_path_factory.mktemp("cheap")
    return reproduce(PAPER, directory, only=CHEAP, scale=SCALE), directory


@pytest.fixture(scope="module")
def cheapest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of two of them."""
    directory = tmp_path_factory.mktemp("cheapest")
    reproduce(PAPER, directory, only=CHEAPEST, scale=SCALE)
    return directory


@pytest.mark.slow
def test_a_browser_shows_the_index(cheapest: Path, tmp_path: Path) -> None:
    """A silent console, nothing asked of any host, no wider than a phone."""
    seen = see(cheapest / "index.html", tmp_path / "profile")
    assert seen.complaints == []
    assert "window" in seen.html
    assert beyond_px(cheapest / "index.html", tmp_path / "profile") == 0


@pytest.mark.slow
def test_cheap_items_agree_with_the_twin(cheap: tuple[Outcome, Path]) -> None:
    """Every compared quantity of these figures lies within 5 sigma of the twin."""
    outcome, _ = cheap
    assert {entry.item.name for entry in outcome.finished} == set(CHEAP)
    for entry in outcome.finished:
        deviations = [one.estimate.deviation for one in entry.findings.compared]
        known = [deviation for deviation in deviations if deviation is not None]
        assert len(known) >= len(deviations) - 1
        assert max(map(abs, known)) < Z_SIGMA


@pytest.mark.slow
def test_every_figure_has_its_files(cheapest: Path) -> None:
    """CSV, SVG and HTML beside each other; the HTML files share one plotly.js and need no net."""
    for name in CHEAPEST:
        for suffix in ("csv", "svg", "html"):
            assert (cheapest / f"{name}.{suffix}").stat().st_size > 100
        assert '<script charset="utf-8" src="plotly.min.js">' in (
            cheapest / f"{name}.html"
        ).read_text(encoding="utf-8")
    assert (cheapest / "plotly.min.js").stat().st_size > 1_000_000


@pytest.mark.slow
def test_printed_numbers_stand_where_the_text_prints_them(cheap: tuple[Outcome, Path]) -> None:
    """Fig. 4 at 0.4 mW: Table 2 and both limits; all other powers and Fig. 3: null and a reason."""
    entries = json.loads((cheap[1] / "comparison.json").read_text(encoding="utf-8"))
    printed = {entry["quantity"]: entry["paper"] for entry in entries if entry["paper"] is not None}
    assert printed == {
        "limit of the visibility for f = 1.2": 0.809,
        "limit of the QBER for f = 1.2": 0.095,
        "B&D visibility at 0.4 mW": 0.832,
        "B&D N_sift at 0.4 mW [1/s]": 267.4,
        "B&D QBER at 0.4 mW": 0.084,
        "B&D SKR at 0.4 mW [bit/s]": 22.9,
    }
    assert all(entry["note"] for entry in entries)


@pytest.mark.slow
def test_without_the_extra_numbers_are_written_all_the_same(tmp_path: Path) -> None:
    """No plotly, no matplotlib: CSV, comparison and page are there, one line says what to do."""
    finished = subprocess.run(  # this interpreter, a script of ours
        [
            *(sys.executable, "-c", HIDDEN, "reproduce", "fan2025", "--only", "fig4c"),
            *("--scale", "0.001", "--workers", "1", "--out", str(tmp_path / "out")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stderr.count(EXTRA_HINT) == 1
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"fig4c.csv", "comparison.json", "index.html", "records.jsonl"}
    entries = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert len(entries) == 7


def command(out: Path) -> list[str]:
    """Two figures with little light and two workers."""
    arguments = ["--only", "fig3g,fig4a", "--scale", "0.05", "--out", str(out)]
    return [sys.executable, "-m", "netsim", "reproduce", "fan2025", *arguments]


def finish(out: Path) -> None:
    """Run it to its end."""
    subprocess.run(command(out), cwd=ROOT, capture_output=True, check=True)  # arguments of ours


def wait_for_shots(out: Path, count: int) -> None:
    """Wait until so many shots are on record."""
    records, until = out / "records.jsonl", time.monotonic() + 120.0
    while not records.exists() or records.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until, "no shot came to its end"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on(how: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C to the whole group, or a kill: the same command does the rest, to the same numbers."""
    with subprocess.Popen(  # a process group of its own, as a shell would start it
        command(tmp_path / "cut"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_for_shots(tmp_path / "cut", 4)
        os.killpg(process.pid, how)
        _, errors = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "goes on from here" in errors
        assert (tmp_path / "cut" / "comparison.json").exists()
    before = (tmp_path / "cut" / "records.jsonl").read_bytes()
    finish(tmp_path / "cut")
    after = (tmp_path / "cut" / "records.jsonl").read_bytes()
    whole_lines = before[: before.rfind(b"\n") + 1]
    assert after.startswith(whole_lines)
    shots = [json.loads(line)["shot"] for line in after.splitlines() if b'"shot":' in line]
    assert len(shots) == len(set(shots)) == 24 + 9
    finish(tmp_path / "whole")
    for name in ("comparison.json", "fig3g.csv", "fig4a.csv"):
        cut, whole = (tmp_path / at / name for at in ("cut", "whole"))
        assert cut.read_bytes() == whole.read_bytes()
