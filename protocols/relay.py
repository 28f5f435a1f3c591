"""What users say when a key goes over users whom they trust: hop by hop, and at the two ends.

Rule 1: the share of a path is the pad of its first hop, which the user behind it has as well; each
user on the path hands it on under the one-time pad of the next hop. So all users of a path know its
share, and nobody else does. Rule 2: a hop's key serves one relay. Its first `MAC_BITS` authenticate
the one message of the hop (Poly1305 with r and s of its own), the rest is the pad. Rule 3: the two
ends add the shares of all paths up. Who lacks one of them knows nothing of the sum.

The sum is the key and three words: a point, a mask and an answer. The first end says the check of
the key at the point (`protocols.hashing.manipulation`) under the mask; where that fits, the last
end says the answer, and both use the key. Users who lack a share of it can add to key, point and
mask what they like, and are found out. Users who know all shares, as those of a single path do, can
leave the ends with two keys, unnoticed: they have to be trusted with that, too.

It knows no pools and no names.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Self

from protocols.errors import RemoteProtocolError
from protocols.hashing.authentication import KEY_BYTES, TAG_BYTES, poly1305
from protocols.hashing.backlog import LENGTH_BYTES
from protocols.hashing.manipulation import BLOCK_BYTES, blocks_of, check, miss_probability

MAC_BITS = 8 * KEY_BYTES
"""Of a hop's key, for its one tag."""
CHECK_BYTES = 3 * BLOCK_BYTES
"""Of a share: point, mask and answer."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The message of one hop, open to everybody.

    Attributes
    ----------
    label : bytes
        Which key of which relay it is about.
    cipher : bytes
        The share under the pad of the hop; empty on a first hop, whose pad is the share.
    tag : bytes
        16 of them.
    """

    label: bytes
    cipher: bytes
    tag: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """What one end holds when the shares of all paths have arrived.

    Attributes
    ----------
    key : bytes
        Behind its last bit there are zeros.
    point, mask : int
        Words for the check of the key.
    answer : bytes
        What the last end says, if the check fits.
    """

    key: bytes = field(repr=False)
    point: int = field(repr=False)
    mask: int = field(repr=False)
    answer: bytes = field(repr=False)

    @classmethod
    def of(cls, shares: Iterable[bytes]) -> Self:
        """Add up the shares of all paths, which are of one size (ValueError otherwise)."""
        joined = combine(shares)
        point, mask, answer = (
            joined[start : start + BLOCK_BYTES] for start in range(0, CHECK_BYTES, BLOCK_BYTES)
        )
        key = joined[CHECK_BYTES:]
        return cls(key, int.from_bytes(point, "big"), int.from_bytes(mask, "big"), answer)

    @property
    def share(self) -> bytes:
        """Inverse of `of` for a single path."""
        words = b"".join(word.to_bytes(BLOCK_BYTES, "big") for word in (self.point, self.mask))
        return words + self.answer + self.key

    @property
    def claim(self) -> bytes:
        """What the first end says of the key; it tells nobody anything."""
        value = check(self.point, blocks_of(self.key)) ^ self.mask
        return value.to_bytes(BLOCK_BYTES, "big")

    def fits(self, claim: bytes) -> bool:
        """Whether the first end has said so of this key."""
        return hmac.compare_digest(self.claim, claim)

    def accepts(self, answer: bytes) -> bool:
        """Whether the last end has answered that its key fits."""
        return hmac.compare_digest(self.answer, answer)


def share_bits(key_bits: int) -> int:
    """How long a share of a key of ``key_bits`` is."""
    return 8 * CHECK_BYTES + key_bits


def hop_bits(key_bits: int) -> int:
    """What a relayed key of ``key_bits`` costs each pool on its way."""
    return MAC_BITS + share_bits(key_bits)


def message_bytes(label: bytes, key_bits: int, *, is_first: bool) -> int:
    """Size of the message of a hop, for a key of ``key_bits``; that of a first hop has no share."""
    share_bytes = 0 if is_first else -(-share_bits(key_bits) // 8)
    return LENGTH_BYTES + len(label) + share_bytes + TAG_BYTES


def word_bytes(label: bytes) -> int:
    """Size of a claim or an answer with its label."""
    return LENGTH_BYTES + len(label) + BLOCK_BYTES


def unnoticed_probability(key_bits: int) -> float:
    """Bound for two ends with different keys that take them for one, if no one knows all shares."""
    return miss_probability(-(-key_bits // 8))


def begin(hop_key: bytes, label: bytes) -> Sealed:
    """The message of a first hop: there is nothing to hide."""
    return _signed(hop_key, label, b"")


def begun(hop_key: bytes, message: Sealed) -> bytes:
    """The share, at either end of its first hop; RemoteProtocolError for a false tag."""
    _verify(hop_key, message)
    return _pad(hop_key)


def seal(hop_key: bytes, label: bytes, share: bytes) -> Sealed:
    """Hand ``share`` on.

    Parameters
    ----------
    hop_key : bytes
        `hop_bits` of them, packed; for this message alone.
    label : bytes
    share : bytes
        As long as the pad.
    """
    return _signed(hop_key, label, combine((share, _pad(hop_key))))


def unseal(hop_key: bytes, message: Sealed) -> bytes:
    """The share that was handed on; RemoteProtocolError for a false tag."""
    _verify(hop_key, message)
    return combine((message.cipher, _pad(hop_key)))


def combine(parts: Iterable[bytes]) -> bytes:
    """XOR of one or more strings of one length (ValueError for several)."""
    return reduce(_xor, parts)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _pad(hop_key: bytes) -> bytes:
    return hop_key[KEY_BYTES:]


def _signed(hop_key: bytes, label: bytes, cipher: bytes) -> Sealed:
    return Sealed(label, cipher, _tag(hop_key, label, cipher))


def _tag(hop_key: bytes, label: bytes, cipher: bytes) -> bytes:
    """Over both parts, the first one behind its length: no two messages have the same bytes."""
    head = len(label).to_bytes(LENGTH_BYTES, "big")
    return poly1305(hop_key[:KEY_BYTES], head + label + cipher)


def _verify(hop_key: bytes, message: Sealed) -> None:
    if not hmac.compare_digest(_tag(hop_key, message.label, message.cipher), message.tag):
        raise RemoteProtocolError("the tag of a relayed key does not verify")
