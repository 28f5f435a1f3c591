"""What both ends work out alike from a round's counts."""

import pytest

from protocols.bbm92.distillation import judge_leak
from protocols.bbm92.rounds import RoundCore, RoundDropped
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
