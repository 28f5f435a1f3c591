"""Pages of comparisons, sweeps, optimisations, distilled key: numbers, escaped text, a browser."""

import csv
import json
import re
import shlex
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.report.page.directory import page_of
from netsim.studies.kept import load_comparison, load_optimum, load_sweep
from tests.support.browser import beyond_px, see
from tests.support.light import clean_tags
from tests.support.pages import ROOT

pytestmark = pytest.mark.slow
"""Making one of each takes some twenty seconds."""

EVIL = "<img src=x onerror=alert(1)>"
DISTIL = ("--delay", "5000000", "--round", "1s")
WINDOW = "protocol.window_ps"
RATE = ("--fidelity", "rate", "--duration", "30s", "--out")


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind."""
    top = tmp_path_factory.mktemp("studies")
    made = {kind: top / kind for kind in ("compare", "sweep", "distil", "optimise")}
    variants = (
        "--variant",
        "error_correction_charge=measured",
        "--variant",
        "error_correction_charge=paper",
    )
    assert run_command(["compare", "two_user", *variants, *RATE, str(made["compare"])]) == 0
    over = ("--workers", "1", "--over", "qnsp.source.pumps.*.power_mw=0.4,0.6")
    assert run_command(["sweep", "two_user", *over, *RATE, str(made["sweep"])]) == 0
    search = ("--trials", "15", "--optimise", "skr_bps", "--over", f"{WINDOW}=100:3000")
    assert run_command(["sweep", "two_user", *search, "--out", str(made["optimise"])]) == 0
    files = [str(top / f"{name}.npy") for name in ("alice", "bob")]
    for file, tags in zip(files, clean_tags(1, 2.0), strict=True):
        np.save(file, tags)
    command = ["distil", *files, *DISTIL, "--out"]
    assert run_command([*command, str(made["distil"])]) == 0
    return made


def test_what_is_read_back_is_what_was_found(directories: dict[str, Path]) -> None:
    """A comparison gives the same JSON again, a sweep the same table, byte for byte."""
    outcomes = load_comparison(directories["compare"])
    told = json.loads((directories["compare"] / "compare.json").read_text())
    assert [one.summary() for one in outcomes] == told
    asked, found = load_sweep(directories["sweep"])
    assert found.csv() == (directories["sweep"] / "sweep.csv").read_text()
    assert (asked["topology"], found.done, found.total) == ("two_user", 2, 2)


def test_sweep_of_rows_without_notes_is_read(directories: dict[str, Path], tmp_path: Path) -> None:
    """As those of earlier versions."""
    old = shutil.copytree(directories["sweep"], tmp_path / "old")
    with (old / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "notes"]
    with (old / "sweep.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, names, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    assert len(load_sweep(old)[1].rows) == len(rows) > 0


def test_pages_show_the_numbers(directories: dict[str, Path]) -> None:
    """Net key of each variant, each point, each round; and commands that repeat it."""
    pages = {kind: unescape(page_of(path)) for kind, path in directories.items()}
    for outcome in load_comparison(directories["compare"]):
        assert f">{outcome.run.links[0].net_key_bps:.1f}<" in pages["compare"]
    told = json.loads((directories["distil"] / "summary.json").read_text())
    assert told["blocks"]
    for block in told["blocks"]:
        assert f">{block['key_bits']}<" in pages["distil"]
    made = json.loads((directories["distil"] / "made.json").read_text())
    assert f"<pre>{shlex.join(made['command'])}</pre>" in pages["distil"]
    assert f"numpy {made['versions']['numpy']}" in pages["distil"]
    for row in load_sweep(directories["sweep"])[1].rows:
        assert f">{float(str(row['net_key_bps'])):.1f}<" in pages["sweep"]
    assert "netsim sweep two_user --over 'qnsp.source.pumps.*.power_mw=0.4,0.6'" in pages["sweep"]
    found = load_optimum(directories["optimise"])
    for trial in found.trials:
        assert trial.value is not None
        assert f">{trial.value:.1f}<" in pages["optimise"]
    assert found.best is not None
    assert f"netsim run two_user --set {found.best.overrides[0]}" in pages["optimise"]
    search = f"netsim sweep two_user --optimise skr_bps --over {WINDOW}=100:3000 --trials 15"
    assert search in pages["optimise"]


def test_studies_of_a_file_are_repeated_from_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's command gives the same table, byte for byte, where the file is gone."""
    file = tmp_path / "mine.toml"
    shutil.copy(ROOT / "topologies" / "two_user.toml", file)
    kinds: dict[str, tuple[str, ...]] = {
        "sweep": ("--over", "users.*.fibre.length_m=0,5000", *RATE[:-1]),
        "optimise": ("--over", f"{WINDOW}=100:3000", "--optimise", "skr_bps", "--trials", "5"),
    }
    for kind, words in kinds.items():
        out = str(tmp_path / kind)
        change = ("--set", "protocol.round_s=2")
        assert run_command(["sweep", str(file), *words, *change, "--out", out]) == 0
    file.unlink()
    for kind in kinds:
        monkeypatch.chdir(tmp_path / kind)
        page = unescape(page_of(Path()))
        (command,) = re.findall(r"<pre>netsim (sweep topology.json .*?)</pre>", page)
        assert run_command(shlex.split(command)) == 0
        table = Path(f"{kind}.csv")
        assert (Path("again") / table).read_bytes() == table.read_bytes()


def test_names_are_text(directories: dict[str, Path], tmp_path: Path) -> None:
    """Markup of a file is shown, never obeyed."""
    for kind, file, name in (
        ("compare", "compare.json", "topology"),
        ("sweep", "sweep.json", "topology"),
        ("distil", "summary.json", "assumptions"),
        ("optimise", "optimise.json", "topology"),
    ):
        copy = tmp_path / kind
        shutil.copytree(directories[kind], copy)
        told = json.loads((copy / file).read_text())
        for entry in told if isinstance(told, list) else [told]:
            entry[name] = EVIL
        (copy / file).write_text(json.dumps(told))
        page = page_of(copy)
        assert EVIL not in page
        assert EVIL in unescape(page)


def test_what_is_not_whole_is_refused(directories: dict[str, Path], tmp_path: Path) -> None:
    """Missing runs, broken tables, an old sweep, nothing at all: one plain error each."""
    for kind, path in directories.items():
        shutil.copytree(path, tmp_path / kind)
    shutil.rmtree(next((tmp_path / "compare").glob("01-*")))
    (tmp_path / "sweep" / "sweep.csv").write_text("nothing\n1\n")
    told = json.loads((tmp_path / "distil" / "summary.json").read_text())
    del told["tags"]
    (tmp_path / "distil" / "summary.json").write_text(json.dumps(told))
    (tmp_path / "optimise" / "optimise.csv").unlink()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "sweep.csv").write_text("")
    for name in ("compare", "sweep", "distil", "optimise", "old", "nowhere"):
        with pytest.raises(ConfigError):
            page_of(tmp_path / name)


def test_a_browser_draws_them(directories: dict[str, Path], tmp_path: Path) -> None:
    """All plots are drawn, nothing is asked of any host, the console is silent."""
    for kind, path in directories.items():
        page = tmp_path / f"{kind}.html"
        page.write_text(page_of(path), encoding="utf-8")
        seen = see(page, tmp_path / "profile")
        assert seen.complaints == [], kind
        assert seen.html.count('class="main-svg"') >= 1, kind
        assert beyond_px(page, tmp_path / "profile") == 0, kind
