"""Which clicks make a pair: what a matching is given, and what it may say.

It sees times, never bases or bits, so that what is kept cannot depend on them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Announced and own clicks that lie near each other; (K,) each, ordered by announced click.

    ``announced`` and ``own`` are indices, ``differences_ps`` is own less predicted time.
    """

    announced: NDArray[np.int64]
    own: NDArray[np.int64]
    differences_ps: NDArray[np.int64]

    def at(self, places: NDArray[np.int64]) -> "NearPairs":
        """Those at ``places`` ((L,) int64), in that order."""
        return NearPairs(self.announced[places], self.own[places], self.differences_ps[places])

    def thinned(self, most: int) -> tuple["NearPairs", float]:
        """Every so manieth of them, at most ``most`` (>= 1), and which share that is."""
        step = max(1, -(-self.announced.size // most))
        if step == 1:
            return self, 1.0
        columns = (self.announced, self.own, self.differences_ps)
        return NearPairs(*(column[::step].copy() for column in columns)), 1.0 / step


class Matching(ABC):
    """How the responder pairs clicks, lane by lane."""

    is_predicted: ClassVar[bool] = False
    """Whether it pairs as the twin expects; what has no photons takes no other."""

    @abstractmethod
    def choose(self, pairs: NearPairs) -> NDArray[np.int64]:
        """Which pairs become matches.

        Parameters
        ----------
        pairs : NearPairs
            All pairs within the window of one lane whose clicks no earlier lane has used;
            differences are from the lane's delay, in [-window/2, window/2).

        Returns
        -------
        (L,) int64
            Indices into ``pairs``, in any order; no click may be in two of them.
        """
