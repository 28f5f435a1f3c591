"""Datagrams: sizes, and headers that are refused."""

import struct
import zlib

import pytest

from protocols.errors import MalformedMessageError
from protocols.wire.datagrams import (
    HEADER_BYTES,
    SHORT_BYTES,
    Datagram,
    Kind,
    decode_datagram,
    decode_header,
    encode_datagram,
    payload_of,
)

DATAGRAM = Datagram(Kind.DATA, True, 7, 9, 3, 2, 5, b"payload")


def resealed(data: bytes) -> bytes:
    """``data`` with a checksum that fits: what an attacker can always make."""
    head = data[: HEADER_BYTES - 4] + bytes(4)
    return head[:-4] + struct.pack(">I", zlib.crc32(head)) + data[HEADER_BYTES:]


def test_header_has_44_bytes() -> None:
    """Magic 2, kind and flag 2, four words 16, bitmap 16, turn and echo 4, checksum 4."""
    assert HEADER_BYTES == 44
    assert encode_datagram(DATAGRAM)[HEADER_BYTES:] == b"payload"


def test_short_and_empty_ones_are_refused() -> None:
    """Less than a header is no datagram; a header alone is one."""
    data = encode_datagram(DATAGRAM)
    for size in range(HEADER_BYTES):
        with pytest.raises(MalformedMessageError):
            decode_datagram(data[:size])
    assert decode_datagram(data[:HEADER_BYTES]).payload == b""


@pytest.mark.parametrize("size", [0, 1, SHORT_BYTES, 60_000])
def test_header_and_payload_can_be_had_apart(size: int) -> None:
    """A long payload is a view of the datagram."""
    datagram = DATAGRAM._replace(payload=b"x" * size)
    data = encode_datagram(datagram)
    assert decode_header(data)._replace(payload=bytes(payload_of(data))) == datagram
    assert decode_datagram(data) == datagram
    assert isinstance(payload_of(data), memoryview) == (size >= SHORT_BYTES)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, ord("X")), (2, len(Kind)), (2, 255), (3, 2), (3, 255)],
)
def test_impossible_headers_with_a_good_checksum_are_refused(place: int, value: int) -> None:
    """Foreign magic, unknown kinds, flags that are no booleans."""
    data = bytearray(encode_datagram(DATAGRAM))
    assert decode_datagram(resealed(bytes(data))) == DATAGRAM
    data[place] = value
    with pytest.raises(MalformedMessageError):
        decode_datagram(resealed(bytes(data)))


def test_epoch_zero_is_refused() -> None:
    """0 means that an epoch is not known; nobody sends from it."""
    with pytest.raises(MalformedMessageError):
        decode_datagram(encode_datagram(Datagram(Kind.DATA, True, 0, 9, 3, 2, 5, b"")))
