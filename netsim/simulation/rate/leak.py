"""What error correction discloses, measured on random blocks as it is needed.

A round's sub-block of one lane is like those of a grid of sizes and error rates, of which each
point is measured once, with both ends of the variant itself. So the figures are those of the code
that the photon level runs, also for a variant of a third party.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.twin.efficiency import Bench, Efficiency
from protocols.keylength.arrays import entropies
from protocols.keylength.keyrate import binary_entropy
from protocols.reconciliation.interface import bounded_estimate
from protocols.variants import RECONCILIATIONS

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

STEPS_PER_DECADE = 12
"""Of sizes and of error rates, in logarithms: neighbours differ by a fifth."""
SEED = 1
BLOCKS = 100
"""Of a point: one that fails verification stands for a hundredth of all."""
GUESSED_BLOCKS = 8
"""Of a point whose error rate is guessed, which is that of a link's first block only."""
MAX_BLOCK_BITS = 2**16
"""Larger blocks are taken for as efficient as these, and for failing as often."""
SMALLEST_QBER, LARGEST_QBER = 1e-4, 0.45
"""Outside, the nearest point stands for them."""
_RATES = 2**10
"""More than twice the steps of error rates."""


class Correction(NamedTuple):
    """What correcting blocks costs, as arrays of their shape.

    Attributes
    ----------
    leak_per_bit, spread : float64
        Mean disclosed bits per bit of the block, and the standard deviation from block to block as
        a share of it.
    failure_probability : float64
        Of a block that verification finds unequal; 0 if none of those measured was.
    round_trips : float64
        Mean number of questions.
    """

    leak_per_bit: Numbers
    spread: Numbers
    failure_probability: Numbers
    round_trips: Numbers


class LeakTable:
    """Costs of one reconciliation variant by size and error rate.

    Points are measured with a seed of their own, the same for every run of this process.

    Parameters
    ----------
    variant : str
        See `protocols.variants`.
    """

    def __init__(self, variant: str) -> None:
        self._variant = variant
        self._rule = RECONCILIATIONS.get(variant)

    def corrections(
        self, bits: Counts, errors: Counts, *, guess: float, is_guessed: Mask
    ) -> Correction:
        """Costs of blocks of ``bits`` with so many ``errors``; nothing of a block without bits.

        The leak of the nearest point is scaled by h of the error rate: between points the
        efficiency is that of the point. Both ends begin with what they have learnt from the block
        before, or, where it ``is_guessed``, with ``guess``.
        """
        qber = np.clip(errors / np.maximum(bits, 1), SMALLEST_QBER, LARGEST_QBER)
        sizes, rates = _steps(np.clip(bits, 1, MAX_BLOCK_BITS)), _steps(qber)
        codes = (sizes * _RATES + rates) * 2 + is_guessed
        known, place = np.unique(codes, return_inverse=True)
        costs = np.array([self._costs(code, guess) for code in known.tolist()]).reshape(-1, 5)
        leak, spread, failure, trips, near = np.moveaxis(costs[place.reshape(bits.shape)], -1, 0)
        has_bits = bits > 0
        return Correction(
            np.where(has_bits, leak * entropies(qber) / near, 0.0),
            np.where(has_bits, spread, 0.0),
            np.where(has_bits, failure, 0.0),
            np.where(has_bits, trips, 0.0),
        )

    def _costs(self, code: int, guess: float) -> tuple[float, ...]:
        """Of one point, in the order of `Correction`, and the entropy of its error rate."""
        point, is_guessed = divmod(code, 2)
        size = round(point / _RATES)  # the steps of error rates are below 0
        rate = point - size * _RATES
        leak, spread, failed, trips = _measured(self._variant, self._rule, (size, rate), None)
        if is_guessed:  # too few blocks to say how often they fail
            guessed = bounded_estimate(guess)
            leak, spread, _, trips = _measured(self._variant, self._rule, (size, rate), guessed)
        return leak, spread, failed, trips, binary_entropy(_value(rate))


@lru_cache(maxsize=4096)
def _measured(
    variant: str, rule: object, point: tuple[int, int], guess: float | None
) -> tuple[float, ...]:
    """One point; ``rule`` tells apart variants that bear one name one after the other."""
    _ = rule
    size, rate = point
    block_bits, qber = round(_value(size)), _value(rate)
    bench = Bench(variant, qber, block_bits, SEED, estimate=guess, learns=guess is None)
    blocks = BLOCKS if guess is None else GUESSED_BLOCKS
    found = Efficiency(variant, qber, block_bits)
    for _block in range(blocks):
        found += bench.block()
    leak_per_bit = found.leak_bits / (blocks * block_bits)
    spread = (found.f_std or 0.0) / (found.f_mean or 1.0)
    return leak_per_bit, spread, found.failed / blocks, found.round_trips / blocks


def _steps(values: Numbers) -> Counts:
    steps: Counts = np.rint(STEPS_PER_DECADE * np.log10(values)).astype(np.int64)
    return steps


def _value(step: int) -> float:
    return float(10.0 ** (step / STEPS_PER_DECADE))
