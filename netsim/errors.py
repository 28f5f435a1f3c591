"""Errors of the simulated world that say whose fault it is.

::

    NetsimError
    |-- ConfigError     the topology file or an override of it: all its faults at once
    |-- OutputError     what a command was to keep: a full disk, a folder that is in use
    `-- WorkerError     a process that works on a run has ended before its time

What the parties of a protocol do wrong to each other is in `protocols.errors`.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Self


class NetsimError(Exception):
    """Base of all errors of this package."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong (or, as a warning, unwise) in a topology.

    Attributes
    ----------
    path : str
        Key path such as ``users.1.fibre.length_m``, or a file name.
    message : str
        One line.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigError(NetsimError):
    """A topology that cannot be used; the one constructor argument is positional, so it pickles.

    Parameters
    ----------
    faults : tuple of Fault
        Everything found wrong, in the order of the checks; at least one.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    @classmethod
    def of(cls, path: object, message: str) -> Self:
        """Make the error of a single fault; ``path`` may be a `Path` of a file."""
        return cls((Fault(str(path), message),))

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class OutputError(NetsimError):
    """Results cannot be written.

    Parameters
    ----------
    path : Path
        What was to be written.
    reason : str
        One line.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class WorkerError(NetsimError):
    """A process that works on a run has ended by itself: killed, or out of memory.

    Parameters
    ----------
    work : str
        What it did.
    exit_code : int or None
        Of the process; minus the number of the signal that has ended it.
    """

    def __init__(self, work: str, exit_code: int | None) -> None:
        super().__init__(work, exit_code)
        self.work = work
        self.exit_code = exit_code

    def __str__(self) -> str:
        said = f"the process that {self.work} has ended by itself (exit code {self.exit_code})"
        if self.exit_code == 1:  # as Python ends a module that cannot be imported
            said += '; if its main module is a script, that needs `if __name__ == "__main__":`'
        return said


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file in what the system says while it is written: `OutputError` for `OSError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(path, f"cannot be written: {error.strerror or error}") from error


def suggestion(key: str, known: Collection[str]) -> str | None:
    """Find the one of ``known`` that ``key`` is most likely a misspelling of; never itself."""
    close = get_close_matches(key, [name for name in known if name != key], n=1, cutoff=0.6)
    return close[0] if close else None
