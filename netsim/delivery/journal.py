"""The log of a serving process: one JSON line an event with the time of day, never any key."""

import datetime as dt
import json
from contextlib import suppress
from pathlib import Path

import structlog

from netsim.errors import writing
from netsim.kernel.closing import Closing

Scalar = str | int | float | bool | None


class Journal(Closing):
    """Lines behind those of earlier processes, each flushed by itself.

    A line that cannot be written, as on a full disk, is left out: what it tells of has happened.

    Parameters
    ----------
    path : Path
        Made if absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("ab", buffering=0)
        self._logger = structlog.BoundLogger(self, processors=[_render], context={})

    def tell(self, event: str, **values: Scalar) -> None:
        """Write one line; bytes and whatever else is no scalar are a TypeError."""
        self._logger.msg(event, **values)

    def msg(self, line: str) -> None:
        """Take a line that structlog has made."""
        with suppress(OSError):
            self._file.write(f"{line}\n".encode())

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()


def _render(_logger: object, _method: str, fields: "structlog.types.EventDict") -> str:
    for name, value in fields.items():
        if not isinstance(value, Scalar):
            raise TypeError(f"{name} is {type(value).__name__}, not a scalar: it may not be logged")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, **fields}, separators=(",", ":"))
