"""Tags of votes and decisions: all that they cover."""

from dataclasses import replace

import pytest

from protocols.bbm92.signing import ABORT, CLOSE, CLOSED, Bound, Signer
from protocols.link import LinkSecrets
from protocols.messages import Role
from tests.support.links import link_config

SECRETS = LinkSecrets.from_bytes(bytes(range(64)) + bytes(range(100, 164)))
PAD, OTHER_PAD = bytes(range(16)), bytes(range(1, 17))
VOTE = Bound(b"vote", 7, bytes(48))


def test_tag_covers_everything() -> None:
    """Pad, purpose, direction, round and transcripts: a change of any of them is another tag."""
    signer = Signer(link_config(), SECRETS)
    right = (PAD, Role.RESPONDER, VOTE)
    wrong = [
        (OTHER_PAD, Role.RESPONDER, VOTE),
        (PAD, Role.ANNOUNCER, VOTE),
        (PAD, Role.RESPONDER, replace(VOTE, purpose=b"commit")),
        (PAD, Role.RESPONDER, replace(VOTE, purpose=b"close")),
        (PAD, Role.RESPONDER, replace(VOTE, number=8)),
        (PAD, Role.RESPONDER, replace(VOTE, number=7 + 2**32)),
        (PAD, Role.RESPONDER, replace(VOTE, number=-1)),
        (PAD, Role.RESPONDER, replace(VOTE, digests=bytes(47) + b"\1")),
        (PAD, Role.RESPONDER, replace(VOTE, digests=bytes(47))),
        (PAD, Role.RESPONDER, replace(VOTE, digests=b"")),
    ]
    signature = signer.sign(*right)
    assert signer.check(signature, *right)
    assert not any(signer.check(signature, *arguments) for arguments in wrong)
    assert len({signer.sign(*arguments) for arguments in [right, *wrong]}) == 1 + len(wrong)


def test_purposes_are_told_apart() -> None:
    """The words that are signed differ within the eight bytes that they are given."""
    signer = Signer(link_config(), SECRETS)
    bounds = [Bound(word) for word in (b"vote", b"commit")] + [ABORT, CLOSE, CLOSED]
    assert len({signer.sign(PAD, Role.ANNOUNCER, bound) for bound in bounds}) == len(bounds)
    assert all(len(bound.purpose) <= 8 for bound in bounds)


@pytest.mark.parametrize("place", range(0, 128, 7))
def test_damaged_tags_fail(place: int) -> None:
    """One flipped bit anywhere in a tag."""
    signer = Signer(link_config(), SECRETS)
    damaged = bytearray(signer.sign(PAD, Role.RESPONDER, VOTE))
    damaged[place // 8] ^= 1 << place % 8
    assert not signer.check(bytes(damaged), PAD, Role.RESPONDER, VOTE)


@pytest.mark.parametrize("size", [0, 1, 15, 17, 4000])
def test_tags_of_another_size_fail(size: int) -> None:
    """A tag has 16 bytes; anything else is wrong, not an error."""
    signer = Signer(link_config(), SECRETS)
    assert not signer.check(bytes(size), PAD, Role.RESPONDER, VOTE)
