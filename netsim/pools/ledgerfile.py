"""The ledger on disk: one CSV row a movement, written as it happens and read row by row."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from netsim.errors import ConfigError, writing
from netsim.kernel.closing import Closing
from netsim.pools.ledger import Account, Movement

HEADER = tuple(field.name for field in fields(Movement))


class LedgerFile(Closing):
    """Movements into a file, each flushed by itself.

    A run that is killed leaves a file that is readable up to its last complete line.

    Parameters
    ----------
    path : Path
        Usually ``ledger.csv``; an existing file is replaced.
    is_new : bool
        False: rows go behind the last complete line of an existing file.
    """

    def __init__(self, path: Path, *, is_new: bool = True) -> None:
        self._path = path
        with writing(path), ExitStack() as stack:
            if not is_new:
                _cut_open_line(path)
            mode = "w" if is_new else "a"
            file = path.open(mode, encoding="utf-8", newline="", buffering=1)
            self._file = stack.enter_context(file)
            if is_new:
                self._file.write(",".join(HEADER) + "\n")
            stack.pop_all()

    def append(self, movement: Movement) -> None:
        """Write one row; `OutputError` if that cannot be."""
        with writing(self._path):
            self._file.write(
                f"{movement.time_ps},{movement.link},{movement.end},{movement.block},"
                f"{movement.debit},{movement.credit},{movement.bits}\n"
            )

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


def _cut_open_line(path: Path) -> None:
    """Remove what a killed process has left of a last line."""
    with path.open("rb+") as file:
        whole = sum(len(line) for line in file if line.endswith(b"\n"))
        file.truncate(whole)


def read_ledger(path: Path) -> Iterator[Movement]:
    """Movements of a ``ledger.csv``, one at a time, up to its last complete line.

    Raises
    ------
    ConfigError
        The file is missing, or a complete line of it is no movement: when that line is asked for.
    """
    if path.is_fifo():
        raise ConfigError.of(path, "is a pipe, not a ledger")
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            lines = (line for line in file if line.endswith("\n"))
            if next(lines, "") != ",".join(HEADER) + "\n":
                raise ConfigError.of(path, "is no ledger: its first line is not the header")
            yield from _parse_rows(lines, path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError.of(path, f"cannot be read as a ledger: {reason}") from error


def _parse_rows(lines: Iterable[str], path: Path) -> Iterator[Movement]:
    rows = csv.reader(lines)
    try:
        for row in rows:
            yield _movement(row)
    except UnicodeDecodeError:
        raise
    except (csv.Error, ValueError) as error:
        raise ConfigError.of(f"{path}:{rows.line_num + 1}", f"is no movement: {error}") from error


def _movement(row: list[str]) -> Movement:
    time_ps, link, end, block, debit, credit, bits = row
    return Movement(int(time_ps), link, end, int(block), Account(debit), Account(credit), int(bits))
