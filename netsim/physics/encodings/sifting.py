"""Which pairs of detectors of two users make a bit, and which a wrong one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Outcome, X, Z

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sifting:
    """Pairs of detectors by what their clicks say, first user by second.

    Attributes
    ----------
    in_z, in_x : (4, 4) bool
        Both users in that basis; all other pairs are dropped by sifting. Numbers that a receiver
        has no detector for are in neither.
    errors : (4, 4) bool
        Different ports in Z; equal ports in X, where outcomes anticorrelate.
    ones : (4, 4) bool
        The first user's bit, to which errors are corrected, is 1.
    """

    in_z: Mask
    in_x: Mask
    errors: Mask
    ones: Mask

    @property
    def kept(self) -> Mask:
        """(4, 4) bool: equal bases."""
        return self.in_z | self.in_x


@lru_cache(maxsize=64)
def sifting_between(first: tuple[Outcome, ...], second: tuple[Outcome, ...]) -> Sifting:
    """Sifting of two users, by what each detector of either stands for."""

    def mask(is_chosen: Callable[[Outcome, Outcome], bool]) -> Mask:
        chosen = np.zeros((DETECTORS, DETECTORS), dtype=np.bool_)
        for i, one in enumerate(first):
            for j, other in enumerate(second):
                chosen[i, j] = is_chosen(one, other)
        return chosen

    in_z = mask(lambda one, other: one.basis == other.basis == Z)
    in_x = mask(lambda one, other: one.basis == other.basis == X)
    are_equal = mask(lambda one, other: one.port == other.port)
    ones = mask(lambda one, _: one.port == 1)
    return Sifting(in_z, in_x, (in_z & ~are_equal) | (in_x & are_equal), ones)
