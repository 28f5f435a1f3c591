"""One NumPy array: packed tags, two columns, or fields."""

from pathlib import Path

from numpy.lib import format as npy

from netsim.recordings.formats.array_header import check_header
from netsim.recordings.formats.interface import FIELDS, FileTags, TagFormat, fault
from protocols.tags import DETECTOR_BITS


class Npy(TagFormat):
    """``.npy``: (N,) int64 ``ticks << 2 | detector``, (N, 2) integers, or (N,) fields."""

    def read(self, path: Path) -> FileTags:
        """Read the array; only packed times may be negative."""
        with path.open("rb") as file:
            check_header(file, path.stat().st_size, path)
            file.seek(0)
            values = npy.read_array(file, allow_pickle=False)
        names = values.dtype.names
        if names is not None:
            if not set(FIELDS) <= set(names) or values.ndim != 1:
                raise fault(path, f"has the fields {', '.join(names)[:80]}, not time and detector")
            return FileTags(values["time"], values["detector"])
        if values.ndim == 2 and values.shape[1] == len(FIELDS):
            return FileTags(values[:, 0], values[:, 1])
        if values.ndim != 1:
            raise fault(path, f"has shape {values.shape}, not (N,) or (N, 2)")
        packed = values
        if packed.dtype.kind not in "iu" or packed.dtype.itemsize != 8:
            raise fault(path, f"is {packed.dtype}, not int64 (ticks << 2 | detector)")
        detectors = packed & packed.dtype.type(2**DETECTOR_BITS - 1)
        return FileTags(packed >> DETECTOR_BITS, detectors, may_be_negative=True)
