"""Halves of a block drawn at random: the permutation of Cascade's passes that have two blocks.

Such a pass seldom finds anything odd, so that the parity of one half is all that is ever needed of
it. A shuffle of all bits would cost twenty times as much.

The halving is part of the protocol. The bits are cut into groups of 128, of which the last has
what is left. In a group of ``r`` bits number ``i`` and number ``i + r // 2`` (``i < r // 2``) go to
different halves: bit ``i`` of the group's mask, counted from the least significant one, is 0 where
the first of the two goes to the first half. A last bit without a partner goes to the first half.
The mask of group ``g`` is the output number ``g`` (from 0) of SplitMix64 (`protocols.bits`) that is
started with the seed of the pass. So the first half has ``ceil(N / 2)`` bits, and two bits are in
one half with probability 1/2, or never. Within a half the bits are in ascending order first, and
then shuffled (`protocols.bits`), by the seed ``2^64 - 1 - seed`` in the first half and by that and
1, modulo 2^64, in the second: searches in ascending order would ask again for what the first pass
has told.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.bits import GOLDEN, mix64, shuffle
from protocols.compiled import kernel
from protocols.reconciliation.words import Words, parity_of

GROUP_BITS = 128


@kernel
def half_of(index: int, size: int, seed: np.uint64) -> int:
    """In which half bit ``index`` of ``size`` is: 0 or 1."""
    group = index // GROUP_BITS
    within = index - group * GROUP_BITS
    apart = min(GROUP_BITS, size - group * GROUP_BITS) // 2
    if within == 2 * apart:
        return 0
    mask = mix64(seed + np.uint64(group + 1) * GOLDEN)
    if within < apart:
        return int(np.int64((mask >> np.uint64(within)) & np.uint64(1)))
    return 1 - int(np.int64((mask >> np.uint64(within - apart)) & np.uint64(1)))


@kernel
def first_parity(words: Words, size: int, seed: np.uint64) -> int:
    """Parity of those of ``size`` bits, in a row of (W,) ``words``, that are in the first half."""
    ones, state = np.uint64(0), seed
    whole = size // GROUP_BITS
    for group in range(whole):
        state += GOLDEN
        one, other = words[2 * group], words[2 * group + 1]
        # The other one of the two where the mask says so.
        ones ^= one ^ ((one ^ other) & mix64(state))
    parity = parity_of(ones)
    for index in range(whole * GROUP_BITS, size):
        bit = int(np.int64((words[index >> 6] >> np.uint64(index & 63)) & np.uint64(1)))
        parity ^= bit & (1 - half_of(index, size, seed))
    return parity


@kernel
def put_halves(size: int, seed: np.uint64, order: NDArray[np.int32]) -> None:
    """Write the indices of the first half and then those of the second to ``order`` (N,)."""
    middle = (size + 1) // 2
    at = np.array((0, middle))
    state = seed
    for start in range(0, size, GROUP_BITS):
        state += GOLDEN
        mask = mix64(state)
        apart = min(GROUP_BITS, size - start) // 2
        for k in range(2 * apart):
            is_other = np.int64(k >= apart)
            bit = np.int64((mask >> np.uint64(k - is_other * apart)) & np.uint64(1))
            half = bit ^ is_other
            order[at[half]] = start + k
            at[half] += 1
    if size & 1:
        order[at[0]] = size - 1
    shuffle(order[:middle], ~seed)
    shuffle(order[middle:], ~seed + np.uint64(1))
