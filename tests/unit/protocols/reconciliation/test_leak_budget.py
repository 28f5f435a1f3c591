"""Leak budgets: what is fixed before a round holds what its error correction discloses."""

import numpy as np
import pytest

from protocols.budgets import upper_rate
from protocols.reconciliation.interface import Reconciliation, bounded_estimate
from protocols.variants import RECONCILIATIONS

BLOCK_BITS, SEEN_BITS = 20_000, 4_000


def disclosed_bits(variant: Reconciliation, error_rate: float, seed: int) -> int:
    """Parities of one honest block, from the estimate that a sample of the same light gives."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, BLOCK_BITS, dtype=np.uint8)
    errors = (rng.random(BLOCK_BITS) < error_rate).astype(np.uint8)
    seen = int(rng.binomial(SEEN_BITS, error_rate))
    estimate = bounded_estimate(variant.estimate(errors=seen, bits=SEEN_BITS))
    announcer = variant.announcer(bits, error_rate=estimate, seed=seed)
    responder = variant.responder(bits ^ errors, error_rate=estimate, seed=seed)
    while (query := responder.next_query()) is not None:
        responder.handle_answer(announcer.answer(query))
    return announcer.parities_disclosed


@pytest.mark.parametrize("name", ["ldpc", "cascade-yanetal", "cascade-option8"])
@pytest.mark.parametrize("error_rate", [0.0, 0.0003, 0.003, 0.03, 0.08])
def test_budget_holds_what_is_disclosed(name: str, error_rate: float) -> None:
    """Twelve blocks, estimates as a sample gives them: at most one goes beyond, none by 10 %."""
    variant = RECONCILIATIONS.get(name)
    rate = upper_rate(error_rate, BLOCK_BITS)
    budget_bits = variant.budget_bits(BLOCK_BITS, rate, seen_bits=SEEN_BITS)
    found = [disclosed_bits(variant, error_rate, seed) for seed in range(12)]
    assert sum(bits > budget_bits for bits in found) <= 1
    assert max(found) < 1.1 * budget_bits
    assert min(found) > 0.4 * budget_bits, "a budget far too large costs key"
