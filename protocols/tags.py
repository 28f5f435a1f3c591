"""What a party sees of the light: time tags in its own clock. No truth is in here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DETECTOR_BITS = 2
"""A packed tag is ``time_ticks << 2 | detector``; detector = 2 * basis + port (Z+, Z-, X+, X-)."""


@dataclass(frozen=True, slots=True, eq=False)
class TagFrame:
    """All clicks of one user in one frame.

    Attributes
    ----------
    index : int
        Frames are numbered from 0 without gaps; empty frames exist: silence carries time.
    stop_ticks : int
        Watermark in local ticks: every tag of this frame is earlier, none of a later frame is.
    tags : (N,) int64, ascending
        ``time_ticks << 2 | detector``, times in ticks of the user's own clock.
    is_turned : bool
        Whether the user had turned its analysers, for a Bell test.
    """

    index: int
    stop_ticks: int
    tags: NDArray[np.int64]
    is_turned: bool = False

    @property
    def times_ticks(self) -> NDArray[np.int64]:
        """(N,) int64, ascending: times in local ticks."""
        times: NDArray[np.int64] = self.tags >> DETECTOR_BITS
        return times

    @property
    def detectors(self) -> NDArray[np.int64]:
        """(N,) int64: 0 to 3, Z+, Z-, X+, X-."""
        detectors: NDArray[np.int64] = self.tags & (2**DETECTOR_BITS - 1)
        return detectors
