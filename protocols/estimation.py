"""Where the error rate comes from: from all corrected errors, or from a published sample.

The sample's positions are drawn one by one with the announcer's own randomness, after the last keep
mask: the responder's matches lie in earlier messages and both ends' bits are fixed. They travel as
they are, one bit a position, and are not grown from a short seed: the sampling bounds of
`protocols.keylength.finite` hold for a uniformly random part, of which a seed of 64 bits reaches
few.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.interfaces import Estimation
from protocols.profile import Terms


class ReconciledErrors(Estimation):
    """No bit is published: the exact number of corrected errors is known after verification."""

    def sample_bits(self, terms: Terms, sifted_bits: int) -> int:
        """None."""
        _ = terms, sifted_bits
        return 0


class PublishedSample(Estimation):
    """A random share of the sifted bits is published at both ends and thrown away."""

    is_random_sample: ClassVar[bool] = True

    def sample_bits(self, terms: Terms, sifted_bits: int) -> int:
        """As many as the terms say."""
        return terms.sample_bits(sifted_bits)


def random_mask(rng: np.random.Generator, size: int, chosen: int) -> NDArray[np.uint8]:
    """(size,) uint8 with ``chosen`` ones, each such mask equally likely."""
    mask = np.zeros(size, dtype=np.uint8)
    mask[rng.choice(size, chosen, replace=False, shuffle=False)] = 1
    return mask
