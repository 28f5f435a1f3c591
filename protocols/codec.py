"""Messages as bytes.

Each is the msgpack array ``[version, tag, link, sender, round, sequence, ...fields]``. Sizes
are bounded before anything is decoded, and any byte string either decodes to a message or raises
`MalformedMessageError`, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

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

VERSION = 4
_TYPES: dict[int, type[Message]] = {kind.TAG: kind for kind in get_args(Message)}
_MAX_INT = 2**62
_ROLES = tuple(Role)
_HEAD_TYPES = (int, int, str, int, int, int)
"""Of version, tag, link, sender, round and sequence number: no bool is a number."""
_pack = msgpack.Packer().pack
"""Of one packer: its buffer takes longer to get than a short message to write."""


def encode(envelope: Envelope) -> bytes:
    """Serialise ``envelope``."""
    return pack_message(*envelope)


def pack_message(link: str, sender: Role, round_number: int, sequence: int, body: Message) -> bytes:
    """Serialise what would be an `Envelope`: one that is sent need not be made first."""
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


def _unpack(data: bytes) -> tuple[Any, ...]:
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError("too large")
    items: object = msgpack.unpackb(
        data,
        use_list=False,
        strict_map_key=True,
        max_bin_len=MAX_MESSAGE_BYTES,
        max_str_len=MAX_LINK_CHARACTERS,
        max_array_len=2 * MAX_LANES + 8,
        max_map_len=0,
        max_ext_len=0,
    )
    if type(items) is not tuple or len(items) < len(_HEAD_TYPES):
        raise ValueError("not a message")
    return items


def _parse(items: tuple[Any, ...]) -> Envelope:
    version, tag, link, sender, round_number, sequence, *values = items
    kind = _TYPES.get(tag)
    if version != VERSION or kind is None:
        raise ValueError("unknown version or tag")
    if tuple(map(type, items)) != _ITEM_TYPES[kind]:
        raise ValueError("not the fields of such a message")
    if not 0 <= sender < len(_ROLES) or not 0 <= round_number <= MAX_ROUND:
        raise ValueError("unknown sender or round")
    if not 0 <= sequence <= _MAX_INT:
        raise ValueError("not a number in range")
    for at, check in _CHECKS[kind]:
        check(items[at])
    return Envelope(link, _ROLES[sender], round_number, sequence, kind(*values))


def _check_signed(value: int) -> None:
    if abs(value) > _MAX_INT:
        raise ValueError("not a number in range")


def _check_lanes(values: tuple[object, ...], kind: type) -> None:
    if len(values) > 2 * MAX_LANES:
        raise ValueError("too many lanes")
    for value in values:
        if type(value) is not kind:
            raise ValueError(f"not {kind.__name__}")


def _check_bytes(values: tuple[object, ...]) -> None:
    _check_lanes(values, bytes)


def _check_integers(values: tuple[int, ...]) -> None:
    _check_lanes(values, int)
    if values and not 0 <= min(values) <= max(values) <= _MAX_INT:
        raise ValueError("not a number in range")


_CHECK_OF: Mapping[object, Callable[[Any], None]] = {
    int: _check_signed,
    tuple[bytes, ...]: _check_bytes,
    tuple[int, ...]: _check_integers,
}
"""What is asked of a field's value beyond its type, by the hint of the field."""


def _item_types(kind: type[Message]) -> tuple[type, ...]:
    """Of each item of a message."""
    hints = get_type_hints(kind)
    return *_HEAD_TYPES, *(get_origin(hints[name]) or hints[name] for name in _NAMES[kind])


def _checks(kind: type[Message]) -> tuple[tuple[int, Callable[[Any], None]], ...]:
    """What is asked of which items, in the order of the wire."""
    hints = get_type_hints(kind)
    places = enumerate(_NAMES[kind], start=len(_HEAD_TYPES))
    return tuple((at, _CHECK_OF[hints[name]]) for at, name in places if hints[name] in _CHECK_OF)


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _TYPES.values()}
_ITEM_TYPES = {kind: _item_types(kind) for kind in _TYPES.values()}
_CHECKS = {kind: _checks(kind) for kind in _TYPES.values()}
