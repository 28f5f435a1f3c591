"""Two ends of Cascade that talk to each other, for tests."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bits import seeded_permutation
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
        size = self.bits.size
        orders = [
            seeded_permutation(layout.seed, size)
            if layout.index
            else np.arange(size, dtype=np.int32)
            for layout in self.layouts
        ]
        return asked_parities(query, self.layouts, orders)


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
