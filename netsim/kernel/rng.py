"""Named random streams of one seed: adding a component changes the numbers of no other."""

import hashlib
from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.random import PCG64DXSM, Generator, SeedSequence

UNIFORMS_AT_ONCE = 64


class Uniforms:
    """Numbers of a generator's `random`, drawn many at a time.

    One at a time takes ten times as long; the numbers are the same.

    Parameters
    ----------
    rng : Generator
        Of its owner alone: it is always some numbers ahead.
    """

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []

    def random(self) -> float:
        """Next number, uniform in [0, 1)."""
        if not self._drawn:
            self._drawn = self._rng.random(UNIFORMS_AT_ONCE)[::-1].tolist()
        return self._drawn.pop()


class RngTree:
    """All randomness of one simulation.

    Same seed, same versions, same bytes; across versions only the statistics stay.

    Parameters
    ----------
    seed : int
        Not negative.
    """

    def __init__(self, seed: SupportsIndex) -> None:
        self.seed = index(seed)
        if self.seed < 0:
            raise ValueError(f"a seed is not negative, but this one is {self.seed}")
        self._taken: set[str] = set()

    def stream(self, name: str) -> Generator:
        """Fresh generator of one component, a function of the seed and the name alone.

        Parameters
        ----------
        name : str
            Component path, such as ``alice/clock``.

        Raises
        ------
        ValueError
            If the name is already in use: two components would draw the same numbers.
        """
        if name in self._taken:
            raise ValueError(f"random stream {name!r} is already in use")
        self._taken.add(name)
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        key = tuple(int(word) for word in np.frombuffer(digest, dtype="<u4"))
        return Generator(PCG64DXSM(SeedSequence(self.seed, spawn_key=key)))
