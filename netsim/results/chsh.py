"""The CHSH test of a lane: four correlations, and the S that they make.

E = (equal - different) / all of two settings, S = sum of s E with signs s that are fixed by the
nominal phases, not by what was counted: S = 2 sqrt(2) V at the best angles for pairs of the
visibility V, and at most 2 for anything local [1]_. Coincidences are selected by time and detected
ones only: this monitors devices that are trusted for that, and is no loophole-free test.

References
----------
.. [1] J. F. Clauser, M. A. Horne, A. Shimony, R. A. Holt, Phys. Rev. Lett. 23, 880 (1969).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOCAL_BOUND = 2.0
MIN_QUANTUM_S = 2.1
"""Settings with which perfect pairs do not exceed this test nothing."""


@dataclass(frozen=True, slots=True)
class Chsh:
    """Counts of a CHSH test; those of consecutive runs add up.

    Attributes
    ----------
    signs : tuple of int
        Of E(a, b), E(a, b'), E(a', b), E(a', b').
    equal, different : tuple of int
        Coincidences on equal and on different ports, in that order.
    """

    signs: tuple[int, ...]
    equal: tuple[int, ...]
    different: tuple[int, ...]

    def __add__(self, other: "Chsh") -> "Chsh":
        if self.signs != other.signs:
            raise ValueError("tests with other settings do not add up")
        return Chsh(
            self.signs,
            tuple(map(sum, zip(self.equal, other.equal, strict=True))),
            tuple(map(sum, zip(self.different, other.different, strict=True))),
        )

    def __sub__(self, other: "Chsh") -> "Chsh":
        """What has been counted since ``other``."""
        minus = Chsh(
            other.signs, tuple(-n for n in other.equal), tuple(-n for n in other.different)
        )
        return self + minus

    @property
    def counts(self) -> tuple[int, ...]:
        """Coincidences of each pair of settings."""
        return tuple(map(sum, zip(self.equal, self.different, strict=True)))

    @property
    def is_measured(self) -> bool:
        """Whether every pair of settings has coincidences."""
        return min(self.counts) > 0

    @property
    def s(self) -> float:
        """S; NaN where it is not measured."""
        if not self.is_measured:
            return math.nan
        return math.fsum(sign * e for sign, e in zip(self.signs, self._correlations, strict=True))

    @property
    def sigma(self) -> float:
        """Its standard deviation: the variance of each E is (1 - E^2) / n."""
        if not self.is_measured:
            return math.nan
        pairs = zip(self._correlations, self.counts, strict=True)
        # One count more on either side, so that few counts without exception are not certain.
        return math.sqrt(math.fsum((1.0 - e * e + 1.0 / n) / n for e, n in pairs))

    @property
    def _correlations(self) -> tuple[float, ...]:
        both = zip(self.equal, self.different, self.counts, strict=True)
        return tuple((same - other) / n for same, other, n in both)

    def summary(self) -> dict[str, Any] | None:
        """The entry of ``summary.json``; None where it is not measured."""
        if not self.is_measured:
            return None
        return {
            "s": self.s,
            "sigma": self.sigma,
            "signs": list(self.signs),
            "equal": list(self.equal),
            "different": list(self.different),
        }

    def __str__(self) -> str:
        return f"S = {self.s:.3f} +- {self.sigma:.3f}"


def chsh_of(
    matches: NDArray[np.int64], phases_rad: tuple[Sequence[float], Sequence[float]]
) -> Chsh | None:
    """The test that coincidences of two passive receivers make.

    Parameters
    ----------
    matches : (4, 4) int64
        By detector of either user: 2 * setting + port.
    phases_rad : ((float, float), (float, float))
        Nominal phases of the two settings of either user; those of a pair add up.

    Returns
    -------
    Chsh or None
        None if perfect pairs would not exceed `MIN_QUANTUM_S` with these settings.
    """
    cosines = [math.cos(one + other) for one in phases_rad[0] for other in phases_rad[1]]
    signs = tuple(1 if cosine > 0.0 else -1 for cosine in cosines)
    if math.fsum(map(abs, cosines)) < MIN_QUANTUM_S or math.prod(signs) > 0:
        return None
    blocks = [matches[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] for i in (0, 1) for j in (0, 1)]
    equal = tuple(int(np.trace(block)) for block in blocks)
    different = tuple(int(block.sum() - np.trace(block)) for block in blocks)
    return Chsh(signs, equal, different)


def chsh_from(entry: dict[str, Any] | None) -> Chsh | None:
    """Inverse of `Chsh.summary`."""
    if entry is None:
        return None
    return Chsh(*(tuple(entry[name]) for name in ("signs", "equal", "different")))
