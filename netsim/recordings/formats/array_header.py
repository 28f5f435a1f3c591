"""The header of NumPy's array files, before the array itself is read."""

from pathlib import Path
from typing import IO

from numpy.lib import format as npy

from netsim.recordings.formats.interface import FIELDS, MAX_TAGS, fault


def check_header(file: IO[bytes], size_bytes: int, path: Path) -> None:
    """Refuse an array that is not whole, holds objects or is too large, before reading it."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise fault(path, f"NumPy format {version[0]}.{version[1]} is not known here")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise fault(path, "holds Python objects, not integers")
    count = 1
    for length in shape:
        count *= length
    promised, held = count * dtype.itemsize, size_bytes - file.tell()
    if promised > held:
        raise fault(path, f"truncated: {promised} bytes of tags promised, {held} there")
    if count > len(FIELDS) * MAX_TAGS:
        raise fault(path, f"more than {MAX_TAGS} tags; cut it in pieces")
