"""Two NumPy arrays in one archive."""

import zipfile
from pathlib import Path

from numpy.lib import format as npy

from netsim.recordings.formats.array_header import check_header
from netsim.recordings.formats.interface import FIELDS, FileTags, TagFormat, fault


class Npz(TagFormat):
    """``.npz``: two (N,) integer arrays named ``time`` and ``detector``."""

    def read(self, path: Path) -> FileTags:
        """Read both arrays."""
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            arrays = []
            for name in FIELDS:
                member = f"{name}.npy"
                if member not in sizes:
                    raise fault(path, f"holds no array {name!r}")
                with archive.open(member) as file:
                    check_header(file, sizes[member], path)
                with archive.open(member) as file:
                    arrays.append(npy.read_array(file, allow_pickle=False))
        times, detectors = arrays
        if times.ndim != 1 or times.shape != detectors.shape:
            raise fault(path, f"time has shape {times.shape}, detector {detectors.shape}")
        return FileTags(times, detectors)
