"""Formulas of `protocols.keylength.keyrate` for many rounds at once, as arrays.

Lanes are (N, lanes, 4) int64: bits and errors in Z, then in X, in the order of `LaneCounts`.
"""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]


def entropies(probabilities: Numbers) -> Numbers:
    """Entropy in bits of a yes with each of the ``probabilities`` (0 to 1)."""
    others = 1.0 - probabilities
    found: Numbers = -(probabilities * _log2(probabilities) + others * _log2(others))
    return np.abs(found)  # no minus zero


def shannon_bits_of(lanes: Counts) -> Numbers:
    """(N, lanes) float64: n h(Q) of each lane, Q the error rate of both bases."""
    bits, errors = lanes[..., 0] + lanes[..., 2], lanes[..., 1] + lanes[..., 3]
    shares: Numbers = bits * entropies(errors / np.maximum(bits, 1))
    return shares


def secret_by_basis(lanes: Counts) -> Numbers:
    """(N, lanes) float64: n_b [1 - h(Q of the other basis)], both bases together."""
    z_bits, z_errors, x_bits, x_errors = np.moveaxis(lanes, -1, 0)
    found: Numbers = z_bits * (1.0 - _phase_entropies(x_bits, x_errors))
    found += x_bits * (1.0 - _phase_entropies(z_bits, z_errors))
    return found


def secret_of_both(lanes: Counts) -> Numbers:
    """(N, lanes) float64: n [1 - h(Q)] of bases that are one heap."""
    bits, errors = lanes[..., 0] + lanes[..., 2], lanes[..., 1] + lanes[..., 3]
    found: Numbers = bits * (1.0 - _phase_entropies(bits, errors))
    return found


def _phase_entropies(bits: Counts, errors: Counts) -> Numbers:
    rates = np.minimum(0.5, errors / np.maximum(bits, 1))
    return np.where(bits > 0, entropies(rates), 1.0)


def _log2(values: Numbers) -> Numbers:
    """Of 0 it is 0, which x log x makes good."""
    found: Numbers = np.log2(np.where(values > 0.0, values, 1.0))
    return found
