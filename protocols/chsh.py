"""The CHSH test: four correlations, and the S that they make.

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
SIGMAS = 3.0
"""By so much S must lie above what is local; less than that is no violation."""
NOMINAL_SIGNS = (1, -1, -1, -1)
"""Analysers at 0 and pi/2, and one user's turned by pi/4: sums of pi/4, 3 pi/4 twice, 5 pi/4."""


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

    @property
    def is_violated(self) -> bool:
        """Whether S lies above what is local, by `SIGMAS`; False where it is not measured."""
        return self.is_measured and self.s - LOCAL_BOUND > SIGMAS * self.sigma

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


def signs_of(phases_rad: tuple[Sequence[float], Sequence[float]]) -> tuple[int, ...] | None:
    """Signs of the four correlations in S, by nominal phases; None where they test nothing.

    Parameters
    ----------
    phases_rad : ((float, float), (float, float))
        Of the two settings of either user; those of a pair add up.
    """
    cosines = [math.cos(one + other) for one in phases_rad[0] for other in phases_rad[1]]
    signs = tuple(1 if cosine > 0.0 else -1 for cosine in cosines)
    if math.fsum(map(abs, cosines)) < MIN_QUANTUM_S or math.prod(signs) > 0:
        return None
    return signs


def count_tests(
    settings: tuple[NDArray[np.uint8], NDArray[np.uint8]], are_equal: NDArray[np.bool_]
) -> Chsh:
    """Test of coincidences with one user's analysers turned from the nominal angles.

    Parameters
    ----------
    settings : ((N,) uint8, (N,) uint8)
        Which of its two analysers a photon of either user was in, 0 or 1; the turn is not in it.
    are_equal : (N,) bool
        Whether both clicks came from equal ports.
    """
    pairs = 2 * settings[0].astype(np.int64) + settings[1]
    equal, different = (
        tuple(np.bincount(pairs[chosen], minlength=4).tolist())
        for chosen in (are_equal, ~are_equal)
    )
    return Chsh(NOMINAL_SIGNS, equal, different)
