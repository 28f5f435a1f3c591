"""Normal numbers: those of NumPy, bit for bit."""

import numpy as np
from numpy.typing import NDArray

from netsim.physics.normals import standard_normal
from protocols.compiled import kernel
from tests.unit.netsim.physics.helpers import generator

DRAWS = 2_000_000


@kernel
def draw(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Numbers of the kernel."""
    drawn = np.empty(size)
    for k in range(size):
        drawn[k] = standard_normal(rng)
    return drawn


def test_numbers_are_those_of_numpy() -> None:
    """To the last bit, in the tails as well, and none more is taken from the generator."""
    ours, theirs = generator(3), generator(3)
    drawn, expected = draw(ours, DRAWS), theirs.standard_normal(DRAWS)
    assert np.array_equal(drawn.view(np.int64), expected.view(np.int64))
    assert min(-expected.min(), expected.max()) > 4.5  # the lowest layer ends at 3.65
    assert ours.bit_generator.state == theirs.bit_generator.state


def test_kernel_is_its_interpreted_self() -> None:
    """Compiled and interpreted kernel draw the same."""
    rng = generator(5)
    interpreted = [standard_normal.py_func(rng) for _ in range(20_000)]
    assert draw(generator(5), len(interpreted)).tolist() == interpreted
