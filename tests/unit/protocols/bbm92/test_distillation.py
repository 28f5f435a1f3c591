"""What both ends work out alike from a round's counts."""

import math

import numpy as np
import pytest

from protocols.bbm92.distillation import judge_leak, plan_key
from protocols.bbm92.rounds import RoundCore, RoundDropped
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkSecrets
from protocols.messages import AbortReason
from tests.support.links import link_config

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
    core.book(sifted_bits=RAW_BITS, parity_bits=most_bits)
    judge_leak(core)
    core.book(parity_bits=most_bits + 1)
    with pytest.raises(RoundDropped) as dropped:
        judge_leak(core)
    assert dropped.value.reason is AbortReason.LEAK_TOO_HIGH


def verified(security: str, ones_share: float) -> RoundCore:
    """A round of 20,000 bits of either basis without errors, as `plan_key` leaves it."""
    bits = 20_000
    estimation = "reconciled" if security == "asymptotic" else "sample"
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
    plan_key(core, (LaneCounts(bits, 0, bits, 0),), [(bases, both)], (600,))
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
