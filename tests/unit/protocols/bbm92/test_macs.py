"""MACs of what no pad signs: who says it, what, of which link and round."""

import hashlib
import struct
from dataclasses import replace

from protocols.bbm92.macs import Macs, is_proven, proven_vote
from protocols.messages import Role
from tests.support.links import link_config

KEY = bytes(range(16))


def macs(role: Role, key: bytes = KEY, **changes: object) -> Macs:
    return Macs(link_config(**changes), key, role)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104, written out."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def test_it_is_hmac_of_link_purpose_role_round_and_facts() -> None:
    """Byte for byte."""
    said = struct.pack(">8sBq", b"seal", Role.ANNOUNCER, 3) + b"facts"
    right = hmac_sha256(KEY, link_config().digest() + said)
    assert macs(Role.ANNOUNCER).own(b"seal", 3, b"facts") == right


def test_secret_of_long_messages_is_that_of_both_ends() -> None:
    """Of the link and of the secret, and no MAC that is ever sent."""
    key = macs(Role.ANNOUNCER).hash_key()
    assert key == macs(Role.RESPONDER).hash_key()
    assert key != macs(Role.ANNOUNCER, bytes(16)).hash_key()
    assert key != macs(Role.ANNOUNCER, qber_threshold=0.05).hash_key()
    said = struct.pack(">8sBq", b"hash", Role.ANNOUNCER, -1)
    assert key == hmac_sha256(KEY, link_config().digest() + said)


def test_only_the_same_words_of_the_peer_are_proven() -> None:
    """Another word, round, fact, direction, key or link: not proven."""
    own, peer = macs(Role.RESPONDER), macs(Role.ANNOUNCER)
    mac = own.own(b"settled", 3, b"facts")
    assert peer.is_peers(mac, b"settled", 3, b"facts")
    assert not peer.is_peers(mac, b"seal", 3, b"facts")
    assert not peer.is_peers(mac, b"settled", 4, b"facts")
    assert not peer.is_peers(mac, b"settled", 3, b"fact")
    assert not own.is_peers(mac, b"settled", 3, b"facts")
    assert not macs(Role.ANNOUNCER, bytes(16)).is_peers(mac, b"settled", 3, b"facts")
    assert not macs(Role.ANNOUNCER, window_ps=1000).is_peers(mac, b"settled", 3, b"facts")


def test_a_changed_vote_is_not_proven() -> None:
    """Every field is covered."""
    vote = proven_vote(macs(Role.RESPONDER), 4, 5, b"t" * 16)
    announcer = macs(Role.ANNOUNCER)
    assert is_proven(announcer, 4, vote)
    assert not is_proven(announcer, 5, vote)
    for changed in (
        replace(vote, closing=True),
        replace(vote, pad=6),
        replace(vote, pad=-5),
        replace(vote, tag=bytes(16)),
        replace(vote, mac=bytes(32)),
    ):
        assert not is_proven(announcer, 4, changed)
