"""A log of finished work in an output directory: one line each, appended as it ends.

A line is whole or ignored, so that a run may be killed at any time. It knows lines, not what they
say.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TextIO

from netsim.errors import ConfigError, writing
from netsim.results.lock import locked


class Log:
    """Lines of a file in a directory of its own.

    Parameters
    ----------
    path : Path
        The directory is made if it does not exist.
    force : bool
        Forget everything that is finished.
    kind : str
        What the directory should hold, as users call it.

    Raises
    ------
    ConfigError
        If the directory holds other things, and ``force`` is not given.
    """

    def __init__(self, path: Path, *, force: bool, kind: str) -> None:
        self._path = path
        _prepare(path, force=force, kind=kind)
        self._file: TextIO | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self._path.parent))
            stack.enter_context(writing(self._path))
            self._file = stack.enter_context(self._path.open("a", encoding="utf-8"))
            if self._file.tell() and not self._path.read_bytes().endswith(b"\n"):
                self._file.write("\n")  # What a kill has cut off stays a line of its own.
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Lines that are whole; what a kill has cut off is done again."""
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line; ValueError unless the log is entered."""
        if self._file is None:
            raise ValueError("a log is appended to while it is entered")
        with writing(self._path):
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._file.flush()


def _prepare(path: Path, *, force: bool, kind: str) -> None:
    directory = path.parent
    if directory.exists() and not directory.is_dir():
        raise ConfigError.of("--out", f"{directory} is not a directory")
    directory.mkdir(parents=True, exist_ok=True)
    if force:
        with locked(directory):
            path.unlink(missing_ok=True)
    elif not path.exists() and any(directory.iterdir()):
        reason = f"{directory} is not empty and holds no {kind}; --force writes all the same"
        raise ConfigError.of("--out", reason)
    path.touch()
