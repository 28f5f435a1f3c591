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

    A device or a pipe is written to as it is, not replaced; so is ``/dev/stdout`` where a shell has
    led it to a file, behind what is in there.

    Raises
    ------
    OutputError
        The system does not let us.
    """
    with writing(path):
        if is_stream(path):
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
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


def is_stream(path: Path) -> bool:
    """Whether this is no file to replace: a device, a pipe, what /dev and /proc call a stream."""
    if not path.exists() or path.is_dir():
        return False
    folder = path.absolute().parent.resolve()
    return not path.is_file() or folder == Path("/dev") or folder.is_relative_to("/proc")


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
