"""What an error correction says of its least cost is what it costs where there are no errors."""

import numpy as np
import pytest

from protocols.variants import RECONCILIATIONS

COUNTED = [name for name in RECONCILIATIONS.builtin if RECONCILIATIONS.get(name).is_measurable]


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize(("size_bits", "error_rate"), [(0, 0.05), (700, 0.01), (9001, 0.034)])
def test_least_is_what_equal_blocks_cost(name: str, size_bits: int, error_rate: float) -> None:
    """Both ends hold the same bits: as many parities as promised, counted where they are made."""
    variant = RECONCILIATIONS.get(name)
    bits = np.random.default_rng(4).integers(0, 2, size_bits, dtype=np.uint8)
    announcer = variant.announcer(bits, error_rate=error_rate, seed=3)
    responder = variant.responder(bits, error_rate=error_rate, seed=3)
    while (query := responder.next_query()) is not None:
        responder.handle_answer(announcer.answer(query))
    least_bits = variant.least_disclosed_bits(size_bits, error_rate)
    assert announcer.parities_disclosed == responder.parities_learned == least_bits
