"""The pages in docs/ build without a warning, and what they begin with works at full length."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.cli import run_command
from tests.support.pages import PAGES, ROOT, shell_lines


@pytest.mark.slow
def test_the_pages_build(tmp_path: Path) -> None:
    """Warnings are errors."""
    pytest.importorskip("sphinx")
    options = ("-q", "-W", "--keep-going", "-b", "html", str(ROOT / "docs"), str(tmp_path))
    subprocess.run([sys.executable, "-m", "sphinx", *options], check=True, cwd=ROOT)
    assert "netsim.predict" in (tmp_path / "reference.html").read_text(encoding="utf-8")
    assert 'href="your_network.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_network_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command, in one directory and in full: a day of key, shown on a page."""
    monkeypatch.chdir(tmp_path)
    for line in shell_lines(PAGES["docs/your_network.md"]):
        words = shlex.split(line)
        assert words[0] == "netsim"
        assert run_command(words[1:]) == 0, line
    assert (tmp_path / "day" / "report.html").is_file()
