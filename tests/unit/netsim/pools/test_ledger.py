"""The ledger: only possible movements are booked, and half a file is readable."""

from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.pools.ledger import (
    ALLOWED_CREDITS,
    NO_BLOCK,
    Account,
    Ledger,
    Movement,
    balances,
    read_ledger,
)
from tests.unit.netsim.runs import ENDS, LINK, made_up_movements


def sifted(bits: int, time_ps: int = 0) -> Movement:
    """`bits` from light into a round."""
    return Movement(time_ps, LINK, "Alice", 0, Account.LIGHT, Account.OPEN, bits)


def test_balances_follow_the_movements() -> None:
    """Each movement leaves one account and enters the other; all of an end add up to zero."""
    ledger = Ledger()
    ledger.append(sifted(100))
    ledger.append(Movement(1, LINK, "Alice", 0, Account.OPEN, Account.POOL, 60))
    assert ledger.balance(LINK, "Alice", Account.LIGHT) == -100
    assert ledger.balance(LINK, "Alice", Account.OPEN) == 40
    assert ledger.balance(LINK, "Alice", Account.POOL) == 60
    assert ledger.balance(LINK, "Bob", Account.POOL) == 0
    assert sum(balances(ledger.movements).values()) == 0


@pytest.mark.parametrize(
    ("movement", "reason"),
    [
        (sifted(-1), "-1 bits"),
        (Movement(0, LINK, "Alice", 0, Account.OPEN, Account.POOL, 101), "holds 100 bits"),
        (Movement(0, LINK, "Bob", 0, Account.OPEN, Account.POOL, 1), "holds 0 bits"),
        (Movement(0, LINK, "Alice", 0, Account.LIGHT, Account.POOL, 1), "no way"),
        (Movement(0, LINK, "Alice", 0, Account.FAILED, Account.OPEN, 0), "no way"),
        (Movement(-1, LINK, "Alice", 0, Account.LIGHT, Account.OPEN, 1), "older"),
        (Movement(0, "a,b", "Alice", 0, Account.LIGHT, Account.OPEN, 1), "no name"),
        (Movement(0, LINK, "", 0, Account.LIGHT, Account.OPEN, 1), "no name"),
    ],
)
def test_impossible_movements_are_refused(movement: Movement, reason: str) -> None:
    """Negative bits, overdrafts, detours, time running backwards: refused, nothing is booked."""
    ledger = Ledger()
    ledger.append(sifted(100))
    with pytest.raises(ValueError, match=reason):
        ledger.append(movement)
    assert ledger.movements == (sifted(100),)


def test_every_account_is_in_the_map() -> None:
    """Each account can be entered or is an origin; wire and spent have no way out."""
    entered = {credit for ways in ALLOWED_CREDITS.values() for credit in ways}
    memos = {Account.PARITIES, Account.VERIFICATION, Account.COUNTS}
    origins = {Account.LIGHT, Account.PRESHARED} | memos
    assert entered | origins == set(Account)
    assert not entered & origins
    assert Account.SPENT not in ALLOWED_CREDITS
    assert Account.WIRE not in ALLOWED_CREDITS


def test_rows_are_on_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    """A run that is killed leaves every booked movement behind."""
    path = tmp_path / "ledger.csv"
    with Ledger(path) as ledger:
        for movement in made_up_movements():
            ledger.append(movement)
            assert read_ledger(path) == ledger.movements
    assert read_ledger(path) == made_up_movements()


def test_any_cut_is_readable_up_to_the_last_line(tmp_path: Path) -> None:
    """Cut anywhere behind the header, the file gives exactly its complete lines."""
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    with Ledger(whole) as ledger:
        for movement in made_up_movements():
            ledger.append(movement)
    content = whole.read_bytes()
    for size in range(content.index(b"\n") + 1, len(content) + 1):
        cut.write_bytes(content[:size])
        complete = content[:size].count(b"\n") - 1
        assert read_ledger(cut) == made_up_movements()[:complete]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time_ps,link\n",
        "{header}1,l,e,0,light,open\n",
        "{header}1,l,e,0,light,nowhere,3\n",
        "{header}1,l,e,0,light,open,x\n",
    ],
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, text: str) -> None:
    """A wrong header or a complete line that is no movement is a ConfigError with its place."""
    path = tmp_path / "ledger.csv"
    header = "time_ps,link,end,block,debit,credit,bits\n"
    path.write_text(text.replace("{header}", header))
    with pytest.raises(ConfigError, match=r"ledger\.csv"):
        read_ledger(path)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    """No file and no text: a ConfigError, not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_ledger(tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_ledger(tmp_path / "binary")


def test_the_made_up_rows_name_both_ends() -> None:
    """The rows that other tests use are those of a whole link."""
    rows = made_up_movements()
    assert {row.end for row in rows} == set(ENDS)
    assert NO_BLOCK in {row.block for row in rows}
