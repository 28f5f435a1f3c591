"""Rounds judged as arrays come out as each of them judged by itself."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.distillation import leak_limit_bits, plan_key
from protocols.bbm92.manyrounds import are_leaks_too_high, plan_keys
from protocols.bbm92.rounds import RoundCore, RoundDropped
from protocols.interfaces import KeyDecision, RoundFacts, Security
from protocols.keylength.balance import Balance
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.registry import VariantError
from protocols.security.many import ManyRounds
from tests.support.links import link_config
from tests.support.third_party import registered

SECRETS = LinkSecrets.from_bytes(bytes(64))
ROUNDS = 300


def drawn(lanes: int) -> tuple[ManyRounds, NDArray[np.int64]]:
    """Rounds of all sizes and error rates, some lanes empty, three in ten with biased ones.

    Of every other one half of the sifted bits were a sample.
    """
    rng = np.random.default_rng(lanes)
    bits = rng.integers(0, 10 ** rng.integers(2, 7, (ROUNDS, 1, 1)), (ROUNDS, lanes, 2))
    bits[rng.random((ROUNDS, lanes)) < 0.1] = 0
    bits[:, 0, 0] += 1
    rates = rng.choice([0.0, 0.01, 0.04, 0.11, 0.5], (ROUNDS, 1, 1))
    errors = rng.binomial(bits, rates)
    counts = np.stack([bits[..., 0], errors[..., 0], bits[..., 1], errors[..., 1]], axis=-1)
    share = np.where(rng.random((ROUNDS, 1, 1)) < 0.3, 0.6, 0.5)
    parities = rng.binomial(bits.sum(axis=2), rng.uniform(0.0, 0.5, (ROUNDS, 1)))
    none = np.zeros(ROUNDS, dtype=np.int64)
    raw_bits = bits.sum(axis=(1, 2))
    sampled_bits = np.where(np.arange(ROUNDS) % 2, raw_bits, 0)
    sifted_bits = raw_bits + sampled_bits
    many = ManyRounds(sifted_bits, sampled_bits, none, none, counts, parities, is_two_way=True)
    return many, rng.binomial(bits, share)


def alone(config: LinkConfig, many: ManyRounds, ones: NDArray[np.int64], index: int) -> RoundCore:
    """One of them, planned by itself."""
    facts = many.facts(index)
    core = RoundCore(0, config, SECRETS, 0)
    core.book(sifted_bits=facts.sifted_bits, sampled_bits=facts.sampled_bits)
    core.book(parity_bits=facts.parity_bits)
    pairs = zip(many.lanes[index, :, ::2].ravel().tolist(), ones[index].ravel().tolist())  # noqa: B905
    plan_key(core, facts.lanes, [Balance(*pair) for pair in pairs], facts.lane_parity_bits)
    return core


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("charge", ["paper", "measured", "both-directions"])
@pytest.mark.parametrize("security", ["asymptotic", "asymptotic-mixed", "two-basis"])
def test_plans_are_those_of_single_rounds(security: str, charge: str, lanes: int) -> None:
    """Every count, every epsilon and every reason; among them rounds of each kind."""
    config = link_config(security=security, charge=charge, qber_threshold=0.11, leak_share=0.3)
    many, ones = drawn(lanes)
    is_open = np.flatnonzero(many.raw_bits - many.parity_bits > config.terms.verification_bits)
    plans, reasons = plan_keys(config.profile, many, ones), set()
    for index in is_open.tolist():
        reason = 0
        try:
            books = alone(config, many, ones, index).books
        except RoundDropped as dropped:
            reason = dropped.reason
        reasons.add(int(reason))
        assert plans.reasons[index] == reason
        if not reason:
            for name in ("key_bits", "charge_bits", "count_bits", "bias_bits"):
                assert getattr(plans, name)[index] == getattr(books, name), name
            assert plans.correctness_epsilon[index] == books.correctness_epsilon
            secrecy = plans.secrecy_epsilon[index]
            assert (None if np.isnan(secrecy) else secrecy) == books.secrecy_epsilon
    assert len(is_open) > ROUNDS / 2
    assert {0, AbortReason.QBER_TOO_HIGH} <= reasons
    assert security != "two-basis" or AbortReason.BIASED in reasons


@pytest.mark.parametrize("changes", [{}, {"charge": "both-directions"}, {"leak_share": 0.25}])
def test_leaks_are_judged_as_those_of_single_rounds(changes: dict[str, object]) -> None:
    """On either side of the limit, and in between."""
    config = link_config(verification_bits=64, **changes)
    parities = np.arange(1064)
    raw_bits = np.full(parities.size, 1064)
    for parity_bits, is_high in enumerate(
        are_leaks_too_high(config.profile, parities, raw_bits).tolist()
    ):
        assert is_high == (parity_bits > leak_limit_bits(config, 1064))


class Greedy(Security):
    """Claims all bits, whatever was disclosed."""

    assumptions = "none that hold"

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """All."""
        return KeyDecision(facts.raw_bits, 0, terms.correctness_epsilon, None)


class Fractional(Greedy):
    """Claims half a bit."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """No whole number."""
        _ = facts
        return KeyDecision(0.5, 0, terms.correctness_epsilon, None)  # type: ignore[arg-type]


def test_a_key_of_no_whole_bits_is_refused() -> None:
    """As where rounds are judged one by one: it is not rounded down."""
    many, ones = drawn(1)
    with registered("security", "fractional", Fractional):
        config = link_config(security="fractional")
        with pytest.raises(VariantError, match="'float' object cannot be"):
            plan_keys(config.profile, many, ones)


def test_more_key_than_was_kept_is_refused() -> None:
    """A class of somebody else is asked round by round, and not believed."""
    many, ones = drawn(1)
    with registered("security", "greedy", Greedy):
        config = link_config(security="greedy")
        with pytest.raises(VariantError, match="of the round are undisclosed"):
            plan_keys(config.profile, many, ones)
    assert many.facts(0).lanes == (LaneCounts(*many.lanes[0, 0].tolist()),)
