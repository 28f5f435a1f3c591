"""A new user: how much key it needs, over whom it comes, how long that takes."""

import math
from collections.abc import Mapping

import pytest

from netsim.relay.admission import LinkRate, Rates, admit, authentication_bits

TAGS_BPS = 64 * (60_771 + 84_235)
"""Of A with two channels and C with five in Wang et al. 2026, both ways."""


def by_bisection(ratio: float, epsilon: float, share: float) -> float:
    """The same equation, by halving of an interval at whose ends its sides differ in sign."""
    low, high = 100.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        words = math.log(ratio * middle / share) / math.log(2)
        right = 4 * (math.log(2 / epsilon, 2) + math.log(words, 2)) * words
        low, high = (middle, high) if right > middle else (low, middle)
    return low


@pytest.mark.parametrize("ratio", [1.0, 120_025.0, 1e9])
@pytest.mark.parametrize("epsilon", [1e-9, 1e-18])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_bits_solve_the_equation(ratio: float, epsilon: float, share: float) -> None:
    """To a millionth of a bit."""
    found = authentication_bits(ratio, epsilon=epsilon, key_share=share)
    assert found == pytest.approx(by_bisection(ratio, epsilon, share), rel=1e-9)


def test_printed_numbers() -> None:
    """Singles, tags of 64 bits, key: the classical bits per key bit that the paper prints."""
    assert TAGS_BPS == 9_280_384
    assert pytest.approx(120_025, abs=1) == TAGS_BPS / 77.32
    assert authentication_bits(TAGS_BPS / 77.32, epsilon=1e-9) == pytest.approx(4131, abs=1)


def rates_of(key_bps: Mapping[str, float]) -> Rates:
    """Links by two letters, each with a thousand classical bits per bit of key."""
    return {(pair[0], pair[1]): LinkRate(bps, 1000.0 * bps) for pair, bps in key_bps.items()}


MESH = {"ab": 10.0, "ac": 5.0, "ad": 4.0, "bc": 2.0, "cd": 8.0, "bd": 1.0}


def test_steps_by_hand() -> None:
    """B first: C comes over B at 2 bit/s, D over B and C at the slower of 1 and 5."""
    bits = authentication_bits(1000.0, epsilon=1e-9)
    first, second = admit("a", "b", "cd", rates_of(MESH), epsilon=1e-9)
    assert (first.user, first.paths) == ("c", (("a", "b", "c"),))
    assert first.total_s == pytest.approx(bits / 2 + bits / 5)
    assert (second.user, second.paths) == ("d", (("a", "b", "d"), ("a", "c", "d")))
    assert second.transfer_s == pytest.approx(bits / 1)
    assert second.direct_s == pytest.approx(bits / 4)


def test_a_share_of_the_key_takes_longer() -> None:
    """The link replaces the key out of what is set aside alone."""
    whole, part = (
        admit("a", "b", "c", rates_of(MESH), epsilon=1e-9, key_share=share)[0]
        for share in (1.0, 0.25)
    )
    assert part.direct_s == pytest.approx(4 * whole.direct_s * part.key_bits / whole.key_bits)
    assert part.key_bits > whole.key_bits


def test_nobody_is_passed_whom_the_newcomer_has_no_key_with() -> None:
    """Without a link of B and D the way goes over C, which is not met yet: from B to it."""
    rates = rates_of({pair: bps for pair, bps in MESH.items() if pair != "bd"})
    (step,) = admit("a", "b", "d", rates, epsilon=1e-9)
    assert step.paths == (("a", "b", "c", "d"),)
    with pytest.raises(ValueError, match="no path"):
        admit("a", "b", "d", rates_of({"ab": 1.0, "ad": 1.0, "ac": 1.0, "cd": 1.0}), epsilon=1e-9)
    with pytest.raises(ValueError, match="a and d share no link"):
        admit("a", "b", "d", rates_of({"ab": 1.0, "bd": 1.0}), epsilon=1e-9)


@pytest.mark.parametrize(("ratio", "epsilon", "share"), [(0.5, 0.1, 1), (9, 0, 1), (9, 0.1, 0)])
def test_out_of_range(ratio: float, epsilon: float, share: float) -> None:
    """Refused."""
    with pytest.raises(ValueError, match="no authentication"):
        authentication_bits(ratio, epsilon=epsilon, key_share=share)
