"""What bits that are not fair cost, against numbers worked out by hand."""

import math

import pytest

from protocols.keylength.balance import SIGMAS, Balance, bias_bits


def test_constant_bits_are_worth_nothing() -> None:
    """All of them are charged, whichever value they have."""
    for ones in (0, 5000):
        assert not Balance(5000, ones).is_fair
        assert Balance(5000, ones).lost_bits == 5000
        assert bias_bits([Balance(5000, ones)]) == math.ceil(5000 + math.log2(5001))


@pytest.mark.parametrize(("bits", "charged"), [(31, 31 + 5), (32, 32 + 6)])
def test_the_count_of_ones_is_charged(bits: int, charged: int) -> None:
    """One of n + 1 counts was told: log2(32) is 5, log2(33) a little more."""
    assert bias_bits([Balance(bits, bits)]) == charged


def test_one_in_five() -> None:
    """h(0.2) = 0.7219 of each bit is left."""
    assert Balance(10_000, 2000).lost_bits == pytest.approx(10_000 * (1 - 0.721928), abs=0.1)


def test_chance_costs_nothing() -> None:
    """Five standard deviations of a fair coin are 250 of 10,000; uncharged are 18 bits at most."""
    assert Balance(10_000, 5250).deviation_sigma == pytest.approx(SIGMAS)
    assert Balance(10_000, 5250).lost_bits == Balance(0, 0).lost_bits == 0.0
    assert Balance(0, 0).deviation_sigma == 0.0
    assert bias_bits([Balance(10_000, 5250), Balance(0, 0)]) == 0
    assert bias_bits([Balance(10_000, 4749)]) > 18
    worst = Balance(10_000, 5251)
    assert worst.lost_bits < 19


def test_each_lane_and_basis_by_itself() -> None:
    """Z all zeros and X all ones are balanced together, and worth nothing."""
    assert bias_bits([Balance(1000, 0), Balance(1000, 1000)]) >= 2000
