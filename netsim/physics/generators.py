"""Generators that kernels take by their addresses: a tenth of what it takes to hand one over."""

from collections.abc import Iterable
from typing import NoReturn

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from protocols.compiled import kernel
from protocols.unboxing import address_finder, generator_at


class Generators:
    """Keeps generators where kernels find them.

    Parameters
    ----------
    generators : iterable of Generator

    Attributes
    ----------
    at : (G, 5) uint64
        For kernels, which make a generator of a row by `generator_of`.
    """

    def __init__(self, generators: Iterable[Generator]) -> None:
        addresses = address_finder()
        self._kept = tuple(generators)
        self.at: NDArray[np.uint64] = np.array(
            [addresses(rng) for rng in self._kept], dtype=np.uint64
        ).reshape(-1, 5)

    def __reduce__(self) -> NoReturn:
        """A copy would draw from the generators of the original, at addresses of this process."""
        raise TypeError("generators cannot be copied")


@kernel
def generator_of(at: NDArray[np.uint64]) -> Generator:
    """Generator at a row of `Generators.at`."""
    made: Generator = generator_at(at[0], at[1], at[2], at[3], at[4])
    return made
