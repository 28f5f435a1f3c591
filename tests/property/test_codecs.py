"""Codecs: what is encoded decodes to itself; any other bytes raise the one error, only."""

from collections.abc import Callable
from functools import partial
from typing import get_args, get_type_hints

import msgpack
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.ascending import MAX_WIDTH, decode_ascending, encode_ascending
from protocols.codec import decode, encode
from protocols.errors import MalformedMessageError
from protocols.messages import MAX_LINK_CHARACTERS, MAX_ROUND, Envelope, Message, Role
from protocols.wire.datagrams import HEADER_BYTES, Datagram, Kind, decode_datagram, encode_datagram
from tests.support.words import code_of

quick = settings(derandomize=True, deadline=None)

VALUES: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(-(2**62), 2**62),
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
    tuple[int, ...]: st.lists(st.integers(0, 2**62), max_size=8).map(tuple),
    tuple[bytes, ...]: st.lists(st.binary(max_size=8), max_size=8).map(tuple),
}


def _bodies(kind: type[Message]) -> st.SearchStrategy[Message]:
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name != "TAG"}
    return st.builds(kind, **{name: VALUES[hint] for name, hint in hints.items()})


envelopes = st.builds(
    Envelope,
    st.text(max_size=MAX_LINK_CHARACTERS // 4),
    st.sampled_from(Role),
    st.integers(0, MAX_ROUND),
    st.integers(0, 2**62),
    st.one_of([_bodies(kind) for kind in get_args(Message)]),
)
datagrams = st.builds(
    Datagram,
    st.sampled_from(Kind),
    st.booleans(),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**128 - 1),
    st.binary(max_size=60),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
)
items = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=8,
)


def _decodes_or_refuses(decoder: Callable[[bytes], object], data: bytes) -> bool:
    """True if ``data`` decodes, False for the one error; any other error ends the test."""
    try:
        decoder(data)
    except MalformedMessageError:
        return False
    return True


@quick
@given(envelopes)
def test_messages_come_back(envelope: Envelope) -> None:
    """decode(encode(m)) == m for every type of message."""
    assert decode(encode(envelope)) == envelope


@quick
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    """Random bytes never raise anything but the one error."""
    _decodes_or_refuses(decode, data)


@quick
@given(st.lists(items, max_size=12), st.integers(0, 17))
def test_any_msgpack_array_is_a_message_or_malformed(values: list[object], tag: int) -> None:
    """Well-formed arrays with a valid head and anything behind it raise the one error at most."""
    head = [1, tag, "l", 0, 0, 0]
    _decodes_or_refuses(decode, msgpack.packb(head + values))
    _decodes_or_refuses(decode, msgpack.packb(values))


@quick
@given(envelopes, st.integers(0, 2**16), st.integers(1, 255))
def test_damaged_message_is_a_message_or_malformed(
    envelope: Envelope, place: int, flips: int
) -> None:
    """A changed byte of a valid message raises the one error at most."""
    data = bytearray(encode(envelope))
    data[place % len(data)] ^= flips
    _decodes_or_refuses(decode, bytes(data))


@quick
@given(datagrams)
def test_datagrams_come_back(datagram: Datagram) -> None:
    """decode(encode(d)) == d for every kind of datagram."""
    data = encode_datagram(datagram)
    assert len(data) == HEADER_BYTES + len(datagram.payload)
    assert decode_datagram(data) == datagram


@quick
@given(st.binary(max_size=100))
def test_any_bytes_are_a_datagram_or_malformed(data: bytes) -> None:
    """Random bytes never raise anything but the one error."""
    _decodes_or_refuses(decode_datagram, data)
    _decodes_or_refuses(decode_datagram, b"QN\0\0" + data)


@quick
@given(datagrams, st.integers(0, HEADER_BYTES - 1), st.integers(1, 255))
def test_damage_to_a_header_is_noticed(datagram: Datagram, place: int, flips: int) -> None:
    """A changed byte in the header is always malformed: CRC-32 finds every burst of 8 bits."""
    data = bytearray(encode_datagram(datagram))
    data[place] ^= flips
    assert not _decodes_or_refuses(decode_datagram, bytes(data))


@quick
@given(datagrams, st.integers(0, 59), st.integers(1, 255))
def test_damage_to_a_payload_passes(datagram: Datagram, place: int, flips: int) -> None:
    """A changed byte in the payload changes the payload and nothing else."""
    assume(datagram.payload)
    data = bytearray(encode_datagram(datagram))
    data[HEADER_BYTES + place % len(datagram.payload)] ^= flips
    found = decode_datagram(bytes(data))
    assert found.payload != datagram.payload
    assert encode_datagram(found)[: HEADER_BYTES - 4] == bytes(data[: HEADER_BYTES - 4])


steps = st.lists(st.integers(0, 2**20) | st.integers(0, 2**56), max_size=30)
widths = st.integers(1, MAX_WIDTH) | st.integers(0, 255)
contents = st.binary(max_size=60) | st.integers(0, 60).map(lambda size: b"\xff" * size)


@quick
@given(steps, st.integers(0, 2**40))
def test_ascending_integers_come_back(differences: list[int], previous: int) -> None:
    """decode(encode(v)) == v for ascending values from ``previous`` on, repeats included."""
    values = previous + np.cumsum(np.array(differences, dtype=np.int64), dtype=np.int64)
    encoded = encode_ascending(values, previous=previous)
    found = decode_ascending(encoded, count=values.size, previous=previous)
    assert found.dtype == np.int64
    assert np.array_equal(found, values)


@quick
@given(widths, contents, st.integers(-3, 60), st.integers(0, 2**62))
def test_any_bytes_are_ascending_integers_or_malformed(
    width: int, content: bytes, count: int, previous: int
) -> None:
    """Whatever decodes is ascending, not below ``previous``, and so encoded in this width."""
    encoded = bytes([width]) + content
    try:
        values = decode_ascending(encoded, count=count, previous=previous)
    except MalformedMessageError:
        return
    assert values.size == count
    assert np.all(np.diff(values, prepend=previous) >= 0)
    assert code_of(values.tolist(), width, previous=previous) == encoded


@quick
@given(steps, st.integers(1, MAX_WIDTH), st.data())
def test_damaged_integers_are_others_or_malformed(
    differences: list[int], width: int, data: st.DataObject
) -> None:
    """A flipped bit, a byte more or less: other integers at most, never more or fewer."""
    values = np.cumsum([step % 2 ** min(width + 5, 56) for step in differences], dtype=np.int64)
    assume(values.size)
    code = bytearray(code_of(values.tolist(), width))
    assert np.array_equal(decode_ascending(bytes(code), count=values.size, previous=0), values)
    for other in (code[:-1], code + b"\0", code + b"\1"):
        assert not _decodes_or_refuses(partial(_decode_all, count=values.size), bytes(other))
    bit = data.draw(st.integers(8, 8 * len(code) - 1))
    code[bit // 8] ^= 1 << bit % 8
    try:
        found = decode_ascending(bytes(code), count=values.size, previous=0)
    except MalformedMessageError:
        return
    assert not np.array_equal(found, values)
    assert code_of(found.tolist(), width) == bytes(code)


def _decode_all(data: bytes, count: int) -> NDArray[np.int64]:
    return decode_ascending(data, count=count, previous=0)
