"""Leak budgets: what is fixed before a round holds what its error correction discloses."""

import math

import numpy as np
import pytest

from protocols.budgets import leak_share, upper_rate
from protocols.expectation import Expectation, LaneExpectation
from protocols.keylength.finite import error_count_bits
from protocols.profile import Terms
from protocols.reconciliation.interface import Reconciliation, bounded_estimate
from protocols.reconciliation.ldpc_budget import plan_block
from protocols.variants import RECONCILIATIONS

BLOCK_BITS, SEEN_BITS = 20_000, 4_000
SAMPLE_SHARE = 1 / 9


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


@pytest.mark.parametrize("error_rate", [0.0, 0.00025, 0.0025, 0.0055, 0.03])
@pytest.mark.parametrize("expected_bits", [4_000, 20_000, 73_700, 99_552, 1_112_000])
def test_budget_holds_rounds_of_any_honest_length(error_rate: float, expected_bits: int) -> None:
    """Of LDPC codes, whose parities do not grow in proportion: shorter, longer, cut into more.

    A ninth of the bits is the sample, and has two deviations more errors than it should. Of 73,700
    and 1,112,000 expected bits some rounds are cut into a piece more than others.
    """
    ldpc = RECONCILIATIONS.get("ldpc")
    half = LaneExpectation(expected_bits / 2, error_rate, expected_bits / 2, error_rate)
    expectation = Expectation((half,), OwnBudget(ldpc))
    terms = Terms(leak_share=leak_share(expectation, SAMPLE_SHARE))
    for sifted_bits in range(*honest_lengths(expected_bits)):
        seen = math.ceil(SAMPLE_SHARE * sifted_bits)
        errors = math.floor(seen * error_rate + 2 * math.sqrt(seen * error_rate))
        estimate = bounded_estimate(ldpc.estimate(errors=errors, bits=seen))
        raw_bits = sifted_bits - seen
        leak_bits = plan_block(raw_bits, estimate).disclosed_bits
        leak_bits += 2 * error_count_bits(math.ceil(sifted_bits / 2))
        tolerated_bits = terms.tolerated_leak_bits(raw_bits)
        assert leak_bits <= tolerated_bits < leak_bits + 0.06 * raw_bits


def honest_lengths(expected_bits: int) -> tuple[int, int, int]:
    """First, last and step of some two hundred lengths within 2.9 standard deviations."""
    away = math.floor(2.9 * math.sqrt(expected_bits))
    return expected_bits - away, expected_bits + away, 1 + away // 100


class OwnBudget:
    """What a correction asks for, and nothing else."""

    def __init__(self, variant: Reconciliation) -> None:
        self._variant = variant

    def bits(self, block_bits: float, error_rate: float, *, seen_bits: float) -> float:
        """As of `LeakBudget`."""
        return self._variant.budget_bits(block_bits, error_rate, seen_bits=seen_bits)
