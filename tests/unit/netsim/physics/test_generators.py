"""Generators by their addresses: they draw what they would have drawn anyway."""

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.physics.generators import Generators, generator_of
from protocols.compiled import kernel
from tests.unit.netsim.physics.helpers import generator


@kernel
def draw(at: NDArray[np.uint64], drawn: NDArray[np.float64]) -> None:
    """One number of each row in turn."""
    for k in range(drawn.size):
        drawn[k] = generator_of(at[k % at.shape[0]]).random()


def test_each_row_is_one_generator() -> None:
    """Numbers come from it, and are gone from it."""
    rngs, drawn = [generator(1), generator(2)], np.empty(1000)
    handed = Generators(rngs)
    draw(handed.at, drawn)
    for which, rng in enumerate(rngs):
        alone = generator(which + 1)
        assert drawn[which::2].tolist() == alone.random(500).tolist()
        assert rng.random() == alone.random()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_they_are_not_copied(copied: Callable[[object], object]) -> None:
    """A copy would hold the addresses of generators that are not its own."""
    handed = Generators([generator(1)])
    with pytest.raises(TypeError, match="copied"):
        copied(handed)
