"""Text: a header line ``time,detector``, then one tag a line."""

import re
from pathlib import Path

import numpy as np

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FIELDS, MAX_TAGS, FileTags, TagFormat, fault

MAX_CSV_BYTES = 24 * MAX_TAGS

_CSV_LINE = re.compile(rb"\s*[+-]?\d{1,19}\s*,\s*[+-]?\d{1,19}\s*")


class CsvText(TagFormat):
    """``.csv``: two integers a line."""

    def read(self, path: Path) -> FileTags:
        """Read all lines; a fault names the first line that is no tag."""
        size_bytes = path.stat().st_size
        if size_bytes > MAX_CSV_BYTES:
            raise fault(path, f"{size_bytes} bytes: more than {MAX_TAGS} tags; cut it in pieces")
        with path.open("rb") as file:
            header = file.readline(200).decode("utf-8-sig", "replace").strip()
        if [name.strip().lower() for name in header.split(",")] != list(FIELDS):
            raise fault(path, f"its first line is {header[:40]!a}, not 'time,detector'")
        try:
            rows = np.loadtxt(
                path, dtype=np.int64, comments=None, delimiter=",", skiprows=1, ndmin=2
            )
        except (ValueError, Warning) as error:
            raise _bad_line(path) from error
        if rows.shape[1] != len(FIELDS):
            raise _bad_line(path)
        return FileTags(rows[:, 0], rows[:, 1])


def _bad_line(path: Path) -> ConfigError:
    """What is wrong with a CSV file that was not read: its first line that is no tag."""
    tags = 0
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(iter(lambda: file.readline(1000), b""), start=2):
            tags += 1
            if line.strip() and _CSV_LINE.fullmatch(line) is None:
                shown = line.decode("utf-8", "replace").rstrip("\r\n")[:40]
                return fault(path, f"line {number} is {shown!a}, not two integers time,detector")
    return fault(path, "holds no time tags" if not tags else "holds times that do not fit int64")
