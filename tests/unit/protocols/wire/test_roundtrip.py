"""The retransmission timer: the numbers of RFC 6298, section 2, within our bounds."""

import pytest

from protocols.wire.roundtrip import MAX_TIMEOUT_PS, MIN_TIMEOUT_PS, RoundTrip

MS_PS = 1_000_000_000


def test_first_and_later_measurements() -> None:
    """R and R / 2 first; then 7 / 8 and 3 / 4 of the old ones: time-out SRTT + 4 RTTVAR."""
    timer = RoundTrip(1000 * MS_PS)
    assert timer.timeout_ps == timer.patience_ps == 1000 * MS_PS
    timer.measure(100 * MS_PS)
    assert timer.timeout_ps == (100 + 4 * 50) * MS_PS
    assert timer.patience_ps == (100 + 2 * 50) * MS_PS
    timer.measure(60 * MS_PS)
    assert timer.timeout_ps == pytest.approx((95 + 4 * 47.5) * MS_PS)
    assert timer.patience_ps == pytest.approx((95 + 2 * 47.5) * MS_PS)


def test_bounds_and_backing_off() -> None:
    """Never below, never above, whatever is measured; each silence doubles it."""
    timer = RoundTrip(20 * MS_PS)
    for _ in range(50):
        timer.measure(1)
    assert timer.timeout_ps == MIN_TIMEOUT_PS
    timer.back_off()
    assert timer.timeout_ps == 2 * MIN_TIMEOUT_PS
    for _ in range(50):
        timer.back_off()
    assert timer.timeout_ps == MAX_TIMEOUT_PS
    timer.measure(10**18)
    assert timer.timeout_ps == MAX_TIMEOUT_PS
