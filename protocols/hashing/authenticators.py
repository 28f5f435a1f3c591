"""Authentication variants: Wegman-Carter tags, and none at all for study."""

from typing import ClassVar

from protocols.hashing import authentication
from protocols.interfaces import Authentication


class WegmanCarter(Authentication):
    """Poly1305 under a kept r and a fresh pad, see `protocols.hashing.authentication`."""

    def tag(self, r: bytes, pad: bytes, message: bytes) -> bytes:
        """Tag of 16 bytes."""
        return authentication.tag(r, pad, message)

    def verify(self, r: bytes, pad: bytes, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the tag, in constant time."""
        return authentication.verify(r, pad, message, signature)

    def forgery_probability(self, message_bytes: int) -> float:
        """8 ceil(L / 16) 2^-106."""
        return authentication.forgery_probability(message_bytes)


class NoAuthentication(Authentication):
    """Every tag is sixteen zeros and every tag is believed: what authentication costs, by its lack.

    Whoever can change messages can have the key.
    """

    uses_pads: ClassVar[bool] = False
    note: ClassVar[str] = "authentication none, for study only: no security against forged messages"

    def tag(self, r: bytes, pad: bytes, message: bytes) -> bytes:
        """Sixteen zeros."""
        _ = r, pad, message
        return bytes(authentication.TAG_BYTES)

    def verify(self, r: bytes, pad: bytes, message: bytes, signature: bytes) -> bool:
        """Always."""
        _ = r, pad, message, signature
        return True

    def forgery_probability(self, message_bytes: int) -> float:
        """Certain."""
        _ = message_bytes
        return 1.0
