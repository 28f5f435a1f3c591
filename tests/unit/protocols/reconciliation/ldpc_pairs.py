"""Two ends of LDPC reconciliation that talk to each other, and a code as a matrix, for tests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.ldpc import LdpcAnnouncer, LdpcResponder
from protocols.reconciliation.ldpc_codes import Code
from protocols.reconciliation.ldpc_degrees import ROWS

Bits = NDArray[np.uint8]


@dataclass(slots=True)
class LdpcPair:
    """An announcer and a responder of one block, the right bits and where the errors are."""

    bits: Bits
    errors: Bits
    announcer: LdpcAnnouncer
    responder: LdpcResponder

    def talk(self) -> bytes:
        """The one round trip; the answer."""
        query = self.responder.next_query()
        assert query is not None
        answer = self.announcer.answer(query)
        self.responder.handle_answer(answer)
        return answer

    @property
    def is_corrected(self) -> bool:
        """Whether both ends have the same bits."""
        return np.array_equal(self.responder.bits, self.bits)


def make_ldpc_pair(
    size: int, error_rate: float, *, seed: int, estimate: float | None = None
) -> LdpcPair:
    """Random bits, each wrong at the responder with probability ``error_rate``."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    errors = (rng.random(size) < error_rate).astype(np.uint8)
    return pair_with(bits, errors, error_rate if estimate is None else estimate, seed=seed)


def pair_with(bits: Bits, errors: Bits, estimate: float, *, seed: int) -> LdpcPair:
    """Both ends of a block with given errors."""
    return LdpcPair(
        bits,
        errors,
        LdpcAnnouncer(bits, error_rate=estimate, seed=seed),
        LdpcResponder(bits ^ errors, error_rate=estimate, seed=seed),
    )


def check_matrix(code: Code) -> Bits:
    """(checks, bits) uint8: the code written out, from the definition in `ldpc_codes`."""
    lift = code.shape.lift
    matrix = np.zeros((code.shape.checks, code.shape.bits), dtype=np.uint8)
    for row in range(ROWS):
        for block in range(code.starts[row], code.starts[row + 1]):
            for lane in range(lift):
                turned = (lane + code.shifts[block]) % lift
                matrix[row * lift + lane, code.columns[block] * lift + turned] += 1
    return matrix
