"""Pieces in any order: the first of a number is the one that counts."""

from collections import deque

import pytest

from protocols.wire.datagrams import SHORT_BYTES, Datagram, Kind
from protocols.wire.reassembly import Incoming


def piece(sequence: int, payload: bytes, *, ends: bool) -> Datagram:
    """Data of epoch 1."""
    return Datagram(Kind.DATA, ends, 1, 1, sequence, 0, 0, payload)


def take(incoming: Incoming, datagram: Datagram) -> None:
    """Header and payload apart, as a transport has them."""
    incoming.take(datagram, datagram.payload)


@pytest.mark.parametrize("ends", [False, True])
def test_an_early_piece_is_not_overwritten(ends: bool) -> None:
    """Whoever repeats its number with other bytes, or another end, comes too late."""
    messages: deque[bytes] = deque()
    incoming = Incoming(messages, epoch=1)
    take(incoming, piece(1, b"second", ends=True))
    take(incoming, piece(1, b"forged", ends=ends))
    take(incoming, piece(0, b"first ", ends=False))
    assert list(messages) == [b"first second"]


def test_short_and_long_pieces_make_the_message_that_was_cut() -> None:
    """Long ones are views of their datagrams, short ones are joined as they come."""
    messages: deque[bytes] = deque()
    incoming = Incoming(messages, epoch=1)
    sizes = [1, 0, 2 * SHORT_BYTES, 3, 5, SHORT_BYTES, SHORT_BYTES, 7]
    payloads = [bytes([k]) * size for k, size in enumerate(sizes)]
    for k, payload in enumerate(payloads[:-1]):
        incoming.take(piece(k, b"", ends=False), memoryview(payload))
        assert incoming.message_bytes == sum(sizes[: k + 1])
    assert len(incoming.pieces) == 5
    incoming.take(piece(7, b"", ends=True), memoryview(payloads[-1]))
    assert list(messages) == [b"".join(payloads)]
    assert not incoming.message_bytes
    assert not incoming.pieces
    assert type(messages[0]) is bytes
