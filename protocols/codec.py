"""Messages as bytes.

Each is the msgpack array ``[version, tag, link, sender, round, sequence, ...fields]``. Sizes
are bounded before anything is decoded, and any byte string either decodes to a message or raises
`MalformedMessageError`, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import call
from typing import Any, get_args, get_type_hints

import msgpack

from protocols.errors import MalformedMessageError
from protocols.messages import (
    MAX_LANES,
    MAX_LINK_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_ROUND,
    Envelope,
    Message,
    Role,
)

VERSION = 3
_TYPES: dict[int, type[Message]] = {kind.TAG: kind for kind in get_args(Message)}
_MAX_INT = 2**62
_ROLES = tuple(Role)
_HEAD_TYPES = [int, int, str, int, int, int]
"""Of version, tag, link, sender, round and sequence number: no bool is a number."""
_pack = msgpack.Packer().pack
"""Of one packer: its buffer takes longer to get than a short message to write."""


def encode(envelope: Envelope) -> bytes:
    """Serialise ``envelope``."""
    link, sender, round_number, sequence, body = envelope
    values = [getattr(body, name) for name in _NAMES[type(body)]]
    packed: bytes = _pack([VERSION, body.TAG, link, sender, round_number, sequence, *values])
    return packed


def decode(data: bytes) -> Envelope:
    """Parse ``data``.

    Raises
    ------
    MalformedMessageError
        For any bytes that `encode` cannot have made.
    """
    try:
        return _parse(_unpack(data))
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise MalformedMessageError("message", len(data)) from error


def _unpack(data: bytes) -> list[Any]:
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError("too large")
    items: object = msgpack.unpackb(
        data,
        strict_map_key=True,
        max_bin_len=MAX_MESSAGE_BYTES,
        max_str_len=MAX_LINK_CHARACTERS,
        max_array_len=2 * MAX_LANES + 8,
        max_map_len=0,
        max_ext_len=0,
    )
    if not isinstance(items, list) or len(items) < 6:
        raise ValueError("not a message")
    return items


def _parse(items: list[Any]) -> Envelope:
    version, tag, link, sender, round_number, sequence, *values = items
    if [*map(type, items[:6])] != _HEAD_TYPES:
        raise ValueError("not a head")
    kind = _TYPES.get(tag)
    if version != VERSION or kind is None:
        raise ValueError("unknown version or tag")
    if not 0 <= sender < len(_ROLES) or not 0 <= round_number <= MAX_ROUND:
        raise ValueError("unknown sender or round")
    if not 0 <= sequence <= _MAX_INT:
        raise ValueError("not a number in range")
    readers = _READERS_OF[kind]
    if len(readers) != len(values):
        raise ValueError("wrong number of fields")
    body = kind(*map(call, readers, values))
    return Envelope(link, _ROLES[sender], round_number, sequence, body)


def _integer(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_INT:
        raise ValueError("not a number in range")
    return value


def _signed(value: object) -> int:
    if type(value) is not int or abs(value) > _MAX_INT:
        raise ValueError("not a number in range")
    return value


def _boolean(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("not a boolean")
    return value


def _bytes(value: object) -> bytes:
    if type(value) is not bytes:
        raise ValueError("not bytes")
    return value


def _bytes_tuple(value: object) -> tuple[bytes, ...]:
    return tuple(map(_bytes, _lanes(value)))


def _integer_tuple(value: object) -> tuple[int, ...]:
    return tuple(map(_integer, _lanes(value)))


def _lanes(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > 2 * MAX_LANES:
        raise ValueError("not a list")
    return value


_READERS: Mapping[object, Callable[[object], Any]] = {
    int: _signed,
    bool: _boolean,
    bytes: _bytes,
    tuple[bytes, ...]: _bytes_tuple,
    tuple[int, ...]: _integer_tuple,
}


def _readers_of(kind: type[Message]) -> tuple[Callable[[object], Any], ...]:
    """What reads each field of a message, in the order of the wire."""
    hints = get_type_hints(kind)
    return tuple(_READERS[hints[name]] for name in _NAMES[kind])


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _TYPES.values()}
_READERS_OF = {kind: _readers_of(kind) for kind in _TYPES.values()}
