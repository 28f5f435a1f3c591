"""The closing tables: complete, inside the width, readable without colour."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from netsim.pools.pool import Comparison
from netsim.report.excerpt import MAX_ROWS, usual_largest_sigma
from netsim.report.tables import print_run
from netsim.report.text import byte_count, fixed, sigma
from netsim.results.run import Run
from tests.unit.netsim.runs import made_up_run


def rendered(run: Run, *, width: int, colour: bool = False, legend: bool = False) -> str:
    """What `print_run` writes to a console of `width` columns."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    print_run(run, console, legend=legend)
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


def test_sigmas_have_no_signed_zero_and_hide_no_excess() -> None:
    """Nothing is -0.0, and what counts as beyond 3 is never shown as 3.0."""
    shown = {-0.04: "0.0", 0.04: "0.0", -0.06: "-0.1", 3.0: "+3.0", -2.97: "-3.0", 3.06: "+3.1"}
    assert {value: sigma(value) for value in shown} == shown
    assert (sigma(3.04), sigma(-3.004), sigma(10.04)) == ("+3.04", "-3.004", "+10.0")
    assert sigma(None) == "-"


def test_partial_runs_say_so() -> None:
    """The headline of an interrupted run says that it is one."""
    assert "PARTIAL" in rendered(made_up_run(partial=True), width=80)
    assert "PARTIAL" not in rendered(made_up_run(), width=80)


def test_unequal_keys_cannot_be_overlooked() -> None:
    """One block that differs is told in capitals; blocks in doubt are told, equal ones counted."""
    run = made_up_run()
    link = replace(run.links[0], pools=Comparison(equal=3, lone=2))
    text = " ".join(rendered(replace(run, links=(link,)), width=80).split())
    assert "compared bit for bit: 3 blocks" in text
    assert "2 at one end only" in text
    link = replace(link, pools=Comparison(unequal=1))
    assert "KEYS DIFFER: 1" in rendered(replace(run, links=(link,)), width=80)


@pytest.mark.parametrize("width", [80, 120])
def test_alarms_and_open_links_cannot_be_overlooked(width: int) -> None:
    """Alarms are told with their link at any width; a link that has not closed shows a dash."""
    run = made_up_run()
    assert "ALARMS" not in rendered(run, width=width)
    link = replace(run.links[0], counts=replace(run.links[0].counts, alarms=7), settle_ps=0)
    told = rendered(replace(run, links=(link,)), width=width)
    assert f"ALARMS: {' & '.join(link.users)} 7;" in " ".join(told.split())
    if width == 120:
        (row,) = (line for line in told.splitlines() if line.split()[-2:] == ["7", "-"])
        assert row.startswith(" & ".join(link.users))


def test_no_columns_for_a_publication_that_there_is_none_of() -> None:
    """With figures to compare with there are."""
    run = made_up_run()
    lanes = tuple(replace(lane, paper=None) for lane in run.lanes)
    header = rendered(run, width=120).splitlines()[4]
    bare = rendered(replace(run, lanes=lanes), width=120).splitlines()[4]
    assert (header.count("twin"), header.count("paper")) == (3, 4)
    assert (bare.count("twin"), bare.count("paper")) == (3, 0)


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


def large_run(links: int) -> Run:
    """A made-up network of users u0, u1, ... whose k-th link has k bits of key per second."""
    run = made_up_run()
    seconds = round(run.duration_s)
    numbers = range(links)
    users = [(f"u{number}", f"v{number}") for number in numbers]
    lanes = [
        replace(run.lanes[0], users=pair, sifted_bits=1000 * (k + 1), errors=0)
        for k, pair in enumerate(users)
    ]
    booked = [
        replace(
            run.links[0],
            users=pair,
            counts=replace(run.links[0].counts, deposited_bits=k * seconds + 128),
            notes="no lock",
        )
        for k, pair in enumerate(users)
    ]
    return replace(run, lanes=tuple(lanes), links=tuple(booked))


@pytest.mark.parametrize("width", [80, 120])
def test_large_networks_show_their_ends_and_what_all_have_done(width: int) -> None:
    """Of 780 lanes and links the ten poorest and richest, sums of all, and each note once."""
    text = rendered(large_run(780), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) < 160
    names = [f"u{k} & v{k}" for k in (*range(10), *range(770, 780))]
    assert all(text.count(f"{name} ") >= 2 for name in names)
    assert "u10 & v10 " not in text
    assert "u769 & v769 " not in text
    assert "of 780, the 10 with the least key and the 10 with the most" in text
    assert "780 links: 780 deposited key" in text
    assert "u0 & v0 and 779 other links: no lock." in " ".join(text.split())


def test_small_networks_are_shown_whole() -> None:
    """Up to 40 lanes and links nothing is left out, in the order of the run."""
    text = rendered(large_run(MAX_ROWS), width=120)
    rows = [line.split()[0] for line in text.splitlines() if line.startswith("u")]
    assert rows[:MAX_ROWS] == rows[MAX_ROWS : 2 * MAX_ROWS] == [f"u{k}" for k in range(MAX_ROWS)]
    assert "the 10 with the least key" not in text


@pytest.mark.parametrize(("count", "sigma"), [(1, 0.674), (780, 3.32), (1_000_000, 4.963)])
def test_largest_deviation_of_many(count: int, sigma: float) -> None:
    """Half of the time the largest of so many normal deviations is below this (by erf)."""
    assert usual_largest_sigma(count) == pytest.approx(sigma, abs=0.01)
    assert math.erf(sigma / math.sqrt(2)) ** count == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_width_breaks_a_name_or_cuts_a_figure(width: int) -> None:
    """Six digits of key, long names and an epsilon at 80 columns: columns go, names do not."""
    run = made_up_run()
    counts = replace(run.links[0].counts, deposited_bits=123_456_789, leaked_bits=23_456_789)
    link = replace(
        run.links[0],
        users=("alexandria", "bartholomew"),
        counts=replace(counts, secrecy_epsilon=1e-10),
    )
    lines = rendered(replace(run, links=(link,)), width=width).splitlines()
    (row,) = [line for line in lines if line.startswith("alexandria & bartholomew ")]
    assert "123456789" in row
    assert all(len(line) <= width for line in lines)


def test_small_print_is_there_when_asked_for() -> None:
    """What columns mean comes with the legend; what is assumed stands there always."""
    run = made_up_run()
    links = tuple(replace(link, assumptions="trusted devices") for link in run.links)
    run = replace(run, links=links)
    plain, told = rendered(run, width=120), rendered(run, width=120, legend=True)
    assert "Assumed: trusted devices." in plain
    assert "Assumed: trusted devices." in told
    assert "--legend" in plain
    assert "--legend" not in told
    for words in ("Lanes are scored by the simulator", "Links are booked by the parties"):
        assert words in told
        assert words not in plain


@pytest.mark.parametrize(
    ("value", "shown"), [(-0.0, "0.0"), (-0.04, "0.0"), (-0.06, "-0.1"), (None, "-")]
)
def test_what_rounds_to_zero_has_no_sign(value: float | None, shown: str) -> None:
    """A net rate of a link that has paid a little more than it made, say."""
    assert fixed(value, 1) == shown
