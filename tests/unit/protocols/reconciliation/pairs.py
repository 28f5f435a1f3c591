"""Two ends of Cascade that talk to each other, for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.bits import derived_seed, seeded_permutation
from protocols.reconciliation.cascade import SCHEDULES, CascadeAnnouncer, CascadeResponder
from protocols.reconciliation.cascade_layout import PassLayout, asked_parities, layout_passes

Bits = NDArray[np.uint8]


@dataclass(slots=True)
class Pair:
    """An announcer and a responder of one block, the right bits and where the errors are."""

    bits: Bits
    errors: Bits
    announcer: CascadeAnnouncer
    responder: CascadeResponder
    layouts: tuple[PassLayout, ...]

    def talk(self, watch: Callable[[bytes, bytes], None] | None = None) -> None:
        """Exchange queries and answers to the end; ``watch`` sees both of each round trip."""
        while (query := self.responder.next_query()) is not None:
            answer = self.announcer.answer(query)
            self.responder.handle_answer(answer)
            if watch is not None:
                watch(query, answer)

    def queries(self) -> list[bytes]:
        """Talk to the end; every query."""
        seen: list[bytes] = []
        self.talk(lambda query, _: seen.append(query))
        return seen

    def questions(self, query: bytes) -> Bits:
        """What a query asks for, as a matrix over GF(2)."""
        return asked_parities(query, self.layouts, [order_of(layout) for layout in self.layouts])


@lru_cache(maxsize=64)
def order_of(layout: PassLayout) -> NDArray[np.int32]:
    """Position to index of the bit, as the protocol has it for a pass."""
    if layout.is_halved:
        return np.array(documented_halves(layout.size_bits, layout.seed), dtype=np.int32)
    if layout.index:
        return seeded_permutation(layout.seed, layout.size_bits)
    return np.arange(layout.size_bits, dtype=np.int32)


def documented_halves(size: int, seed: int) -> list[int]:
    """The documented halving, in Python integers; the oracle."""
    halves: tuple[list[int], list[int]] = ([], [])
    for group, start in enumerate(range(0, size, 128)):
        mask, left = derived_seed(seed, group), min(128, size - start)
        for k in range(left // 2):
            bit = mask >> k & 1
            halves[bit].append(start + k)
            halves[1 - bit].append(start + k + left // 2)
        if left % 2:
            halves[0].append(size - 1)
    shuffled: list[int] = []
    for half, own in enumerate(halves):
        order = seeded_permutation((2**64 - 1 - seed + half) % 2**64, len(own))
        shuffled += [sorted(own)[k] for k in order]
    return shuffled


def make_pair(
    name: str, size: int, error_rate: float, *, seed: int, estimate: float | None = None
) -> Pair:
    """Random bits, each wrong at the responder with probability ``error_rate``."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    errors = (rng.random(size) < error_rate).astype(np.uint8)
    guess = error_rate if estimate is None else estimate
    schedule = SCHEDULES[name]
    return Pair(
        bits,
        errors,
        CascadeAnnouncer(bits, schedule=schedule, error_rate=guess, seed=seed),
        CascadeResponder(bits ^ errors, schedule=schedule, error_rate=guess, seed=seed),
        layout_passes(size_bits=size, schedule=schedule, error_rate=guess, seed=seed),
    )
