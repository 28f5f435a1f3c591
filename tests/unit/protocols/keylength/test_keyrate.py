"""Asymptotic key lengths and the charge for error correction."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.keylength.keyrate import (
    LaneCounts,
    asymptotic_key_bits,
    binary_entropy,
    error_correction_charge_bits,
    qber_limit,
    secret_bits_of_both,
    shannon_bits,
    skr_asymptotic_bps,
    skr_error_bps,
)

# Fan et al. 2025, Table 2: sifted rate, QBER (rounded there), key rate. Row C50&C30 is left out:
# its printed sifted rate, 585.0, does not give its key rate.
TABLE_2 = [
    (1613.9, 0.014, 1230.6),
    (260.0, 0.078, 34.2),
    (405.6, 0.065, 97.6),
    (268.2, 0.076, 39.9),
    (267.4, 0.084, 22.9),
    (460.0, 0.076, 67.1),
]


@pytest.mark.parametrize(("sifted_hz", "qber", "skr_bps"), TABLE_2)
def test_key_rate_is_that_of_the_paper(sifted_hz: float, qber: float, skr_bps: float) -> None:
    """Table 2's key rates lie between those for its QBER plus and minus half a last digit."""
    low, high = (skr_asymptotic_bps(sifted_hz, qber + half) for half in (0.0005, -0.0005))
    assert low <= skr_bps <= high


def test_key_rate_is_never_negative() -> None:
    """Above the limit, and for anticorrelated bits, there is no key."""
    assert skr_asymptotic_bps(1000.0, 0.0955) == 0.0
    assert skr_asymptotic_bps(1000.0, 0.99) == 0.0
    assert skr_asymptotic_bps(1000.0, 0.0) == 1000.0


def test_qber_limits() -> None:
    """The limit is 9.549 % at f = 1.2 (Fan et al. 2025) and 11.003 % at f = 1 (Shor-Preskill)."""
    assert qber_limit(1.2) == pytest.approx(0.09549, abs=5e-6)
    assert qber_limit(1.0) == pytest.approx(0.110028, abs=5e-7)
    assert qber_limit(0.0) == pytest.approx(0.5, abs=1e-7)


def test_entropy_at_known_points() -> None:
    """Zero when certain, one bit at a half, symmetric, and h(0.11) as in any table."""
    assert binary_entropy(0.0) == binary_entropy(1.0) == 0.0
    assert binary_entropy(0.5) == 1.0
    assert binary_entropy(0.11) == pytest.approx(0.499916, abs=5e-7)
    with pytest.raises(ValueError, match="probability"):
        binary_entropy(1.1)


def test_bases_are_not_pooled() -> None:
    """The bits of one basis pay for the errors of the other, lane by lane."""
    lanes = [LaneCounts(1000, 0, 3000, 300), LaneCounts(500, 50, 0, 0)]
    expected = 1000 * (1 - binary_entropy(0.1)) + 3000 * 1.0 - 64 - 100
    assert asymptotic_key_bits(lanes, charge_bits=100, verification_bits=64) == math.floor(expected)


def test_a_basis_without_partner_gives_no_key() -> None:
    """No bits in the other basis, or half of them wrong, mean that nothing is known."""
    for lanes in ([LaneCounts(900, 0, 0, 0)], [LaneCounts(900, 450, 0, 0)]):
        assert asymptotic_key_bits(lanes, charge_bits=0, verification_bits=0) == 0
    anticorrelated = [LaneCounts(0, 0, 10, 10), LaneCounts(100, 0, 100, 90)]
    assert asymptotic_key_bits(anticorrelated, charge_bits=0, verification_bits=0) == 100


@given(st.integers(0, 10**6), st.floats(0, 0.5), st.integers(0, 10**6))
def test_key_is_at_most_the_bits_left(bits: int, share: float, charge_bits: int) -> None:
    """The length is an int, never negative, and never above bits less what was disclosed."""
    errors = int(bits * share)
    lanes = [LaneCounts(bits, errors, bits, errors)]
    key_bits = asymptotic_key_bits(lanes, charge_bits=charge_bits, verification_bits=64)
    assert isinstance(key_bits, int)
    assert 0 <= key_bits <= max(0, 2 * bits - charge_bits - 64)


