"""What a published click time tells of the detector behind it, by numerical integration.

A. Lamas-Linares and C. Kurtsiefer, Opt. Express 15, 9388 (2007): mutual information of bit and time
where the two detectors of a basis answer at times whose densities differ.
"""

import math

import numpy as np

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


def leak_bits(difference_ps: float, *, jitter_fwhm_ps: float, steps: int = 200_001) -> float:
    """I(bit; time) of two equally likely Gaussians that lie ``difference_ps`` apart."""
    sigma = jitter_fwhm_ps / FWHM_PER_SIGMA
    reach = 12.0 * sigma + abs(difference_ps)
    t = np.linspace(-reach, reach, steps)
    norm = 1.0 / (sigma * math.sqrt(2.0 * math.pi))
    one = norm * np.exp(-0.5 * ((t - difference_ps / 2.0) / sigma) ** 2)
    other = norm * np.exp(-0.5 * ((t + difference_ps / 2.0) / sigma) ** 2)
    both = 0.5 * (one + other)

    def entropy(p: np.ndarray) -> float:
        return float(-np.trapezoid(p * np.log2(np.maximum(p, 1e-300)), t))

    return entropy(both) - 0.5 * (entropy(one) + entropy(other))


def information_bits(bits: np.ndarray, symbols: np.ndarray) -> float:
    """I(bit; symbol) of a sample, in bits, less the bias of a finite one (Miller 1955)."""
    labels, symbols = np.unique(symbols, return_inverse=True)
    counts = np.zeros((2, labels.size))
    np.add.at(counts, (bits, symbols), 1.0)

    def entropy(numbers: np.ndarray) -> float:
        shares = numbers[numbers > 0] / numbers.sum()
        return float(-(shares * np.log2(shares)).sum())

    plain = entropy(counts.sum(axis=0)) + entropy(counts.sum(axis=1)) - entropy(counts.ravel())
    return plain - (labels.size - 1) / (2.0 * math.log(2.0) * bits.size)
