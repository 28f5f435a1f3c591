"""The raw dump of a Swabian Time Tagger: 16 bytes a tag, times in ps.

Its `Dump` writes, little-endian: type (uint8: 0 a time tag, 1 an error, 2 and 3 begin and end of an
overflow, 4 missed events), a byte of nothing, missed events (uint16), channel (int32, negative for
falling edges) and time (int64, ps).
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FileTags, WritableFormat, check_number

RECORD = np.dtype(
    [("type", "u1"), ("nothing", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")]
)
TIME_TAG, MISSED = 0, 4
MOST_TYPE = 4


class SwabianDump(WritableFormat):
    """``.dump``: 16 bytes a tag."""

    suffix = ".dump"

    def read(self, path: Path) -> FileTags:
        """Read all time tags; what the tagger says it has lost is counted."""
        size_bytes = path.stat().st_size
        if size_bytes % RECORD.itemsize:
            raise ConfigError.of(path, f"{size_bytes} bytes are no records of {RECORD.itemsize}")
        check_number(path, size_bytes // RECORD.itemsize)
        records = np.fromfile(path, dtype=RECORD)
        if int(records["type"].max(initial=0)) > MOST_TYPE:
            at = int(np.flatnonzero(records["type"] > MOST_TYPE)[0])
            raise ConfigError.of(path, f"no dump of a Time Tagger: record {at} is of unknown type")
        tags = records[records["type"] == TIME_TAG]
        lost = int(records["missed"][records["type"] == MISSED].sum(dtype=np.int64))
        return FileTags(
            tags["time"].astype(np.int64),
            tags["channel"].astype(np.int64),
            may_be_negative=True,
            tick_ps=Fraction(1),
            lost=lost,
        )

    def write(
        self,
        path: Path,
        times_ticks: NDArray[np.int64],
        detectors: NDArray[np.int64],
        tick_ps: int,
    ) -> None:
        """Write records of time tags; channels are the detectors' numbers."""
        records = np.zeros(times_ticks.size, dtype=RECORD)
        records["time"], records["channel"] = times_ticks * tick_ps, detectors
        records.tofile(path)