def test_charge_policies() -> None:
    """The paper's budget is a floor under the disclosed bits; ``measured`` is those bits."""
    lanes = [LaneCounts(5000, 150, 5000, 190), LaneCounts(100, 0, 0, 0), LaneCounts(0, 0, 0, 0)]
    budget = 1.2 * 10_000 * binary_entropy(0.034)
    assert shannon_bits(lanes) == pytest.approx(budget / 1.2)
    assert error_correction_charge_bits(2000, lanes, "paper") == math.ceil(budget)
    assert error_correction_charge_bits(3000, lanes, "paper") == 3000
    assert error_correction_charge_bits(2000, lanes, "measured") == 2000
    with pytest.raises(ValueError, match="cheap"):
        error_correction_charge_bits(1, lanes, "cheap")  # type: ignore[arg-type]


@pytest.mark.parametrize("counts", [(1, 2, 0, 0), (0, 0, 1, 2), (-1, 0, 0, 0), (5, -1, 0, 0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    """More errors than bits, or fewer than none, are refused."""
    with pytest.raises(ValueError, match="impossible"):
        LaneCounts(*counts)


def test_both_directions_are_charged_as_told() -> None:
    """What the responder's questions disclose, and nothing where it has asked none."""
    assert error_correction_charge_bits(5, [], "both-directions") == 5
    assert error_correction_charge_bits(5, [], "both-directions", returned_bits=7) == 12


def test_no_probability_is_no_entropy() -> None:
    """Below 0 and above 1, however little; and no number."""
    for probability in (-1e-12, 1.0 + 1e-12, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            binary_entropy(probability)


def test_the_usual_efficiency_is_that_of_the_paper() -> None:
    """1.2 unless told otherwise: 1 - 2.2 h(0.05) = 0.369927 of the bits, and its limit."""
    assert skr_asymptotic_bps(1e6, 0.05) == pytest.approx(369_927, abs=1)
    assert qber_limit() == qber_limit(1.2)


@pytest.mark.parametrize("qber", [0.0, 0.015, 0.06])
def test_the_error_of_a_rate_is_its_scatter(qber: float) -> None:
    """Against 20,000 draws of counts and errors: 5 sigma of their standard deviation, 2.5 %."""
    rng, seconds, sifted_hz = np.random.default_rng(5), 20.0, 800.0
    bits = rng.poisson(sifted_hz * seconds, 20_000)
    found = rng.binomial(bits, qber) / bits
    rates = [skr_asymptotic_bps(n / seconds, q) for n, q in zip(bits, found, strict=True)]
    assert skr_error_bps(sifted_hz, qber, seconds) == pytest.approx(np.std(rates), rel=0.025)


@pytest.mark.parametrize("qber", [0.001, 0.02, 0.05])
def test_standard_error_is_by_the_slopes_of_the_key_rate(qber: float) -> None:
    """Of right and of wrong bits, two Poissonian counts of their own; slopes by differences."""
    seconds, step = 20.0, 1e-3
    right, wrong = 20_000.0 * (1 - qber), 20_000.0 * qber

    def rate_bps(more_right: float, more_wrong: float) -> float:
        bits = right + wrong + more_right + more_wrong
        return skr_asymptotic_bps(bits / seconds, (wrong + more_wrong) / bits)

    by_right = (rate_bps(step, 0) - rate_bps(-step, 0)) / (2 * step)
    by_wrong = (rate_bps(0, step) - rate_bps(0, -step)) / (2 * step)
    expected_bps = math.sqrt(by_right**2 * right + by_wrong**2 * wrong)
    assert skr_error_bps(1000.0, qber, seconds) == pytest.approx(expected_bps, rel=1e-5)


def test_secret_bits_of_bases_that_are_one_heap() -> None:
    """h(0.04) = 0.2422922 and h(0.01) = 0.0807931, each to seven digits."""
    lanes = (LaneCounts(5000, 100, 5000, 300), LaneCounts(1000, 10, 1000, 10))
    assert secret_bits_of_both(lanes) == pytest.approx(7577.078 + 1838.414, abs=0.01)
