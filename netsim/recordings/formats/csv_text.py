"""Text: two columns of integers, time and detector, as whatever wrote them separates them.

The separator is the comma, semicolon, tab or space that the first line shows; a header names the
columns (any of `TIME_NAMES` and `DETECTOR_NAMES`, others are left alone), and without one they are
the first two. Lines that begin with ``#`` or ``%`` ahead of the tags are comments. The text may be
compressed (``.csv.gz``, ``.csv.bz2``, ``.csv.xz``).
"""

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import (
    FIELDS,
    MAX_TAGS,
    FileTags,
    WritableFormat,
    check_number,
)

MAX_CSV_BYTES = 24 * MAX_TAGS
TIME_NAMES = ("time", "timestamp", "timetag", "time_tag", "time_ps", "ticks", "t")
DETECTOR_NAMES = ("detector", "channel", "chan", "ch", "det")
SEPARATORS = (",", ";", "\t")
"""Tried in this order; else spaces."""
COMMENTS = ("#", "%")
MAX_HEAD_LINES, MAX_LINE = 200, 1000

OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {
    ".gz": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    ".bz2": lambda path: cast("IO[bytes]", bz2.BZ2File(path)),
    ".xz": lambda path: cast("IO[bytes]", lzma.LZMAFile(path)),  # noqa: SIM115  # the caller does
}
"""By the last suffix of a compressed text."""

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines of a file are made."""

    separator: str | None
    columns: tuple[int, int]
    width: int
    """Columns in all."""
    head_lines: int
    """Ahead of the first tag."""

    @property
    def used(self) -> tuple[int, int] | None:
        """Columns to be picked; None for all of a file that has no others, nor may have."""
        return None if (self.columns, self.width) == ((0, 1), len(FIELDS)) else self.columns


class CsvText(WritableFormat):
    """``.csv``: two integers a line, compressed or not."""

    suffix = ".csv"

    def read(self, path: Path) -> FileTags:
        """Read all lines; a fault names the first line that is no tag."""
        size_bytes = path.stat().st_size
        if size_bytes > MAX_CSV_BYTES:
            raise ConfigError.of(
                path, f"{size_bytes} bytes: more than {MAX_TAGS} tags; cut it in pieces"
            )
        layout = _layout(path)
        try:
            with _opened(path) as file:
                rows = np.loadtxt(
                    file,
                    dtype=np.int64,
                    comments=None,
                    delimiter=layout.separator,
                    skiprows=layout.head_lines,
                    usecols=layout.used,
                    max_rows=MAX_TAGS + 1,
                    ndmin=2,
                )
        except (ValueError, Warning) as error:
            raise _bad_line(path, layout) from error
        if rows.shape[1] != len(FIELDS):
            raise _bad_line(path, layout)
        check_number(path, len(rows))
        return FileTags(rows[:, 0], rows[:, 1])

    def write(
        self,
        path: Path,
        times_ticks: NDArray[np.int64],
        detectors: NDArray[np.int64],
        tick_ps: int,  # noqa: ARG002  # times are in ticks here
    ) -> None:
        """Write a header and a line a tag, times in ticks."""
        rows = np.column_stack([times_ticks, detectors])
        np.savetxt(path, rows, "%d", ",", header=",".join(FIELDS), comments="")


def _opened(path: Path) -> IO[bytes]:
    opener = OPENERS.get(path.suffix.lower())
    return path.open("rb") if opener is None else opener(path)


def _layout(path: Path) -> _Layout:
    """What the first lines show."""
    with _opened(path) as file:
        lines = [
            line.decode("utf-8-sig", "replace").strip()
            for line in islice(iter(lambda: file.readline(MAX_LINE), b""), MAX_HEAD_LINES)
        ]
    head = next((k for k, line in enumerate(lines) if line and line[0] not in COMMENTS), None)
    if head is None:
        raise ConfigError.of(path, "holds no time tags")
    first = lines[head]
    separator = next((one for one in SEPARATORS if one in first), None)
    cells = [cell.strip().strip('"') for cell in first.split(separator)]
    if all(map(_INTEGER.fullmatch, cells)) and len(cells) >= len(FIELDS):
        return _Layout(separator, (0, 1), len(cells), head)
    return _Layout(separator, _columns(path, cells, first), len(cells), head + 1)


def _columns(path: Path, cells: Sequence[str], first: str) -> tuple[int, int]:
    """Where the header has time and detector."""
    names = [cell.lower() for cell in cells]
    found = [
        next((names.index(name) for name in known if name in names), None)
        for known in (TIME_NAMES, DETECTOR_NAMES)
    ]
    if found[0] is None or found[1] is None:
        raise ConfigError.of(
            path,
            f"its first line is {first[:40]!a}, which names no columns such as "
            f"'{','.join(FIELDS)}'",
        )
    return found[0], found[1]


def _bad_line(path: Path, layout: _Layout) -> ConfigError:
    """What is wrong with a text that was not read: its first line that is no tag."""
    tags = 0
    with _opened(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1):
            if number <= layout.head_lines:
                continue
            tags += 1
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text.strip() and not _is_tag(text, layout):
                return ConfigError.of(
                    path, f"line {number} is {text[:40]!a}, not two integers time,detector"
                )
    return ConfigError.of(
        path, "holds no time tags" if not tags else "holds times that do not fit int64"
    )


def _is_tag(text: str, layout: _Layout) -> bool:
    cells = [cell.strip() for cell in text.split(layout.separator)]
    wanted = [cells[column] for column in layout.columns if column < len(cells)]
    if layout.used is None and len(cells) != layout.width:
        return False
    whole = [cell for cell in wanted if _INTEGER.fullmatch(cell) and len(cell.lstrip("+-")) < 20]
    return len(whole) == len(layout.columns)
