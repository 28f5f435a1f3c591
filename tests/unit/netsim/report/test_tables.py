"""The closing tables: complete, inside the width, readable without colour."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from netsim.report.tables import print_run
from netsim.report.text import byte_count
from netsim.results import Run
from tests.unit.netsim.runs import made_up_run


def rendered(run: Run, *, width: int, colour: bool = False) -> str:
    """What `print_run` writes to a console of `width` columns."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    print_run(run, console)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_fits_and_is_complete(width: int) -> None:
    """At every usual width no line is too long, no cell is cut, no figure is missing."""
    text = rendered(made_up_run(), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2026" not in text
    lane_figures = ("860.0", "858.0*", "0.933", "0.932", "3.36", "3.39", "3.40", "458.8", "454.6")
    link_figures = ("1.050", "18000", "28000", "464.5", "1.23 MB", "19")
    others = ("C50&C30", "C54&C26", "205761", "1946.9", "* printed as 585.0", "A made-up paper")
    for figure in (*lane_figures, *link_figures, *others):
        assert figure in text, figure


@pytest.mark.parametrize("width", [80, 120])
def test_long_names_do_not_cut_figures(width: int) -> None:
    """A user with a long name costs lines or columns, never digits."""
    text = rendered(made_up_run(name="a_user_with_quite_a_long_name"), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2026" not in text
    for figure in ("860.0", "458.8", "28000"):
        assert figure in text


def test_narrow_consoles_stack_the_lanes() -> None:
    """A lane takes one line at 120 columns and a block of lines at 80."""
    wide = rendered(made_up_run(), width=120).splitlines()
    narrow = rendered(made_up_run(), width=80).splitlines()
    assert any("860.0" in line and "454.6" in line for line in wide)
    assert not any("860.0" in line and "454.6" in line for line in narrow)


def test_nothing_is_shown_as_a_dash() -> None:
    """A lane without bits has dashes for QBER and visibility, not zeros."""
    row = next(line for line in rendered(made_up_run(), width=120).splitlines() if "C54" in line)
    assert row.split()[:3] == ["Alice", "&", "Bob"]
    assert "-" in row.split()
    assert "nan" not in row


def test_partial_runs_say_so() -> None:
    """The headline of an interrupted run says that it is one."""
    assert "PARTIAL" in rendered(made_up_run(partial=True), width=80)
    assert "PARTIAL" not in rendered(made_up_run(), width=80)


def test_colour_marks_large_deviations_only() -> None:
    """A lane 30 sigma off is red; without colour the same text stands, and no escape codes."""
    run = made_up_run()
    off = replace(run.lanes[0], twin=replace(run.lanes[0].twin, sifted_hz=2 * 858.0))
    run = replace(run, lanes=(off,))
    assert "\x1b[31m" in rendered(run, width=120, colour=True)
    assert "\x1b[31m" not in rendered(made_up_run(), width=120, colour=True)
    assert "\x1b" not in rendered(run, width=120)


def test_byte_counts() -> None:
    """Three digits with a decimal unit; never 1000 of a smaller one."""
    sizes = (0, 999, 1000, 999_499, 999_500, 1_234_567, 10**15)
    assert [byte_count(size) for size in sizes] == [
        "0 B",
        "999 B",
        "1 kB",
        "999 kB",
        "1 MB",
        "1.23 MB",
        "1e+03 TB",
    ]
