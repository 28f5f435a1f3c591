"""Files that appear whole or not at all, and tables as text."""

import contextlib
import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from netsim.errors import OutputError, writing


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` never holds half of it.

    Raises
    ------
    OutputError
        The system does not let us.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with writing(path):
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(path)
    except OutputError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


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
