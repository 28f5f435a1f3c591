"""What an end of a link must find again after a crash; everything else may be forgotten.

An endpoint never writes it: its owner keeps it up to date from the events (those of a step all at
once, before the messages that follow them are sent) and hands it back when it starts the endpoint
anew.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import msgpack

from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import Role


@dataclass(frozen=True, slots=True)
class BlockInDoubt:
    """A block that was prepared (responder) or held (announcer) and is not settled."""

    round: int
    key: bytes = field(repr=False)
    """Packed, first bit first."""
    key_bits: int
    message: bytes
    """The encoded vote or decision, to be sent again as it is."""
    books: RoundBooks
    digests: bytes = b""
    """Responder: what the decision will be checked against."""


@dataclass(frozen=True, slots=True)
class DurableState:
    """State of one end of one link.

    Attributes
    ----------
    last_round : int
        Highest round that has begun, -1 if none. The announcer, who numbers the rounds, goes on
        behind it; to the responder it says nothing, since anybody may have named it.
    pads : dict
        (round, role) to pad of 16 bytes.
    provisioned_rounds : int
        Rounds that have been given pads so far.
    common_rounds : int
        The same before the newest settled block: so many the peer has for certain.
    in_doubt : tuple of BlockInDoubt
        Ascending rounds; one at most at the responder.
    aborted : tuple of (int, bytes)
        Announcer: rounds whose pad has signed an abort, and the encoded decision.
    is_closing : bool
        Responder: whether a pad has signed a closing vote; no round begins after that.
    closed : (int, bytes), optional
        Round and message of the closing exchange, if the link was closed.
    """

    last_round: int
    pads: dict[tuple[int, Role], bytes] = field(repr=False)
    provisioned_rounds: int
    common_rounds: int
    in_doubt: tuple[BlockInDoubt, ...] = ()
    aborted: tuple[tuple[int, bytes], ...] = ()
    is_closing: bool = False
    closed: tuple[int, bytes] | None = None


def pack_books(books: RoundBooks) -> bytes:
    """Serialise ``books``."""
    packed: bytes = msgpack.packb(asdict(books))
    return packed


def unpack_books(packed: bytes) -> RoundBooks:
    """Inverse of `pack_books`."""
    values: dict[str, Any] = msgpack.unpackb(packed)
    lanes = tuple(LaneCounts(**lane) for lane in values.pop("lanes"))
    return RoundBooks(lanes=lanes, **values)
