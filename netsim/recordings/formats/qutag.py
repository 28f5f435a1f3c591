"""qutools' quTAG and quTAU, binary: a header of 40 bytes, then 10 bytes a tag.

By the vendor's manual (``FILEFORMAT_BINARY``): time (int64) and channel (int16), little-endian,
behind a header that is skipped. Times are in the device's time base, 1 ps of a quTAG and 80.955 ps
of a quTAU, which the file does not say: ``--tick-a`` and ``--tick-b`` do. Its compressed and raw
formats are others, and not read.
"""

from pathlib import Path

import numpy as np

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FileTags, TagFormat, check_number

HEADER_BYTES = 40
RECORD = np.dtype([("time", "<i8"), ("channel", "<i2")])


class QutagBinary(TagFormat):
    """``.qutag``: 10 bytes a tag."""

    def read(self, path: Path) -> FileTags:
        """Read all tags."""
        tags_bytes = path.stat().st_size - HEADER_BYTES
        if tags_bytes < 0 or tags_bytes % RECORD.itemsize:
            raise ConfigError.of(
                path,
                f"is no header of {HEADER_BYTES} bytes and records of {RECORD.itemsize}: "
                "compressed and raw files of a quTAG are not read",
            )
        check_number(path, tags_bytes // RECORD.itemsize)
        tags = np.fromfile(path, dtype=RECORD, offset=HEADER_BYTES)
        return FileTags(tags["time"].astype(np.int64), tags["channel"].astype(np.int64))
