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
_LAYER, _MANTISSA, _SIGN = np.uint64(0xFF), np.uint64((1 << 52) - 1), np.uint64(1 << 63)
_TO_SIGN = np.uint64(55)
"""By so much bit 8 of what is drawn lies below the sign of a float."""


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
        bits = (drawn >> np.uint64(9)) & _MANTISSA
        # By way of a signed number: processors have no conversion from others.
        size = np.float64(float(np.int64(bits)) * wi_double[layer]).view(np.uint64)
        normal = float(np.uint64(size | ((drawn << _TO_SIGN) & _SIGN)).view(np.float64))
        if bits < ki_double[layer]:
            return normal
        if layer == 0:
            return _tail(rng, int(bits))
        above, below = fi_double[layer - np.uint64(1)], fi_double[layer]
        if (above - below) * next_double(rng.bit_generator) + below < np.exp(-0.5 * normal**2):
            return normal
