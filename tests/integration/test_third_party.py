"""Variants of others: the guide's example, as a program and as an installed distribution."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import ROOT, blocks, section

SECTION = section("docs/variants.md", "A variant of your own")
PROGRAM, *_ = blocks("python", SECTION)
(DECLARED,) = blocks("toml", SECTION)
COMMAND = ("run", "two_user", "--duration", "5s", "--set", "protocol.security=five-sigma", "--json")


def installed(directory: Path, module: str) -> Path:
    """A directory that holds the example as a distribution, declared as the guide says."""
    declared = re.fullmatch(r'\[project\.entry-points\."(.*)"\]\n(.*) = "(.*)"\n', DECLARED)
    assert declared is not None
    group, name, target = declared.groups()
    information = directory / "five_sigma-1.0.dist-info"
    information.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: five-sigma\nVersion: 1.0\n"
    (information / "METADATA").write_text(metadata)
    (information / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    if module:
        (directory / "my_package.py").write_text(module)
    return directory


def netsim(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own that finds what is installed there."""
    return subprocess.run(  # this interpreter, this package
        [sys.executable, "-m", "netsim", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(directory), str(ROOT)))},
        cwd=directory,
        capture_output=True,
        check=False,
        text=True,
    )


def test_the_example_is_short_and_complete() -> None:
    """At most 30 lines, registered by one of them, named by the topology in another."""
    assert len(PROGRAM.splitlines()) <= 30
    assert '\nregister("security", "five-sigma", FiveSigma)\n' in PROGRAM
    assert "protocol.security=five-sigma" in PROGRAM


@pytest.mark.slow
def test_an_installed_variant_runs_by_its_name(tmp_path: Path) -> None:
    """A distribution with an entry point is enough: `netsim run` uses it and says so."""
    module = PROGRAM.split("\nregister(")[0]
    result = netsim(installed(tmp_path / "site", module), *COMMAND)
    assert result.returncode == 0, result.stderr
    (link,) = json.loads(result.stdout)["links"]
    assert link["security"] == "five-sigma"
    assert link["assumptions"].endswith("no proof")
    usual = netsim(tmp_path, *COMMAND[:-2], "protocol.security=asymptotic", "--json")
    (other,) = json.loads(usual.stdout)["links"]
    assert other["sifted_bits"] == link["sifted_bits"]
    assert 0 < link["deposited_bits"] < other["deposited_bits"]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("", "cannot be loaded: ModuleNotFoundError"),
        pytest.param("FiveSigma = dict\n", "is no Security", marks=pytest.mark.slow),
        pytest.param(
            "def FiveSigma():\n    raise RuntimeError('broken')\n",
            "RuntimeError: broken",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_broken_distribution_is_one_line(tmp_path: Path, module: str, reason: str) -> None:
    """Code that is missing, is something else or fails: one line at the key that names it."""
    result = netsim(installed(tmp_path, module), *COMMAND)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("netsim: protocol.security: ")
    assert reason in line


@pytest.mark.slow
def test_without_it_the_name_is_unknown(tmp_path: Path) -> None:
    """The name comes from the distribution and from nowhere else."""
    result = netsim(tmp_path, *COMMAND)
    assert result.returncode == 2
    assert "'five-sigma' is not one of 'asymptotic'" in result.stderr
