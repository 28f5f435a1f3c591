"""What both ends work out alike from a round's counts."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.bbm92.distillation import final_key, leak_limit_bits, plan_key
from protocols.bbm92.rounds import RoundCore, RoundDropped, balances
from protocols.hashing.amplification import ToeplitzFft
from protocols.interfaces import KeyDecision, RoundFacts, Security
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkSecrets
from protocols.messages import AbortReason
from protocols.profile import Terms
from protocols.registry import VariantError
from tests.support.links import link_config
from tests.support.third_party import registered

SECRETS = LinkSecrets.from_bytes(bytes(64))
RAW_BITS, HASH_BITS = 1064, 64


@pytest.mark.parametrize(
    ("changes", "most_bits"),
    [
        ({}, RAW_BITS - HASH_BITS - 1),
        ({"charge": "both-directions"}, (RAW_BITS - HASH_BITS - 1) // 2),
        ({"charge": "both-directions", "reconciliation": "modelled"}, 999),
        ({"leak_share": 0.25}, RAW_BITS // 4),
    ],
)
def test_leak_that_leaves_no_key_ends_the_round(changes: dict[str, object], most_bits: int) -> None:
    """One parity more than could leave a bit of key: two-way parities count twice where charged."""
    config = link_config(verification_bits=HASH_BITS, **changes)
    core = RoundCore(0, config, SECRETS, 0)
    core.leak_limit_bits = leak_limit_bits(config, RAW_BITS)
    core.count_parities(most_bits)
    with pytest.raises(RoundDropped) as dropped:
        core.count_parities(most_bits + 1)
    assert dropped.value.reason is AbortReason.LEAK_TOO_HIGH
    assert (core.books.parity_bits, core.books.round_trips) == (most_bits + 1, 2)


def verified(security: str, ones_share: float) -> RoundCore:
    """A round of 20,000 bits of either basis without errors, as `plan_key` leaves it."""
    bits = 20_000
    estimation = "sample" if security == "finite" else "reconciled"
    config = link_config(
        security=security,
        estimation=estimation,
        sample_share=1 / 11,
        qber_threshold=0.02,
        leak_share=0.1,
    )
    core = RoundCore(0, config, SECRETS, 0)
    core.book(
        sifted_bits=2 * bits + 4000,
        sampled_bits=4000,
        parity_bits=600,
        verification_bits=config.terms.verification_bits,
    )
    values = np.arange(bits) < ones_share * bits
    both = np.concatenate([values, values]).astype(np.uint8)
    bases = np.repeat(np.arange(2, dtype=np.uint8), bits)
    plan_key(core, (LaneCounts(bits, 0, bits, 0),), balances([(bases, both)]), (600,))
    return core


def test_unfair_bits_are_charged() -> None:
    """The length falls by what the bias gives away, for each basis, and says so."""
    fair, unfair = verified("asymptotic", 0.5).books, verified("asymptotic", 0.8).books
    assert fair.bias_bits == 0
    lost_bits = 2 * (20_000 * (1.0 - 0.7219281) + math.log2(20_001))
    assert unfair.bias_bits == pytest.approx(lost_bits, abs=2)
    assert unfair.key_bits == fair.key_bits - unfair.bias_bits


@pytest.mark.parametrize(("security", "share"), [("asymptotic", 1.0), ("finite", 0.8)])
def test_no_key_of_what_is_known_or_not_covered(security: str, share: float) -> None:
    """Constant bits end a round; so does any bias where a theorem speaks of equal detectors."""
    assert verified(security, 0.5).books.key_bits > 0
    with pytest.raises(RoundDropped) as dropped:
        verified(security, share)
    assert dropped.value.reason is AbortReason.BIASED


class AllOfIt(Security):
    """Everything that was not published is key."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """As it says."""
        _ = terms
        return KeyDecision(facts.raw_bits, 0, 0.0, None)


class JustEnough(AllOfIt):
    """What is not disclosed, to the last bit."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """As it says."""
        key_bits = facts.raw_bits - facts.parity_bits - terms.verification_bits
        return KeyDecision(key_bits, 0, 0.0, None)


class Broken(AllOfIt):
    """Fails."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """Raise."""
        raise KeyError(terms.epsilon, facts.raw_bits)


def test_no_variant_makes_more_key_than_is_undisclosed() -> None:
    """Not one bit more, whatever it says; one that fails is named, not its line."""
    with registered("security", "enough", JustEnough):
        books = verified("enough", 0.5).books
        assert books.key_bits == books.raw_bits - 600 - 64
    with registered("security", "all", AllOfIt), pytest.raises(VariantError) as caught:
        verified("all", 0.5)
    assert str(caught.value) == (
        "security 'all': 40000 bits of key, where 39336 of the round are undisclosed"
    )
    with (
        registered("security", "broken", Broken),
        pytest.raises(VariantError, match="security 'broken': has failed: KeyError"),
    ):
        verified("broken", 0.5)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("much", "has failed: TypeError: str is no KeyDecision"),
        (None, "has failed: TypeError: NoneType is no KeyDecision"),
        (KeyDecision(1.5, 0, 0.0, None), "has failed: TypeError: 'float' object cannot be"),  # type: ignore[arg-type]
        (KeyDecision(-1, 0, 0.0, None), "-1 bits of key, where 39336 of the round"),
    ],
)
def test_a_variant_that_answers_something_else_is_named(answer: object, reason: str) -> None:
    """No number of bits, or none that can be: one error, at the variant."""

    class Odd(AllOfIt):
        def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
            _ = facts, terms
            return answer  # type: ignore[return-value]

    with registered("security", "odd", Odd), pytest.raises(VariantError) as caught:
        verified("odd", 0.5)
    assert str(caught.value).startswith(f"security 'odd': {reason}")


class TooLong(ToeplitzFft):
    """Gives a bit more than it is asked for."""

    def amplify(
        self, bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
    ) -> NDArray[np.uint8]:
        """A zero behind the key."""
        key = super().amplify(bits, seed_bits=seed_bits, output_bits=output_bits)
        return np.append(key, np.uint8(0))


def test_amplification_gives_the_bits_that_were_asked_for() -> None:
    """A plug-in that gives another number of bits makes no key."""
    bits = np.ones(100, dtype=np.uint8)
    with registered("amplification", "long", TooLong):
        config = link_config(amplification="long")
        with pytest.raises(VariantError, match="something else than 10 bits"):
            final_key(config, bits, seed=bytes(13), key_bits=10)
