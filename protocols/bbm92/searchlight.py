"""Announced times that a search may look through: as much light as a weak link needs, and no more.

Announcements are answered long before that: what is kept here is for finding the clock alone. It
knows times, never bases or bits.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.synchronise import MAX_LIGHT_PS

MAX_CLICKS = 1 << 22
"""Announced clicks kept; brighter light needs less time."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Click times ((N,) int64 ps, ascending, N > 0) of an announcement that ends at ``stop_ps``."""

    times_ps: NDArray[np.int64]
    stop_ps: int


class SearchLight:
    """The light of the last announcements, in order."""

    def __init__(self) -> None:
        self._stretches: deque[Stretch] = deque()
        self._clicks = 0

    def add(self, times_ps: NDArray[np.int64], stop_ps: int) -> None:
        """Keep an announcement; one that goes back in time is of another clock: begin anew."""
        if not times_ps.size:
            return
        if self._stretches and int(times_ps[0]) < int(self._stretches[-1].times_ps[-1]):
            self.clear()
        self._stretches.append(Stretch(times_ps, stop_ps))
        self._clicks += times_ps.size
        while len(self._stretches) > 1 and (
            self._clicks > MAX_CLICKS
            or stop_ps - int(self._stretches[0].times_ps[-1]) > MAX_LIGHT_PS
        ):
            self._clicks -= self._stretches.popleft().times_ps.size

    def clear(self) -> None:
        """Forget all of it."""
        self._stretches.clear()
        self._clicks = 0

    @property
    def start_ps(self) -> int | None:
        """First time kept; None without light."""
        return int(self._stretches[0].times_ps[0]) if self._stretches else None

    def newest_first(self) -> Iterator[Stretch]:
        """From the last announcement back."""
        return reversed(self._stretches)

    def last(self, stop_ps: int, length_ps: int) -> NDArray[np.int64]:
        """Times of the announcements up to ``stop_ps``, so many that they span ``length_ps``."""
        found: list[NDArray[np.int64]] = []
        for stretch in reversed(self._stretches):
            if stretch.stop_ps > stop_ps:
                continue
            found.append(stretch.times_ps)
            if stop_ps - int(stretch.times_ps[0]) >= length_ps:
                break
        return np.concatenate(found[::-1])
