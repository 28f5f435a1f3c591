"""Files that appear whole or not at all, and tables as text."""

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from netsim.errors import OutputError, writing


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` never holds half of it.

    A device or a pipe is written to as it is, not replaced.

    Raises
    ------
    OutputError
        The system does not let us.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with writing(path):
            path.write_text(text, encoding="utf-8", newline="\n")
        return
    partial = path.with_name(path.name + ".partial")
    try:
        with writing(path):
            _write_new(partial, text)
            partial.replace(path)
    except OutputError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def _write_new(path: Path, text: str) -> None:
    """Write a file that is made here: one that was left is replaced, a link never followed."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and a line a row; all rows have the keys of the first. Empty without any row."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return text.getvalue()
