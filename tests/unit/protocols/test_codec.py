"""Messages: their layout on the wire, and what is refused."""

from typing import get_args

import msgpack
import pytest

from protocols.codec import VERSION, decode, encode
from protocols.errors import MalformedMessageError, RemoteProtocolError
from protocols.messages import (
    MAX_LANES,
    MAX_LINK_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_ROUND,
    Abort,
    Announce,
    Close,
    Decision,
    Envelope,
    Message,
    ParityQuery,
    ReconciliationSetup,
    Role,
    VerificationResult,
    Vote,
)

KEEP = [VERSION, 3, "alice-bob", 0, 7, 2, 4, b"\x80"]
"""A valid keep mask."""


def refused(data: bytes) -> bool:
    """Whether ``data`` raises the one error."""
    try:
        decode(data)
    except MalformedMessageError:
        return True
    return False


def changed(at: int, value: object) -> bytes:
    """The valid message with another item at place ``at``."""
    items: list[object] = list(KEEP)
    items[at] = value
    packed: bytes = msgpack.packb(items)
    return packed


def test_layout_is_a_flat_array() -> None:
    """A message is [version, tag, link, sender, round, sequence, fields...], as documented."""
    vote = Vote(closing=False, pad=3, tag=b"t" * 16, mac=b"m" * 32)
    envelope = Envelope("alice-bob", Role.RESPONDER, 5, 9, vote)
    items = msgpack.unpackb(encode(envelope))
    assert items == [VERSION, 11, "alice-bob", 1, 5, 9, False, 3, b"t" * 16, b"m" * 32]


def test_tags_are_distinct() -> None:
    """Each type of message has a tag of its own."""
    tags = [kind.TAG for kind in get_args(Message)]
    assert len(set(tags)) == len(tags) == 22


def test_valid_message_is_taken() -> None:
    """The message that the refusals below start from is valid."""
    assert not refused(msgpack.packb(KEEP))
    assert decode(msgpack.packb(KEEP)).round == 7


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, VERSION + 1),
        (0, True),
        (0, 1.0),
        (1, 0),
        (1, 15),
        (1, -3),
        (1, 2**64 - 1),
        (2, b"alice-bob"),
        (2, None),
        (2, "x" * (MAX_LINK_CHARACTERS + 1)),
        (3, 2),
        (3, -1),
        (3, False),
        (4, MAX_ROUND + 1),
        (4, -1),
        (4, 2**64 - 1),
        (4, "7"),
        (5, -1),
        (5, 2**63),
        (6, "4"),
        (6, 2**62 + 1),
        (6, float("nan")),
        (7, "\x80"),
        (7, 128),
        (7, []),
        (7, {}),
    ],
)
def test_each_field_is_checked(at: int, value: object) -> None:
    """A wrong type, a bool for a number, or a number out of range raises the one error."""
    assert refused(changed(at, value))


@pytest.mark.parametrize("items", [[], KEEP[:5], KEEP[:-1], [*KEEP, 1], [KEEP], {}, 3, None, "x"])
def test_wrong_shapes_are_refused(items: object) -> None:
    """Too few fields, too many, or no array at all."""
    assert refused(msgpack.packb(items))


def test_message_ends_where_it_ends() -> None:
    """Neither bytes behind a message nor a cut message decode."""
    data: bytes = msgpack.packb(KEEP)
    assert refused(data + b"\0")
    assert all(refused(data[:size]) for size in range(len(data)))


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x91" * 200_000,
        b"\x91" * 5_000_000,
        b"\x98" * 200_000,
        b"\x81" * 200_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdc\xff\xff" + b"\xc0" * 65_535,
        b"\xc7\x00\x01",
        b"\xd7\xff" + b"\0" * 8,
        b"\xc1",
        b"\xa4\xff\xfe\xfd\xfc",
    ],
    ids=lambda bomb: f"{bomb[:6].hex()}x{len(bomb)}",
)
def test_bombs_are_refused(bomb: bytes) -> None:
    """Deep nesting, huge lengths, extension types, invalid text: the one error, at once."""
    assert refused(bomb)
    assert refused(b"\x98\x01\x03" + bomb)


def test_too_large_a_message_is_refused_before_it_is_decoded() -> None:
    """One byte above the limit is not looked at, however well formed."""
    room = MAX_MESSAGE_BYTES - len(msgpack.packb([*KEEP[:-1], bytes(2**20)])) + 2**20
    largest: bytes = msgpack.packb([*KEEP[:-1], bytes(room)])
    assert len(largest) == MAX_MESSAGE_BYTES
    assert not refused(largest)
    assert refused(msgpack.packb([*KEEP[:-1], bytes(room + 1)]))


def test_lists_are_bounded() -> None:
    """Twice the largest number of lanes fits (Z and X errors), one more does not."""
    most = 2 * MAX_LANES
    for body in (
        ReconciliationSetup(bytes(8), (1,) * most),
        ParityQuery((b"",) * most),
        VerificationResult(equal=True, errors=(0,) * most),
    ):
        envelope = Envelope("l", Role.RESPONDER, 0, 0, body)
        assert decode(encode(envelope)) == envelope
    for body in (ParityQuery((b"",) * (most + 1)), ReconciliationSetup(b"", (1,) * (most + 1))):
        assert refused(encode(Envelope("l", Role.RESPONDER, 0, 0, body)))


def test_error_is_the_peers_and_names_no_content() -> None:
    """It is a remote error that tells the size, not the bytes."""
    with pytest.raises(RemoteProtocolError, match="malformed message of 3 bytes") as caught:
        decode(b"\xc1\xc1\xc1")
    assert isinstance(caught.value, MalformedMessageError)
    assert caught.value.size_bytes == 3


def test_every_type_can_be_told_from_the_others() -> None:
    """A type decodes as itself, not as another with the same fields."""
    bodies: list[Message] = [
        Vote(closing=True, pad=0, tag=b"", mac=bytes(32)),
        Decision(commit=True, pad=0, tag=b""),
        Close(),
        Abort(3, 7, b"d" * 32, 9, b"e" * 32, mac=b"m" * 32),
    ]
    for body in bodies:
        assert type(decode(encode(Envelope("l", Role.ANNOUNCER, 0, 0, body))).body) is type(body)


def test_negative_start_times_travel() -> None:
    """A clock may stand before its zero: times are signed, counts of messages are not."""
    body = Announce(last=False, start_ticks=-(2**60), stop_ticks=-5, count=0, deltas=b"")
    assert decode(encode(Envelope("l", Role.ANNOUNCER, 0, 0, body))).body == body


def test_roles_are_each_others_peers() -> None:
    """The peer of the peer is oneself."""
    for role in Role:
        assert role.peer is not role
        assert role.peer.peer is role
