"""The pages in docs/ build without a warning, and what they show works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.cli import run_command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first_steps.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """Fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_pages_build(tmp_path: Path) -> None:
    """Warnings are errors."""
    pytest.importorskip("sphinx")
    options = ("-q", "-W", "--keep-going", "-b", "html", str(ROOT / "docs"), str(tmp_path))
    subprocess.run([sys.executable, "-m", "sphinx", *options], check=True, cwd=ROOT)
    assert "netsim.predict" in (tmp_path / "reference.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_first_steps_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command and the Python block, in one directory."""
    monkeypatch.chdir(tmp_path)
    for block in blocks("sh"):
        for line in block.splitlines():
            words = shlex.split(line)
            assert words[0] == "netsim"
            assert run_command(words[1:]) == 0, line
    assert (tmp_path / "day" / "report.html").is_file()
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        )
        assert len(done.stdout.splitlines()) == 3
