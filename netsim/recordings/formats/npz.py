"""Two NumPy arrays in one archive."""

import zipfile
from pathlib import Path

from numpy.lib import format as npy

from netsim.errors import ConfigError
from netsim.recordings.formats.array_header import check_header
from netsim.recordings.formats.interface import FIELDS, FileTags, TagFormat


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
                    raise ConfigError.of(path, f"holds no array {name!r}")
                with archive.open(member) as file:
                    check_header(file, sizes[member], path)
                with archive.open(member) as file:
                    arrays.append(npy.read_array(file, allow_pickle=False))
        times, detectors = arrays
        if times.ndim != 1 or times.shape != detectors.shape:
            raise ConfigError.of(path, f"time has shape {times.shape}, detector {detectors.shape}")
        return FileTags(times, detectors)
