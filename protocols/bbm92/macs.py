"""Computational proof of who has sent what, for words that no key rests on.

HMAC-SHA-256 [1]_ under a pre-shared secret of its own, of bytes that the wire carries anyway. It
costs no pad. Votes and decisions have Wegman-Carter tags beside it, and these alone decide what
becomes key. So whoever breaks it gets nothing of these, but may

- hide that he has spoilt rounds (`protocols.bbm92.reports`);
- have pads used up: a vote that is not the responder's is answered by a signed abort, and a
  responder that has been told that the transcripts are equal votes for what the announcer refuses;
- have the announcer believe that a block is settled while the responder waits for the decision. The
  bits are the same all the same: the vote was signed over both transcripts. And the decision is
  kept until a later signed vote proves that it has come.

References
----------
.. [1] RFC 2104 and RFC 6234.
"""

import hmac
import struct
from dataclasses import replace
from hashlib import sha256

from protocols.bbm92.signing import NO_ROUND
from protocols.link import LinkConfig
from protocols.messages import Role, Vote


class Macs:
    """Makes and checks the MACs of one end.

    Parameters
    ----------
    config : LinkConfig
        The same at both ends, and part of what is proved.
    key : bytes
        16 bytes, of these MACs alone.
    role : Role
        Which end this is.
    """

    def __init__(self, config: LinkConfig, key: bytes, role: Role) -> None:
        self._config_digest = config.digest()
        self._key = key
        self._role = role

    def hash_key(self) -> bytes:
        """Secret of both ends (32 bytes), by which they hash what is long: keep it off the wire."""
        return self._of(Role.ANNOUNCER, b"hash", NO_ROUND, b"")

    def own(self, purpose: bytes, number: int, facts: bytes) -> bytes:
        """MAC (32 bytes) of what this end says, ``purpose`` of at most 8 bytes among it."""
        return self._of(self._role, purpose, number, facts)

    def is_peers(self, mac: bytes, purpose: bytes, number: int, facts: bytes) -> bool:
        """Whether the peer has said that."""
        return hmac.compare_digest(self._of(self._role.peer, purpose, number, facts), mac)

    def _of(self, role: Role, purpose: bytes, number: int, facts: bytes) -> bytes:
        head = struct.pack(">8sBq", purpose, role, number)
        return hmac.digest(self._key, self._config_digest + head + facts, sha256)


def proven_vote(macs: Macs, number: int, pad: int, tag: bytes, *, closing: bool = False) -> Vote:
    """Vote of this end on round ``number`` with its MAC."""
    plain = Vote(closing, pad, tag, b"")
    return replace(plain, mac=macs.own(b"vote", number, _facts_of(plain)))


def is_proven(macs: Macs, number: int, vote: Vote) -> bool:
    """Whether a vote is the peer's, whatever it is worth."""
    return macs.is_peers(vote.mac, b"vote", number, _facts_of(vote))


def _facts_of(vote: Vote) -> bytes:
    return struct.pack(">Bq", vote.closing, vote.pad) + vote.tag
