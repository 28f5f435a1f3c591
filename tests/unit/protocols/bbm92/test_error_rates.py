"""What a link's error correction begins with: learnt from what is verified, bounded by the rest."""

import pytest

from protocols.bbm92.error_rates import MAX_SUSPECTED_RATE, MIN_SAMPLE_BITS, ErrorRates
from protocols.reconciliation.interface import MAX_ESTIMATE, bounded_estimate
from protocols.variants import RECONCILIATIONS
from tests.support.links import link_config

TWO_LANES = link_config(lane_delays_ps=(5_000_000, 5_040_000), initial_qber=0.05)
VARIANT = RECONCILIATIONS.get(TWO_LANES.profile.reconciliation)


def ppm(rate: float) -> int:
    return round(bounded_estimate(rate) * 1e6)


def test_begins_with_the_rate_of_the_set_up() -> None:
    """All lanes alike."""
    assert ErrorRates(TWO_LANES).bounded_ppm == (50_000, 50_000)


def test_learns_lane_by_lane_where_there_is_enough() -> None:
    """A lane with few bits keeps the rate that it had."""
    rates = ErrorRates(TWO_LANES)
    rates.learn([(20, 1000), (0, MIN_SAMPLE_BITS - 1)])
    assert rates.bounded_ppm == (ppm(VARIANT.estimate(errors=20, bits=1000)), 50_000)
    rates.learn([(0, 0), (2, MIN_SAMPLE_BITS)])
    assert rates.bounded_ppm[1] == ppm(VARIANT.estimate(errors=2, bits=MIN_SAMPLE_BITS))


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (100, 0.10),
        (500, MAX_SUSPECTED_RATE),
        (0, 0.0255),
    ],
)
def test_suspicion_is_bounded_and_falls_half_way(errors: int, expected: float) -> None:
    """Up to what was found at once, though not beyond the bound; down by half of the way."""
    rates = ErrorRates(TWO_LANES)
    rates.suspect([(errors, 1000), (50, 1000)])
    assert rates.bounded_ppm[0] == pytest.approx(1e6 * expected, rel=0.05)
    assert rates.bounded_ppm[1] == pytest.approx(50_000, rel=0.05)


def test_failures_raise_the_rate_up_to_the_bound() -> None:
    """However often verification fails; a rate that was learnt above the bound stays."""
    rates = ErrorRates(TWO_LANES)
    rates.learn([(10, 1000), (300, 1000)])
    learnt = rates.bounded_ppm[1]
    seen = [rates.bounded_ppm[0]]
    for _ in range(40):
        rates.raise_after_failure()
        seen.append(rates.bounded_ppm[0])
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] <= 1e6 * MAX_SUSPECTED_RATE
    assert rates.bounded_ppm[1] == learnt <= 1e6 * MAX_ESTIMATE
