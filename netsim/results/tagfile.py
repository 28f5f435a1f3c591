"""Time tags on disk: one NumPy file a user, written frame by frame."""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netsim.errors import writing
from netsim.kernel.closing import Closing

_ROOM = 10**15
"""A header for this many tags is as long as one for fewer: NumPy pads to 64 bytes."""


class TagFile(Closing):
    """A ``.npy`` file of int64 that grows; its header is true after `close`.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        with writing(path):
            self._file = path.open("wb")
            self._write_header(_ROOM)

    def append(self, tags: NDArray[np.int64]) -> None:
        """Add (N,) int64 ``time_ticks << 2 | detector``."""
        with writing(self._path):
            self._file.write(np.ascontiguousarray(tags, dtype="<i8").tobytes())
        self._count += tags.size

    def close(self) -> None:
        """Write how many there are, and close."""
        with writing(self._path), self._file:
            self._file.seek(0)
            self._write_header(self._count)

    def _write_header(self, count: int) -> None:
        npy.write_array_header_1_0(
            self._file, {"descr": "<i8", "fortran_order": False, "shape": (count,)}
        )
