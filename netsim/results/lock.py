"""One run at a time in a directory: a lock that goes with the process, leaves no file behind."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netsim.errors import OutputError

IS_WRITTEN = "another run is writing into it; wait for its end or choose another --out"


@contextmanager
def locked(directory: Path | None, reason: str = IS_WRITTEN) -> Iterator[None]:
    """Keep other runs out of ``directory``, which exists; None for nothing to keep them out of.

    The lock is on the folder itself and ends with the process, however that ends. Where there are
    no such locks (Windows, some network file systems) nobody is kept out.

    Raises
    ------
    OutputError
        Another one holds it; ``reason`` says so.
    """
    if directory is None or sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415  # not on every system

    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(directory, reason) from error
        except OSError:
            pass  # some network file systems know no locks: as on Windows
        yield
    finally:
        os.close(handle)
