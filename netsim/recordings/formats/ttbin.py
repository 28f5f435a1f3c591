"""Swabian's ``.ttbin``, which only the vendor's own library reads: its package must be there.

By Swabian's documentation: ``FileReader(path)``, ``hasData()`` and ``getData(n)``, whose buffers
give ``getTimestamps()`` in ps, ``getChannels()``, ``getEventTypes()`` (0: a time tag, 4: missed
events) and ``getMissedEvents()``. Tried with the library (2.22.6 needs no drivers for it) on files
that are none; a real one was not at hand, and without a tagger the library writes none.
"""

from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FileTags, TagFormat, check_number
from netsim.recordings.formats.swabian import MISSED, TIME_TAG

MODULES = ("Swabian.TimeTagger", "TimeTagger")
"""What the vendor's package is called, of today and of earlier versions."""
PIECE = 1 << 20
"""Events that are read at once."""
HINT = (
    "needs Swabian's own package (pip install Swabian-TimeTagger), or a raw dump of the same tags, "
    ".dump"
)


class Ttbin(TagFormat):
    """``.ttbin``: by the vendor's library."""

    def read(self, path: Path) -> FileTags:
        """Read all time tags; what the tagger says it has lost is counted."""
        reader = _library(path).FileReader(str(path))
        times, channels, lost, total = [], [], 0, 0
        while reader.hasData():
            piece = reader.getData(PIECE)
            types = np.asarray(piece.getEventTypes())
            is_tag = types == TIME_TAG
            times.append(np.asarray(piece.getTimestamps(), dtype=np.int64)[is_tag])
            channels.append(np.asarray(piece.getChannels(), dtype=np.int64)[is_tag])
            lost += int(np.asarray(piece.getMissedEvents())[types == MISSED].sum(dtype=np.int64))
            total += times[-1].size
            check_number(path, total)
        nothing = np.zeros(0, dtype=np.int64)
        return FileTags(
            np.concatenate([nothing, *times]),
            np.concatenate([nothing, *channels]),
            may_be_negative=True,
            tick_ps=Fraction(1),
            lost=lost,
        )


def _library(path: Path) -> Any:
    for name in MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ConfigError.of(path, HINT)
