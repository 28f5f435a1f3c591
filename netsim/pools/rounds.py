"""Rounds as columns: all that both ends of a link book of a round, in one record.

It is for rounds that both ends book alike and at once, as at the rate level; the rows and lines
that the two would have written are made of it when somebody reads them (`netsim.pools.roundrows`).
The file is a NumPy array of records: ``numpy.load("rounds.npy")["key_bits"]`` is one column.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netsim.errors import ConfigError, writing
from netsim.kernel.closing import Closing

ROUND = np.dtype(
    [
        ("announcer", "<u2"),
        ("responder", "<u2"),
        ("block", "<u4"),
        ("start_ps", "<i8"),
        ("stop_ps", "<i8"),
        ("sifted_bits", "<i8"),
        ("sampled_bits", "<i8"),
        ("errors", "<i8"),
        ("parity_bits", "<i8"),
        ("verification_bits", "<u4"),
        ("count_bits", "<u4"),
        ("key_bits", "<i8"),
        ("reserve_bits", "<u4"),
        ("spent_bits", "<u4"),
        ("pool_bits", "<i8"),
        ("reason", "<u1"),
        ("forgery_probability", "<f8"),
        ("epsilon", "<f8"),
    ]
)
"""One round. Users are numbers in the order of the topology; ``errors`` are those corrected;
``reserve_bits`` of ``key_bits`` refill the reserve, out of which ``spent_bits`` sign the round;
``pool_bits`` is the level behind it; ``reason`` is an `AbortReason`, 0 of a round with key;
``epsilon`` is NaN where secrecy has none."""

Rounds = NDArray[np.void]
CHUNK = 2**16
"""Records that are read at a time."""


def no_rounds(count: int) -> Rounds:
    """(count,) of `ROUND`, all 0."""
    return np.zeros(count, dtype=ROUND)


class RoundFile(Closing):
    """Records into a file, a batch at a time: a killed run leaves a file that can be read.

    The head, which says how many records there are, is written anew behind each batch: NumPy leaves
    room for any number in it.

    Parameters
    ----------
    path : Path
        Usually ``rounds.npy``; an existing file is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        with writing(path):
            self._file = path.open("wb")
            self._write_head()

    def append(self, rounds: Rounds) -> None:
        """Write a batch; `OutputError` if that cannot be."""
        with writing(self._path):
            self._file.seek(0, 2)
            self._file.write(rounds.tobytes())
            self._file.flush()
            self._count += len(rounds)
            self._write_head()

    def close(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()

    def _write_head(self) -> None:
        self._file.seek(0)
        head = {"descr": npy.dtype_to_descr(ROUND), "fortran_order": False, "shape": (self._count,)}
        npy.write_array_header_1_0(self._file, head)
        self._file.flush()


def read_rounds(path: Path) -> Iterator[Rounds]:
    """Records of a ``rounds.npy``, some at a time.

    Raises
    ------
    ConfigError
        It holds something else, or less than its head says.
    """
    try:
        with path.open("rb") as file:
            left = _record_count(file)
            while left:
                raw = file.read(ROUND.itemsize * min(CHUNK, left))
                if len(raw) < ROUND.itemsize * min(CHUNK, left):
                    raise ConfigError.of(path, "ends before its last record")
                left -= min(CHUNK, left)
                yield np.frombuffer(raw, dtype=ROUND)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError.of(path, f"holds no rounds: {error}") from error


def _record_count(file: IO[bytes]) -> int:
    if npy.read_magic(file) != (1, 0):
        raise ValueError("another version of the format")
    shape, _, dtype = npy.read_array_header_1_0(file)
    if dtype != ROUND or len(shape) != 1:
        raise ValueError("records of another kind")
    if shape[0] < 0:
        raise ValueError("fewer records than none")
    return int(shape[0])
