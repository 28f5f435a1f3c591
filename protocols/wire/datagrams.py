"""Wire format of datagrams: a fixed header with a checksum of its own, then a piece of a message.

The checksum covers the header only. Damage to a header is therefore noticed at once and costs a
retransmission; damage to a payload passes on purpose and is left to the authentication of the
round, which an attacker cannot recompute as he could a checksum.
"""

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

from protocols.errors import MalformedMessageError

_HEADER = struct.Struct(">2sBBIIIIQQHHI")
HEADER_BYTES = _HEADER.size
_CHECKSUM_BYTES = 4
_CHECKED_BYTES = HEADER_BYTES - _CHECKSUM_BYTES
_NO_CHECKSUM = bytes(_CHECKSUM_BYTES)
_MAGIC = b"QN"
SACK_BITS = 128
"""How many datagrams after the cumulative acknowledgement a bitmap reports."""
_HALF_BITS = SACK_BITS // 2
_LOW_HALF = (1 << _HALF_BITS) - 1


SHORT_BYTES = 4096
"""The payload of a longer datagram is not copied before its message is whole."""
Payload = bytes | memoryview


class Kind(IntEnum):
    """What a datagram is for."""

    DATA = 0
    """Carries a piece of a message."""
    ACKNOWLEDGE = 1
    """Carries acknowledgements only."""
    CHALLENGE = 2
    """Asks an unknown epoch to prove that it is alive: ``sequence`` is the nonce."""
    RESPONSE = 3
    """Returns the nonce; `acknowledged` and `ends_message` say where the sender's stream stands."""
    BASE = 4
    """Says unasked where the sender's stream stands: what lies before will not come again."""


class Datagram(NamedTuple):
    """One datagram, decoded."""

    kind: Kind
    ends_message: bool
    epoch: int
    """Drawn by the sender whenever its endpoint starts."""
    peer_epoch: int
    """The epoch of the receiver that this datagram is meant for; 0 if unknown."""
    sequence: int
    acknowledged: int
    """All sequence numbers before this one have arrived."""
    received: int
    """Bitmap: bit k stands for sequence number ``acknowledged + 1 + k``."""
    payload: bytes
    turn: int = 0
    """Number of this sending among all of its sender, repeats included, modulo 2^16."""
    echo: int = 0
    """Turn of the last data that has come from the peer: what this datagram answers; 0 if none."""


DATA, ACKNOWLEDGE, CHALLENGE, RESPONSE, BASE = _KINDS = tuple(Kind)


def encode_datagram(datagram: Datagram) -> bytes:
    """Serialise ``datagram``."""
    return pack_datagram(*datagram)


def pack_datagram(  # noqa: PLR0917 (as a `Datagram` takes them)
    kind: Kind,
    ends_message: bool,  # noqa: FBT001
    epoch: int,
    peer_epoch: int,
    sequence: int,
    acknowledged: int,
    received: int,
    payload: Payload,
    turn: int = 0,
    echo: int = 0,
) -> bytes:
    """Serialise what would be a `Datagram`: one that is sent need not be made first."""
    # The checksum is that of the header with zeros in its place.
    header = _HEADER.pack(
        _MAGIC, kind, ends_message, epoch, peer_epoch, sequence, acknowledged,
        received >> _HALF_BITS, received & _LOW_HALF, turn, echo, 0,
    )  # fmt: skip
    checksum = zlib.crc32(header).to_bytes(_CHECKSUM_BYTES, "big")
    return header[:_CHECKED_BYTES] + checksum + payload


def decode_datagram(data: bytes) -> Datagram:
    """Parse ``data``; MalformedMessageError for a damaged or foreign header."""
    return decode_header(data)._replace(payload=data[HEADER_BYTES:])


def payload_of(data: bytes) -> Payload:
    """What stands behind the header; of a long datagram a view, which is no copy."""
    whole: Payload = data if len(data) <= SHORT_BYTES else memoryview(data)
    return whole[HEADER_BYTES:]


def decode_header(data: bytes) -> Datagram:
    """As `decode_datagram`, without the payload."""
    if len(data) < HEADER_BYTES:
        raise MalformedMessageError("datagram", len(data))
    (
        magic, kind, ends, epoch, peer_epoch, sequence, acknowledged,
        high, low, turn, echo, checksum,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    is_intact = zlib.crc32(data[:_CHECKED_BYTES] + _NO_CHECKSUM) == checksum
    if not is_intact or magic != _MAGIC or kind > BASE or ends > 1 or not epoch:
        raise MalformedMessageError("datagram", len(data))
    return Datagram(
        _KINDS[kind], ends == 1, epoch, peer_epoch, sequence, acknowledged,
        high << _HALF_BITS | low, b"", turn, echo,
    )  # fmt: skip
