"""What cannot be written is named: a device that is always full, a database that may not grow."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from netsim.cli import run_command
from netsim.errors import OutputError
from netsim.kernel.trace import EventName, FileSink, Trace
from netsim.pools.ledger import Account, Movement
from netsim.pools.ledgerfile import LedgerFile
from netsim.pools.store import UserStore
from netsim.report.figure import Figure, Panel, Series
from netsim.report.svg import draw
from netsim.results.directory import make_private
from netsim.results.files import is_stream, write_whole
from netsim.results.tagfile import TagFile

FULL = Path("/dev/full")
"""Linux: every write fails with ENOSPC."""


def trace(path: Path) -> None:
    """One event."""
    with Trace(FileSink(path)) as told:
        told.emit(EventName.RUN_ENDED, time_ps=0)


def ledger(path: Path) -> None:
    """One row."""
    with LedgerFile(path) as rows:
        rows.append(Movement(0, "a-b", "a", 0, Account.LIGHT, Account.OPEN, 1))


def tags(path: Path) -> None:
    """More tags than a buffer holds."""
    with TagFile(path) as file:
        file.append(np.zeros(1 << 16, dtype=np.int64))


def few_tags(path: Path) -> None:
    """So few that only closing writes them."""
    with TagFile(path) as file:
        file.append(np.zeros(1, dtype=np.int64))


def plot(path: Path) -> None:
    """A figure of one curve."""
    draw(Figure("title", (Panel("x", "y", (Series("s", (0.0, 1.0), (0.0, 1.0)),)),)), path)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("write", [trace, ledger, tags, few_tags])
def test_a_full_disk_is_told_with_the_file(write: Callable[[Path], None]) -> None:
    """One error that names the file, also where closing it fails once more."""
    with pytest.raises(OutputError, match="/dev/full: cannot be written: No space left"):
        write(FULL)


def test_a_folder_that_has_gone_is_told_with_the_file(tmp_path: Path) -> None:
    """So is what was to be whole, and what others draw."""
    gone = tmp_path / "gone"
    writers = (trace, ledger, tags, plot, lambda path: write_whole(path, "text"), UserStore)
    for write in writers:
        with pytest.raises(OutputError, match=r"file\.svg: cannot be written: No such file"):
            write(gone / "file.svg")


def test_a_full_store_is_told_and_its_step_undone(tmp_path: Path) -> None:
    """The error has the file and what SQLite says; the step before stays."""
    path = tmp_path / "alice.sqlite"
    with UserStore(path) as store:
        store.open_link("a-b", bytes(64))
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutputError, match=r"alice\.sqlite: cannot be written: .* full"):
            store.open_link("a-c", bytes(1 << 20))
        with pytest.raises(KeyError):
            store.state("a-c")
        assert store.state("a-b") is not None


def test_commands_end_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, exit code 1."""

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("netsim.pools.database.sqlite3.connect", fail)
    code = run_command(["run", "two_user", "--duration", "1s", "--out", str(tmp_path / "out")])
    assert code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("alice.sqlite: cannot be written: database or disk is full")


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    """As a device would, which root can replace by a file."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(path.read_text)
        write_whole(path, "text")
        assert read.result(timeout=10) == "text"
    assert path.is_fifo()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc")
@pytest.mark.parametrize("folder", ["/proc/self/fd", "/dev/fd"])
def test_what_a_shell_has_led_to_a_file_is_written_to(tmp_path: Path, folder: str) -> None:
    """As /dev/stdout behind `>` is: neither the link nor what is in the file gives way."""
    with (tmp_path / "file").open("w") as file:
        file.write("first ")
        file.flush()
        stream = Path(folder) / str(file.fileno())
        assert is_stream(stream)
        write_whole(stream, "text")
        assert stream.is_symlink()
    assert (tmp_path / "file").read_text() == "first text"
    assert not is_stream(tmp_path / "file")


@pytest.mark.skipif(not Path("/dev/stdout").is_symlink(), reason="no /dev/stdout")
def test_the_standard_output_is_a_stream_in_a_file_too(tmp_path: Path) -> None:
    """Behind `>` its name leads to a file, which root could replace it by."""
    code = (
        "from pathlib import Path; from netsim.results.files import is_stream; "
        "print(Path('/dev/stdout').is_file(), is_stream(Path('/dev/stdout')))"
    )
    with (tmp_path / "file").open("w") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert (tmp_path / "file").read_text() == "True True\n"


def test_a_name_that_is_too_long_is_told_with_the_file(tmp_path: Path) -> None:
    """Before anything is asked about it."""
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        write_whole(tmp_path / ("n" * 300), "text")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["list", "schema"])
def test_output_that_nobody_can_keep_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A line that waits in a buffer, and a text longer than that."""
    with FULL.open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run_command([command]) == 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "netsim: standard output cannot be written: No space left on device"


def test_key_is_its_owners_alone(tmp_path: Path) -> None:
    """Stores 0600, with their logs, and the folder 0700; also where they were there before."""
    users = make_private(tmp_path / "users")
    assert users.stat().st_mode & 0o777 == 0o700
    before = users / "bob.sqlite"
    before.touch(mode=0o644)
    for path in (users / "alice.sqlite", before):
        with UserStore(path) as store:
            store.open_link("a-b", bytes(64))
            modes = {file.stat().st_mode & 0o777 for file in users.glob(f"{path.name}*")}
            assert modes == {0o600}
    users.chmod(0o755)
    assert make_private(users).stat().st_mode & 0o777 == 0o700
