"""The ledger on disk: every row at once, read one by one, and half a file is readable."""

from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.pools.ledgerfile import LedgerFile, read_ledger
from tests.unit.netsim.runs import made_up_movements


def test_rows_are_on_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    """A run that is killed leaves every booked movement behind."""
    path = tmp_path / "ledger.csv"
    rows = made_up_movements()
    with LedgerFile(path) as file:
        for number, movement in enumerate(rows, start=1):
            file.append(movement)
            assert tuple(read_ledger(path)) == rows[:number]
    assert tuple(read_ledger(path)) == rows


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    """What stands behind a row has no influence on it, even if it is no row at all."""
    path = tmp_path / "ledger.csv"
    with LedgerFile(path) as file:
        file.append(made_up_movements()[0])
    with path.open("a") as more:
        more.write("nonsense\n")
    rows = read_ledger(path)
    assert next(rows) == made_up_movements()[0]
    with pytest.raises(ConfigError, match=r"ledger\.csv:3"):
        next(rows)


def test_any_cut_is_readable_up_to_the_last_line(tmp_path: Path) -> None:
    """Cut anywhere behind the header, the file gives exactly its complete lines."""
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    with LedgerFile(whole) as file:
        for movement in made_up_movements():
            file.append(movement)
    content = whole.read_bytes()
    for size in range(content.index(b"\n") + 1, len(content) + 1):
        cut.write_bytes(content[:size])
        complete = content[:size].count(b"\n") - 1
        assert tuple(read_ledger(cut)) == made_up_movements()[:complete]


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
        list(read_ledger(path))


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    """No file and no text: a ConfigError, not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read_ledger(tmp_path / "nothing"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        list(read_ledger(tmp_path / "binary"))
