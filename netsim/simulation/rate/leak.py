"""What error correction discloses, measured on random blocks as it is needed.

A round's sub-block of one lane is like those of a grid of sizes and error rates, of which each
point is measured once, with both ends of the variant itself. So the figures are those of the code
that the photon level runs, also for a variant of a third party.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from netsim.twin.efficiency import Bench, Efficiency
from protocols.keylength.keyrate import binary_entropy
from protocols.reconciliation.interface import bounded_estimate
from protocols.variants import RECONCILIATIONS

STEPS_PER_DECADE = 12
"""Of sizes and of error rates, in logarithms: neighbours differ by a fifth."""
MEASURED_BITS = 2**20
"""In all blocks of a point together."""
SEED = 1
MIN_BLOCKS, MAX_BLOCKS = 8, 100
MAX_BLOCK_BITS = 2**17
"""Larger blocks are taken for as efficient as these."""
SMALLEST_QBER, LARGEST_QBER = 1e-4, 0.45
"""Outside, the nearest point stands for them."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What correcting one block costs.

    Attributes
    ----------
    leak_per_bit, spread : float
        Mean disclosed bits per bit of the block, and the standard deviation from block to block as
        a share of it.
    failure_probability : float
        Of a block that verification finds unequal; 0 if none of those measured was.
    round_trips : float
        Mean number of questions.
    """

    leak_per_bit: float
    spread: float
    failure_probability: float
    round_trips: float


NO_COST = Correction(leak_per_bit=0.0, spread=0.0, failure_probability=0.0, round_trips=0.0)
"""Of a block without bits."""


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

    def correction(self, bits: int, qber: float, *, guess: float | None = None) -> Correction:
        """Costs of a block of ``bits`` (>= 1) with an error rate of ``qber`` (0 to 1/2).

        The leak of the nearest point is scaled by h(qber): between points the efficiency is that of
        the point. Both ends begin with what they have learnt from the block before, or with
        ``guess`` in a link's first round.
        """
        size, rate = _step(min(bits, MAX_BLOCK_BITS)), _step(_within(qber))
        guessed = None if guess is None else bounded_estimate(guess)
        point = _measured(self._variant, self._rule, (size, rate), guessed)
        scale = binary_entropy(_within(qber)) / binary_entropy(_value(rate))
        return replace(point, leak_per_bit=point.leak_per_bit * scale)


@lru_cache(maxsize=4096)
def _measured(
    variant: str, rule: object, point: tuple[int, int], guess: float | None
) -> Correction:
    """One point; ``rule`` tells apart variants that bear one name one after the other."""
    _ = rule
    size, rate = point
    block_bits, qber = round(_value(size)), _value(rate)
    bench = Bench(variant, qber, block_bits, SEED, estimate=guess, learns=guess is None)
    blocks = min(MAX_BLOCKS, max(MIN_BLOCKS, MEASURED_BITS // block_bits))
    found = Efficiency(variant, qber, block_bits)
    for _block in range(blocks):
        found += bench.block()
    return Correction(
        leak_per_bit=found.leak_bits / (blocks * block_bits),
        spread=(found.f_std or 0.0) / (found.f_mean or 1.0),
        failure_probability=found.failed / blocks,
        round_trips=found.round_trips / blocks,
    )


def _within(qber: float) -> float:
    return min(max(qber, SMALLEST_QBER), LARGEST_QBER)


def _step(value: float) -> int:
    return round(STEPS_PER_DECADE * math.log10(value))


def _value(step: int) -> float:
    return float(10.0 ** (step / STEPS_PER_DECADE))
