"""Tags of votes and decisions, and what they are bound to. It keeps no pads."""

import struct
from dataclasses import dataclass

from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.pads import NoPads, PadReserve
from protocols.variants import AUTHENTICATIONS

NO_ROUND = -1
"""Number of what is of no round: aborts and the closing, bound to their pads; the hash key."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a tag says, beside link, direction and (by the pad) index."""

    purpose: bytes
    number: int = NO_ROUND
    """Of a round."""
    digests: bytes = b""
    """Of its transcripts."""


ABORT, CLOSE, CLOSED = Bound(b"abort"), Bound(b"close"), Bound(b"closed")


class Signer:
    """Makes and checks the tags of a link."""

    def __init__(self, config: LinkConfig, secrets: LinkSecrets) -> None:
        self._config_digest = config.digest()
        self._tag_r = secrets.tag_r
        self._authentication = AUTHENTICATIONS.get(config.profile.authentication)

    def _message(self, role: Role, bound: Bound) -> bytes:
        """Everything that a tag covers: link, purpose, direction, round, transcripts."""
        head = struct.pack(">8sBq", bound.purpose, role, bound.number)
        return self._config_digest + head + bound.digests

    def sign(self, pad: bytes, role: Role, bound: Bound) -> bytes:
        """Tag of 16 bytes."""
        return self._authentication.tag(self._tag_r, pad, self._message(role, bound))

    def check(self, signature: bytes, pad: bytes, role: Role, bound: Bound) -> bool:
        """Whether ``signature`` is the tag."""
        message = self._message(role, bound)
        return self._authentication.verify(self._tag_r, pad, message, signature)

    def forgery_probability(self) -> float:
        """Bound for one check of one tag."""
        longest = Bound(b"", digests=bytes(48))
        return self._authentication.forgery_probability(len(self._message(Role.ANNOUNCER, longest)))


def reserve_type(authentication: str) -> type[PadReserve]:
    """What keeps the pads of that authentication variant."""
    return PadReserve if AUTHENTICATIONS.get(authentication).uses_pads else NoPads
