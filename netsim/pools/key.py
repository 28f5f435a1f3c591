"""What a pool holds and hands out: blocks, keys, and the ids by which both ends name the same bits.

Bits are packed, first bit first, into bytes; none of them is ever logged.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_ID = re.compile(r"\d{1,18}\.\d{1,18}\.\d{1,18}(-\d{1,18}\.\d{1,18}\.\d{1,18})*", re.ASCII)


class ShortageError(Exception):
    """A pool that holds fewer bits than were asked for; nothing has left it.

    Parameters
    ----------
    asked_bits, held_bits : int
    """

    def __init__(self, asked_bits: int, held_bits: int) -> None:
        super().__init__(asked_bits, held_bits)
        self.asked_bits, self.held_bits = asked_bits, held_bits

    def __str__(self) -> str:
        return f"{self.asked_bits} bits asked for, {self.held_bits} in the pool"


class Piece(NamedTuple):
    """Bits [start, stop) of the block that a round has made."""

    round: int
    start: int
    stop: int

    @property
    def size_bits(self) -> int:
        """How many they are."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """Secret bits of one round, as far as they are still in the pool."""

    round: int
    key: bytes = field(repr=False)
    """Packed; zero where bits have been taken, empty once all are."""
    size_bits: int
    """Of the whole block."""
    left: tuple[Piece, ...]
    """What has not been taken, in order."""


@dataclass(frozen=True, slots=True)
class Key:
    """Bits that have left a pool, under the id by which the other end gets the same."""

    id: str
    """Where the bits were: round, first bit and number of bits of each piece; no secret."""
    bits: bytes = field(repr=False)
    size_bits: int


def id_of(pieces: Iterable[Piece]) -> str:
    """The id of a key, such as ``7.0.200-8.0.56``."""
    return "-".join(f"{piece.round}.{piece.start}.{piece.size_bits}" for piece in pieces)


def pieces_of(key_id: str) -> tuple[Piece, ...]:
    """Inverse of `id_of`; ValueError for what is no id."""
    if not _ID.fullmatch(key_id):
        raise ValueError(f"{key_id[:80]!r} is no id of a key")
    numbers = (map(int, part.split(".")) for part in key_id.split("-"))
    return tuple(Piece(number, start, start + size) for number, start, size in numbers)


def join_bits(parts: Iterable[tuple[int, int]]) -> bytes:
    """Pack numbers of given sizes in bits, one behind the other."""
    joined = total_bits = 0
    for value, size_bits in parts:
        joined = joined << size_bits | value
        total_bits += size_bits
    return (joined << -total_bits % 8).to_bytes(-(-total_bits // 8), "big")


def is_same(one: KeyBlock, other: KeyBlock) -> bool:
    """Whether two ends of a link have the same block: its size, and all bits both still hold."""
    if one.size_bits != other.size_bits:
        return False
    common = _mask(one) & _mask(other)
    return not (_number(one) ^ _number(other)) & common


def _mask(block: KeyBlock) -> int:
    """Ones where the bits are still there; the first bit of the block is the highest."""
    return sum(
        ((1 << piece.size_bits) - 1) << (block.size_bits - piece.stop) for piece in block.left
    )


def _number(block: KeyBlock) -> int:
    if not block.key:
        return 0
    return int.from_bytes(block.key, "big") >> (8 * len(block.key) - block.size_bits)
