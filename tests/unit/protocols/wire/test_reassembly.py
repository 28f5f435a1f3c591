"""Pieces in any order: the first of a number is the one that counts."""

from collections import deque

import pytest

from protocols.wire.datagrams import Datagram, Kind
from protocols.wire.reassembly import Incoming


def piece(sequence: int, payload: bytes, *, ends: bool) -> Datagram:
    """Data of epoch 1."""
    return Datagram(Kind.DATA, ends, 1, 1, sequence, 0, 0, payload)


@pytest.mark.parametrize("ends", [False, True])
def test_an_early_piece_is_not_overwritten(ends: bool) -> None:
    """Whoever repeats its number with other bytes, or another end, comes too late."""
    messages: deque[bytes] = deque()
    incoming = Incoming(messages, epoch=1)
    incoming.take(piece(1, b"second", ends=True))
    incoming.take(piece(1, b"forged", ends=ends))
    incoming.take(piece(0, b"first ", ends=False))
    assert list(messages) == [b"first second"]
