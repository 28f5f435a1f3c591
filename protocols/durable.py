"""What an end of a link must find again after a crash; everything else may be forgotten.

An endpoint never writes it: its owner keeps it up to date from the events (those of a step all at
once, before the messages that follow them are sent) and hands it back when it starts the endpoint
anew.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import msgpack

from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import Role


@dataclass(frozen=True, slots=True)
class BlockInDoubt:
    """A block that was prepared (responder) or held (announcer) and is not settled."""

    round: int
    pad: int
    """Index of the pad that has signed ``message``."""
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
    settled_round : int
        Highest round whose block has become usable, -1 if none.
    pads : dict
        (index, role) to pad of 16 bytes.
    next_pad : int
        Index of the first pads that are not spent.
    provisioned_pads : int
        Pads that each end has been given so far.
    in_doubt : tuple of BlockInDoubt
        Ascending rounds; one at most at the responder.
    decisions : tuple of (int, bytes)
        Announcer: pads that have signed decisions which the responder may still ask for, and these.
    is_closing : bool
        Responder: whether a pad has signed a closing vote; no round begins after that.
    closed : (int, bytes), optional
        Pad and message of the closing exchange, if the link was closed.
    """

    last_round: int
    settled_round: int
    pads: dict[tuple[int, Role], bytes] = field(repr=False)
    next_pad: int
    provisioned_pads: int
    in_doubt: tuple[BlockInDoubt, ...] = ()
    decisions: tuple[tuple[int, bytes], ...] = ()
    is_closing: bool = False
    closed: tuple[int, bytes] | None = None


_pack = msgpack.Packer().pack
"""Of one packer: its buffer takes longer to get than books to write."""
_LANE_NAMES = tuple(column.name for column in fields(LaneCounts))


def pack_books(books: RoundBooks) -> bytes:
    """Serialise ``books``."""
    lanes = [{name: getattr(lane, name) for name in _LANE_NAMES} for lane in books.lanes]
    packed: bytes = _pack(books._asdict() | {"lanes": lanes})
    return packed


def unpack_books(packed: bytes) -> RoundBooks:
    """Inverse of `pack_books`."""
    values: dict[str, Any] = msgpack.unpackb(packed)
    lanes = tuple(LaneCounts(**lane) for lane in values.pop("lanes"))
    return RoundBooks(lanes=lanes, **values)
