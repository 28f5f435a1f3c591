"""Normal numbers as `numpy.random.Generator.standard_normal` draws them, in half the time.

NumPy and numba branch on the sign of each number, which is as random as a coin, so that a processor
guesses every second one wrong.

References
----------
.. [1] G. Marsaglia, W. W. Tsang, J. Stat. Softw. 5, 8 (2000): the ziggurat.
"""

from typing import Any, cast

import numpy as np
from numba.np.random import generator_core
from numba.np.random._constants import (
    fi_double,
    ki_double,
    wi_double,
    ziggurat_nor_inv_r,
    ziggurat_nor_r,
)

from protocols.compiled import kernel

next_double, next_uint64 = (
    cast("Any", getattr(generator_core, name)) for name in ("next_double", "next_uint64")
)
_LAYER, _SIGN, _MANTISSA = np.uint64(0xFF), np.uint64(1), np.uint64((1 << 52) - 1)


@kernel
def _tail(rng: np.random.Generator, bits: int) -> float:
    """Beyond the lowest layer; its sign is that of one of the ``bits`` that were drawn."""
    while True:
        beyond = -ziggurat_nor_inv_r * np.log1p(-next_double(rng.bit_generator))
        height = -np.log1p(-next_double(rng.bit_generator))
        if height + height > beyond * beyond:
            size = float(ziggurat_nor_r + beyond)
            return -size if bits >> 8 & 1 else size


@kernel
def standard_normal(rng: np.random.Generator) -> float:
    """Next number of ``rng.standard_normal()``, by the ziggurat [1]_ of NumPy."""
    while True:
        drawn = next_uint64(rng.bit_generator)
        layer = drawn & _LAYER
        sign = np.int64((drawn >> np.uint64(8)) & _SIGN)
        bits = np.int64((drawn >> np.uint64(9)) & _MANTISSA)
        normal = float(bits * wi_double[layer] * (1 - 2 * sign))
        if bits < ki_double[layer]:
            return normal
        if layer == 0:
            return _tail(rng, int(bits))
        above, below = fi_double[layer - np.uint64(1)], fi_double[layer]
        if (above - below) * next_double(rng.bit_generator) + below < np.exp(-0.5 * normal**2):
            return normal
