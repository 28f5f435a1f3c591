"""How the memory of a process that simulates is looked after; no number depends on it."""

import gc

import numpy as np

KEPT_BYTES = (32 << 20) - (64 << 10)
"""Of a block whose memory glibc keeps when it is freed: a little less than the most it can."""
COLLECTOR_THRESHOLDS = 100_000, 20, 50
"""Of Python's search for cycles: the objects of a large network all stay, and looking through them
as often as Python does by itself takes a tenth of a run."""


def keep_freed_memory() -> None:
    """Have what frames use and free kept for the next ones; nothing is used by this.

    By itself glibc gives a block that is larger than all that were freed so far pages of its own,
    which have to be cleared, and back to the system whatever is free beyond twice as much: a
    fourteenth of the CPU photon by photon. See ``M_MMAP_THRESHOLD`` in mallopt(3).
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)


def search_cycles_rarely() -> None:
    """Have Python look for cycles less often; for a process that does nothing else."""
    gc.freeze()  # what imports have made stays, and is counted no longer
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
