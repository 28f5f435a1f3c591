"""Key lengths without an epsilon: the formula, and lanes that cost more than they give."""

import math
from dataclasses import replace

import pytest

from protocols.expectation import Expectation, LaneExpectation, ShannonBudget
from protocols.interfaces import (
    RoundFacts,
)
from protocols.keylength.keyrate import (
    LaneCounts,
    asymptotic_key_bits,
    binary_entropy,
    error_correction_charge_bits,
)
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.security import (
    Asymptotic,
    AsymptoticMixed,
)
from tests.unit.protocols.securities import (
    OPEN,
)


@pytest.mark.parametrize("charge", ["paper", "measured", "both-directions"])
def test_asymptotic_is_the_formula(charge: str) -> None:
    """Charge by its policy, verification, and no secrecy epsilon."""
    lanes = (LaneCounts(6000, 90, 5800, 60), LaneCounts(3000, 150, 3100, 200))
    terms = Terms(charge=charge)  # type: ignore[arg-type]  # one of three
    facts = RoundFacts(17_900, 0, 0, lanes, 3000, 2900, 0)
    decision = Asymptotic().key(facts, terms)
    expected = {
        "paper": error_correction_charge_bits(3000, lanes, "paper"),
        "measured": 3000,
        "both-directions": 5900,
    }[charge]
    length = asymptotic_key_bits(lanes, charge_bits=expected, verification_bits=64)
    assert (decision.key_bits, decision.charge_bits) == (length, expected)
    assert decision.secrecy_epsilon is None


def test_asymptotic_threshold() -> None:
    """More errors than the threshold end the round; so do no bits at all."""
    lanes = (LaneCounts(500, 6, 500, 5),)
    facts = RoundFacts(1000, 0, 0, lanes, 100, 100, 0)
    assert Asymptotic().key(facts, Terms(qber_threshold=0.011)).reason is None
    strict = Asymptotic().key(facts, Terms(qber_threshold=0.0109))
    assert (strict.key_bits, strict.reason) == (0, AbortReason.QBER_TOO_HIGH)
    empty = Asymptotic().key(RoundFacts(0, 0, 0, (), 0, 0, 0), Terms())
    assert empty.reason is not None


def two_lanes(bad_errors: int) -> RoundFacts:
    """A good lane, and one of which that many of 10,000 bits are wrong; 1.1 n h(Q) for each."""
    lanes = (LaneCounts(5000, 150, 5000, 150), LaneCounts(5000, bad_errors, 5000, bad_errors))
    parities = tuple(round(1.1 * 10_000 * binary_entropy(lane.errors / 10_000)) for lane in lanes)
    return RoundFacts(20_000, 0, 0, lanes, sum(parities), sum(parities), 0, parities)


def test_a_lane_that_costs_more_than_it_gives_takes_nothing_away() -> None:
    """With a lane at 20 % beside it, a lane at 3 % gives what it gives alone."""
    terms = Terms(charge="measured")
    facts = two_lanes(1000)
    alone = Asymptotic().key(facts.lane(0), terms)
    assert alone.key_bits > 5000
    found = Asymptotic().key(facts, terms)
    assert (found.key_bits, found.charge_bits) == (alone.key_bits, alone.charge_bits)
    pooled = Asymptotic().key(replace(facts, lane_parity_bits=()), terms)
    assert pooled.key_bits < alone.key_bits - 3000


def test_lanes_that_give_key_add_up() -> None:
    """At 3 and 5 % nothing is dropped, and nothing changes by knowing the parities of each."""
    terms = Terms(charge="both-directions")
    facts = two_lanes(250)
    together = Asymptotic().key(replace(facts, lane_parity_bits=()), terms)
    assert Asymptotic().key(facts, terms) == together


def test_asymptotic_plan_leaves_out_what_costs_more_than_it_gives() -> None:
    """A basis pays for the errors of the other; a lane at 30 % gives nothing and takes nothing.

    h(0.02) = 0.1414405, h(0.03) = 0.1943919 and h(0.07 / 3) = 0.1597679, each to seven digits.
    """
    good = LaneExpectation(10_000.0, 0.02, 5_000.0, 0.03)
    bad = LaneExpectation(3_000.0, 0.3, 3_000.0, 0.3)
    secret = 10_000 * (1 - 0.1943919) + 5_000 * (1 - 0.1414405) - 1.1 * 15_000 * 0.1597679
    for lanes in ((good,), (good, bad)):
        plan = Asymptotic().plan(Expectation(lanes, ShannonBudget(1.1)), OPEN)
        assert plan.key_bits == math.floor(secret - 64)
    assert Asymptotic().plan(Expectation((bad,), ShannonBudget(1.1)), OPEN).key_bits == 0


@pytest.mark.parametrize("charge", ["measured", "both-directions"])
def test_two_of_three_lanes_are_kept(charge: str) -> None:
    """The key is that of a round without the third lane, charge and all; in whichever place."""
    good, other, bad = (LaneCounts(5000, e, 5000, e) for e in (100, 150, 1500))
    terms = Terms(charge=charge)  # type: ignore[arg-type]  # one of three
    without = RoundFacts(20_000, 0, 0, (good, other), 3500, 3500, 0, (1500, 2000))
    expected = Asymptotic().key(without, terms)
    assert expected.charge_bits == (7000 if charge == "both-directions" else 3500)
    for lanes, parities in (
        ((good, bad, other), (1500, 9000, 2000)),
        ((bad, good, other), (9000, 1500, 2000)),
    ):
        facts = RoundFacts(30_000, 0, 0, lanes, 12_500, 12_500, 0, parities)
        assert Asymptotic().key(facts, terms) == expected


def test_plan_of_bases_that_are_not_told_apart() -> None:
    """1e5 bits with 4 % of errors, nothing disclosed but 64 bits: the mean rate for all of them.

    h(0.04) = 0.2422922. Told apart, with 2 and 6 %, they would hold more: h is concave.
    """
    lane = LaneExpectation(5e4, 0.02, 5e4, 0.06)
    light = Expectation((lane,), ShannonBudget(0.0))
    assert AsymptoticMixed().plan(light, OPEN).key_bits == pytest.approx(75_771 - 64, abs=2)
    assert Asymptotic().plan(light, OPEN).key_bits == pytest.approx(76_556 - 64, abs=2)
