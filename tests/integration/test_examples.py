"""Scripts in examples/ run as they stand, and print what is so."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import netsim
from tests.support.pages import PAGES, ROOT

SCRIPTS = sorted(path.stem for path in (ROOT / "examples").glob("[a-z]*.py"))
MOST_LINES = 15


def code_lines(name: str) -> list[str]:
    """Lines of a script behind its docstring that are not blank."""
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    _, _, code = text.partition('"""\n')
    return [line for line in code.splitlines() if line.strip()]


def run_script(name: str, place: Path) -> str:
    """What it prints; a warning is an error."""
    return subprocess.run(  # this interpreter, our own script
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def test_the_page_shows_every_script() -> None:
    """Each with its code and what it printed, and none else."""
    page = PAGES["docs/examples.md"]
    shown = re.findall(r"literalinclude\} \.\./examples/(\w+)\.py", page)
    assert sorted(shown) == SCRIPTS
    assert re.findall(r"literalinclude\} made/(\w+)/output\.txt", page) == shown


def test_a_lab_takes_few_lines() -> None:
    """Network, two curves with plots and a day of key."""
    assert len(code_lines("three_users")) < MOST_LINES


@pytest.mark.slow
def test_three_users(tmp_path: Path) -> None:
    """A day of key of each link is 24 times what the twin expects of an hour, within 2 %."""
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    lines = run_script("three_users", tmp_path).splitlines()
    lab = netsim.new("star", users=3, distance="25km", efficiency=0.2)
    finite = ["protocol.security=finite", "protocol.estimation=sample", "protocol.round_s=3600"]
    links = netsim.predict(lab, overrides=finite).links
    assert len(lines) == len(links) == 3
    for line, link in zip(lines, links, strict=True):
        one, other, bits, *_ = line.split()
        assert (one, other) == link.users
        assert int(bits) == pytest.approx(24 * (link.key_bits or 0), rel=0.02)
    for name in ("pump_power_mw", "length_m"):
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_best_power(tmp_path: Path) -> None:
    """What is printed as the best is what the twin says there, and more than there is."""
    pytest.importorskip("optuna")
    before, best, _ = run_script("best_power", tmp_path).splitlines()
    values = []
    for line in (before, best):
        _, settings, value = line.split(": ")
        forecast = netsim.predict("two_user", overrides=settings.split(", "))
        net_bps = sum(link.net_key_bps or 0.0 for link in forecast.links)
        assert value == f"{net_bps:.1f} bit/s"
        values.append(net_bps)
    assert values[1] > 2 * values[0]


@pytest.mark.slow
def test_eve_on_the_fibre(tmp_path: Path) -> None:
    """Errors grow by p / (4 - p), within 4 sigma; no key is left at the largest share."""
    lines = run_script("eve_on_the_fibre", tmp_path).splitlines()
    told = [re.fullmatch(r"(.*): QBER (.*)%, (\d+) bits of key", line) for line in lines]
    found = [tuple(map(float, one.groups())) for one in told if one]
    assert len(found) == 4
    sifted = 4 * netsim.predict("two_user").links[0].sifted_hz
    _, base, _ = found[0]
    for share, percent, _ in found[1:]:
        more = share / (4 - share)
        expected = base / 100 * (1 - more) + more * (1 - base / 100)
        sigma = (expected / (sifted * (1 - share / 4))) ** 0.5 + (base / 100 / sifted) ** 0.5
        assert abs(percent / 100 - expected) < 4 * sigma
    keys = [bits for *_, bits in found]
    assert keys == sorted(keys, reverse=True)
    assert keys[0] > keys[-1] == 0


@pytest.mark.slow
def test_help_teaches_what_works(tmp_path: Path) -> None:
    """The example of `help(netsim)` runs as it stands, in a process of its own, and prints."""
    _, _, text = (netsim.__doc__ or "").partition("::\n")
    example = "\n".join(line for line in text.splitlines() if line.startswith("    "))
    printed = subprocess.run(  # this interpreter, our own docstring
        [sys.executable, "-W", "error", "-c", textwrap.dedent(example)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert "twin:" in printed
