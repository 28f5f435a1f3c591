"""Tags of a run as files of other recorders, so that others can try their software on our light."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netsim.errors import writing
from netsim.recordings.formats.csv_text import CsvText
from netsim.recordings.formats.interface import WritableFormat
from netsim.recordings.formats.ptu import Ptu
from netsim.recordings.formats.s_fifteen import SFifteenA1
from netsim.recordings.formats.swabian import SwabianDump
from netsim.units import PS_PER_MS
from protocols.tags import DETECTOR_BITS

NPY = "npy"
"""What a run writes by itself."""
WRITTEN: Mapping[str, WritableFormat] = {
    "a1": SFifteenA1(),
    "csv": CsvText(),
    "ptu": Ptu(),
    "swabian": SwabianDump(),
}


def check_written(name: str) -> None:
    """Raise ValueError if tags cannot be written as ``name``."""
    if name != NPY and name not in WRITTEN:
        raise ValueError(f"{name!a} is none of {', '.join((NPY, *WRITTEN))}")


def convert_tags(directory: Path, ticks_ps: Mapping[str, int], name: str) -> int:
    """Replace the ``.npy`` of each user by a file of another format.

    Clocks may be behind true time, so that first tags lie below zero, which recorders do not know:
    all users' times are made later by the same whole number of milliseconds then.

    Parameters
    ----------
    directory : Path
        Holds ``USER.npy`` with int64 ``ticks << 2 | detector``.
    ticks_ps : mapping
        User to the tick of its recorder.
    name : str
        See `check_written`; ``npy`` leaves all as it is.

    Returns
    -------
    int
        By how many picoseconds times are later.
    """
    if name == NPY:
        return 0
    written = WRITTEN[name]
    late_ps = _late_ps(directory, ticks_ps)
    for user, tick_ps in ticks_ps.items():
        source = directory / f"{user}.npy"
        tags = np.load(source)
        path = source.with_suffix(written.suffix)
        with writing(path):
            times = (tags >> DETECTOR_BITS) + late_ps // tick_ps
            written.write(path, times, tags & ((1 << DETECTOR_BITS) - 1), tick_ps)
            source.unlink()
    return late_ps


def _late_ps(directory: Path, ticks_ps: Mapping[str, int]) -> int:
    """Whole milliseconds that take the earliest tag of all users to zero or above.

    A millisecond is a whole number of ticks of every user, or a multiple of it is taken that is.
    """
    first_ps = [
        int(tags[0] >> DETECTOR_BITS) * tick_ps
        for user, tick_ps in ticks_ps.items()
        if (tags := np.load(directory / f"{user}.npy", mmap_mode="r")).size
    ]
    step_ps = math.lcm(PS_PER_MS, *ticks_ps.values())
    return max(0, -(min(first_ps, default=0) // step_ps)) * step_ps
