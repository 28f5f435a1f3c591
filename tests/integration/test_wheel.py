"""The wheel in an environment of its own, away from the checkout, with nothing but its base."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import ROOT

MOST_BYTES = 500_000_000
"""Of all that the base installs."""


def run(*words: str, place: Path) -> str:
    """What a command prints; nothing of the checkout is on its path."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(  # this interpreter, our own wheel
        words, cwd=place, env=environment, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of a new environment that holds the wheel."""
    place = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", str(place), str(ROOT), place=place)
    (wheel,) = place.glob("qnsp_netsim-*.whl")
    run(sys.executable, "-m", "venv", str(place / "own"), place=place)
    programs = place / "own" / "bin"
    own = (str(programs / "python"), "-m", "pip", "install", "--quiet")
    run(*own, "-c", str(ROOT / "constraints.txt"), str(wheel), place=place)
    return programs


@pytest.mark.slow
def test_the_wheel_runs(installed: Path, tmp_path: Path) -> None:
    """A run, its page without plots, the twin, and a clear word where an extra is missing."""
    netsim = str(installed / "netsim")
    light = ("--duration", "2s", "--set", "protocol.round_s=1", "--out", "results")
    told = json.loads(run(netsim, "run", "two_user", *light, "--json", place=tmp_path))
    assert told["totals"]["net_key_bps"] > 0
    run(netsim, "report", "results", place=tmp_path)
    assert "pip install" in (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert "liu2022" in run(netsim, "list", place=tmp_path)
    assert json.loads(run(netsim, "schema", place=tmp_path))["title"] == "TopologySpec"
    words = (netsim, "sweep", "two_user", "--optimise", "qber", "--over", "window_ps=500:900")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "needs the extra optimise" in done.stderr


@pytest.mark.slow
def test_the_base_is_small(installed: Path) -> None:
    """Without pip, which the environment brings."""
    (packages,) = (installed.parent / "lib").glob("python*/site-packages")
    size = sum(
        path.stat().st_size
        for path in packages.rglob("*")
        if path.is_file() and path.relative_to(packages).parts[0] != "pip"
    )
    assert size < MOST_BYTES
    assert not list(packages.glob("matplotlib")) + list(packages.glob("scipy"))
