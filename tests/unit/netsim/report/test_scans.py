"""Tables over a grid on narrow terminals, and what they say below."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from netsim.cli import run_command
from netsim.report.excerpt import MAX_NAMES, link_notes
from netsim.report.sweep import print_sweep
from netsim.studies.estimates import Cell
from netsim.studies.grid import Axis
from netsim.studies.measures import MEASURES
from netsim.studies.sweep import Sweep
from tests.unit.netsim.runs import made_up_run

AXIS = Axis("qnsp.source.pumps.*.power_mw", ("0.2",))


def swept() -> Sweep:
    """One point, numbers of eight characters."""
    row: dict[str, Cell] = {AXIS.path: 0.2, "link": "alice & bob", "seeds": 2, "reason": ""}
    for number, measure in enumerate(MEASURES):
        mean = (1000.0 + number) / measure.scale
        row |= {measure.name: mean, f"{measure.name}_twin": mean}
        row |= {f"{measure.name}_low": 0.98 * mean, f"{measure.name}_high": 1.02 * mean}
    return Sweep((AXIS,), (row,), total=2, done=2)


@pytest.mark.parametrize(("width", "tables"), [(80, 2), (160, 1)])
def test_a_narrow_sweep_is_two_tables(width: int, tables: int) -> None:
    """No line is wider than the terminal, and no figure is lost."""
    file = io.StringIO()
    print_sweep("title", swept(), Console(file=file, width=width, highlight=False))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.startswith("power_mw") for line in lines) == tables
    assert file.getvalue().count("title") == 1
    for number in range(len(MEASURES)):
        assert file.getvalue().count(f"100{number}.") == 2


def test_a_sweep_refused_everywhere_says_why() -> None:
    """No table without rows, and no legend of one."""
    row: dict[str, Cell] = {AXIS.path: 0.2, "link": "", "seeds": 0, "reason": "ConfigError: no"}
    file = io.StringIO()
    print_sweep("title", Sweep((AXIS,), (row,), total=1, done=1), Console(file=file, width=80))
    assert file.getvalue() == "0.2: ConfigError: no\n"


def test_a_curve_says_why_there_is_no_net_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Where asymptotic key is without net key, and not otherwise."""
    for power_mw, is_said in (("0.01", True), ("0.4", False)):
        axis = f"qnsp.source.pumps.*.power_mw={power_mw}"
        assert run_command(["twin", "two_user", "--over", axis]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert ("No net key where there is SKR" in told) is is_said
        assert "By formula, without a photon" in told


def test_links_of_one_note_share_a_line() -> None:
    """By name; of many the first one and how many more."""
    (link, *_) = made_up_run().links
    few = [replace(link, users=("a", f"u{k}"), notes="too dim") for k in range(MAX_NAMES)]
    assert list(link_notes(few[:2])) == ["a & u0, a & u1: too dim."]
    more = replace(link, users=("a", "z"), notes="too dim")
    other = replace(link, users=("a", "y"), notes="bright")
    assert list(link_notes([*few, more, other])) == [
        f"a & u0 and {MAX_NAMES} other links: too dim.",
        "a & y: bright.",
    ]
