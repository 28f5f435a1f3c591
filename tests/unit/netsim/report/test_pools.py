"""Pool levels come from the ledger's rows alone."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import netsim
from netsim.cli import run_command
from netsim.pools.history import BOTH, pool_histories
from netsim.pools.ledger import Account, Movement
from netsim.report.pools import ASCII_BLOCKS, BLOCKS, print_pools, sparkline
from netsim.units import PS_PER_S
from tests.unit.netsim.runs import DURATION_PS, ENDS, LINK, made_up_movements, made_up_run


def test_levels_are_the_running_balance() -> None:
    """The level jumps at the deposit, at that very picosecond, and key spent lowers it."""
    spent = Movement(50 * PS_PER_S, LINK, "Alice", -1, Account.POOL, Account.SPENT, 872)
    rows = sorted([*made_up_movements(), spent], key=lambda row: row.time_ps)
    alice, bob, both = pool_histories(rows)
    assert both.end == BOTH
    deposit_ps = 30 * PS_PER_S
    assert alice.level_at(deposit_ps - 1) == 0
    assert alice.level_at(deposit_ps) == 27_872
    assert alice.level_at(DURATION_PS) == 27_000
    assert bob.level_at(DURATION_PS) == 27_872
    assert (alice.deposited_bits, alice.spent_bits) == (27_872, 1_000)
    assert bob.balances_bits[Account.RESERVE] == 16_512 + 128 - 128
    assert bob.balances_bits[Account.DOUBT] == 0


def test_pool_and_reserve_together_are_the_key_of_the_run() -> None:
    """What blocks give the reserve is told apart from the key held before the run."""
    run = made_up_run()
    for history in pool_histories(made_up_movements())[:2]:
        assert history.reserved_bits == 128
        assert history.deposited_bits + history.reserved_bits == run.links[0].counts.deposited_bits
    file = io.StringIO()
    print_pools(made_up_movements(), Console(file=file, width=80), end_ps=DURATION_PS)
    text = " ".join(file.getvalue().split())
    assert "refills the reserve" in text
    assert "its own scale" in text


def test_moments_of_months_are_whole_seconds() -> None:
    """Not powers of ten, which are no shorter."""
    file = io.StringIO()
    print_pools(made_up_movements(), Console(file=file, width=80), end_ps=90 * 86_400 * PS_PER_S)
    assert " 7776000 s" in file.getvalue()


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40))
def test_sparkline_keeps_the_order(levels: list[int]) -> None:
    """Higher levels never look lower; zero is the lowest mark and only zero is."""
    marks = [BLOCKS.index(mark) for mark in sparkline(levels)]
    assert len(marks) == len(levels)
    for level, mark in zip(levels, marks, strict=True):
        assert (mark == 0) == (level == 0)
    ranked = sorted(zip(levels, marks, strict=True))
    assert [mark for _, mark in ranked] == sorted(marks)


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_and_name_both_ends(width: int) -> None:
    """Both ends are shown with level, sparkline and balances, inside the width."""
    file = io.StringIO()
    print_pools(made_up_movements(), Console(file=file, width=width), end_ps=DURATION_PS)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert all(end in text for end in ENDS)
    assert "27872" in text
    assert "60 s" in text
    assert BLOCKS[-1] in text


@pytest.mark.parametrize("width", [80, 120])
def test_long_names_and_much_key_stay_on_one_line(width: int) -> None:
    """A day of a fast link: fewer moments are shown where there is no room, none is broken."""
    link, day_ps = "alice-charlie", 86_400 * PS_PER_S
    rows = [
        Movement(time_ps, link, end, 0, Account.OPEN, Account.POOL, 50_000_000)
        for time_ps in (1, day_ps)
        for end in ("alice", "charlie")
    ]
    file = io.StringIO()
    print_pools(rows, Console(file=file, width=width), end_ps=day_ps)
    lines = file.getvalue().splitlines()
    assert "86400 s" in file.getvalue()
    for end in ("alice", "charlie", BOTH):
        (line,) = [line for line in lines if re.match(rf"{link} +{end} .*{BLOCKS[-1]}", line)]
        assert "100000000" in line
    assert sum(line.startswith(link) for line in lines) == 5
    assert max(map(len, lines)) <= width


def test_without_unicode_the_sparkline_is_ascii() -> None:
    """A terminal that knows ASCII only gets ASCII only."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_pools(made_up_movements(), Console(file=file, width=80), end_ps=DURATION_PS)
    file.flush()
    assert ASCII_BLOCKS[-1] in raw.getvalue().decode("ascii")


def test_an_empty_ledger_says_so() -> None:
    """No movement: one line, no table."""
    file = io.StringIO()
    print_pools((), Console(file=file, width=80), end_ps=0)
    assert "no key yet" in file.getvalue()


def test_what_both_ends_have() -> None:
    """A block counts once both have it, as far as neither has taken from it."""
    rows = [
        Movement(1, LINK, "Bob", 0, Account.DOUBT, Account.POOL, 500),
        Movement(2, LINK, "Bob", 1, Account.DOUBT, Account.POOL, 300),
        Movement(3, LINK, "Alice", 0, Account.DOUBT, Account.POOL, 500),
        Movement(4, LINK, "Bob", 0, Account.POOL, Account.SPENT, 200),
        Movement(5, LINK, "Alice", 0, Account.POOL, Account.SPENT, 200),
        Movement(6, LINK, "Alice", 1, Account.DOUBT, Account.POOL, 300),
    ]
    *_, both = pool_histories(rows)
    assert [both.level_at(time_ps) for time_ps in range(7)] == [0, 0, 0, 500, 300, 300, 600]
    *ends, _ = pool_histories(rows)
    assert [history.level_at(5) for history in ends] == [600, 300]


def test_json_and_csv_say_what_the_tables_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Balances of each end, levels of both and in common, whole; a plot by its suffix."""
    out = tmp_path / "run"
    netsim.simulate(
        "two_user", duration_s=120, fidelity="rate", out=out, overrides={"protocol.round_s": 30}
    )
    csv_file, plot = tmp_path / "pools.csv", tmp_path / "pools.svg"
    command = ["pools", str(out), "--json", "--csv", str(csv_file), "--plot", str(plot)]
    assert run_command(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["end"] for entry in told] == ["alice", "bob", BOTH]
    link = netsim.load_run(out).links[0]
    for entry in told[:2]:
        into = entry["to_pool_bits"] + entry["to_reserve_bits"]
        assert into == link.counts.deposited_bits
        assert entry["levels"][-1]["usable_bits"] == entry["pool_bits"]
    with csv_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(entry["levels"]) for entry in told)
    assert rows[-1] == {
        "link": "alice-bob",
        "end": BOTH,
        "time_s": str(told[2]["levels"][-1]["time_s"]),
        "usable_bits": str(told[2]["levels"][-1]["usable_bits"]),
    }
    assert "</svg>" in plot.read_text()
    assert run_command(["pools", str(out), "--plot", str(tmp_path / "pools.gif")]) == 2
