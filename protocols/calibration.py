"""Takes a user's calibration off its tags before anything is published of them.

Detectors answer at different times after a photon, and their cables differ: a published time would
tell which of them clicked. A delay is no whole number of ticks, so a tag moves by the tick below or
above it, at random and in the mean by the delay: what is left of the difference is a slightly wider
distribution of times, not a shifted one.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from protocols.tags import DETECTOR_BITS, TagFrame


class Calibration:
    """Turns frames of raw tags into frames of tags as if no detector were late.

    Parameters
    ----------
    rng : numpy.random.Generator
        The user's own randomness.
    late_ps : sequence of float
        How late each detector's tags are, up to four; negative for early ones.
    tick_ps : int
    """

    def __init__(self, rng: np.random.Generator, late_ps: Sequence[float], *, tick_ps: int) -> None:
        self._rng = rng
        self._late_ticks = np.zeros(1 << DETECTOR_BITS)
        self._late_ticks[: len(late_ps)] = np.array(late_ps, dtype=np.float64) / tick_ps
        self._latest_ticks = int(np.ceil(self._late_ticks[: len(late_ps)].max(initial=0.0)))
        self._pending = np.empty(0, dtype=np.int64)

    def apply(self, frame: TagFrame) -> TagFrame:
        """The next frame; late tags of the one after may still belong before its raw watermark."""
        if not self._late_ticks.any():
            return frame
        tags = np.concatenate((self._pending, self._moved(frame.tags)))
        tags.sort()
        stop_ticks = frame.stop_ticks - self._latest_ticks
        cut = int(np.searchsorted(tags, stop_ticks << DETECTOR_BITS))
        self._pending = tags[cut:].copy()
        return replace(frame, stop_ticks=stop_ticks, tags=tags[:cut])

    def _moved(self, tags: NDArray[np.int64]) -> NDArray[np.int64]:
        late_ticks = self._late_ticks[tags & (1 << DETECTOR_BITS) - 1]
        moves = np.floor(late_ticks + self._rng.random(tags.size)).astype(np.int64)
        moved: NDArray[np.int64] = tags - (moves << DETECTOR_BITS)
        return moved
