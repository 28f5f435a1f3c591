"""Security variants where lanes are worth nothing, bases are one heap, and samples are chosen."""

from itertools import pairwise

import pytest

from protocols.interfaces import RoundFacts
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security import Asymptotic, AsymptoticMixed
from protocols.security.finite import SAMPLE_SHARES


def test_mixed_key_is_of_all_bits_at_their_mean_error_rate() -> None:
    """h(0.04) = 0.2422922: 7577 of 10,000 bits, less 3000 of charge and 64 of verification."""
    lanes = (LaneCounts(5000, 100, 5000, 300),)
    decision = AsymptoticMixed().key(RoundFacts(10_000, 0, 0, lanes, 3000, 0, 0), Terms())
    assert (decision.key_bits, decision.reason) == (7577 - 3000 - 64, None)


def test_a_round_of_worthless_lanes_is_charged_whole() -> None:
    """No lane pays for its parities: no key, for that reason, and nothing is taken out."""
    lanes = (LaneCounts(5000, 250, 5000, 250), LaneCounts(5000, 250, 5000, 250))
    facts = RoundFacts(20_000, 0, 0, lanes, 16_000, 16_000, 0, (8000, 8000))
    decision = Asymptotic().key(facts, Terms())
    assert (decision.key_bits, decision.charge_bits) == (0, 16_000)
    assert decision.reason is AbortReason.NO_KEY


def test_shares_of_a_sample_that_are_tried() -> None:
    """From 0.2 % in steps of 12 % up to 58 %."""
    assert SAMPLE_SHARES[0] == 0.002
    steps = [after / before for before, after in pairwise(SAMPLE_SHARES)]
    assert steps == pytest.approx([1.12] * len(steps))
    assert 0.57 < SAMPLE_SHARES[-1] < 0.59
