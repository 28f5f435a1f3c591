"""The key pool of one end of one link: settled blocks, by id."""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """Secret bits of one round: ``size_bits`` of ``key``, first bit first. Never logged."""

    key: bytes = field(repr=False)
    size_bits: int


class KeyPool:
    """Usable key of one end of a link.

    Blocks are added once and under the round that made them; the pool at the other end holds the
    same bits under the same id.
    """

    def __init__(self, link: str, end: str) -> None:
        self.link = link
        self.end = end
        self._blocks: dict[int, KeyBlock] = {}

    @property
    def blocks(self) -> dict[int, KeyBlock]:
        """Blocks by id, in the order in which they became usable (a copy)."""
        return dict(self._blocks)

    @property
    def level_bits(self) -> int:
        """Usable secret bits."""
        return sum(block.size_bits for block in self._blocks.values())

    def deposit(self, block_id: int, block: KeyBlock) -> None:
        """Add a block; ValueError if its id is taken (a block is usable once)."""
        if block_id in self._blocks:
            raise ValueError(
                f"block {block_id} of {self.link} at {self.end} is in the pool already"
            )
        self._blocks[block_id] = block

    def fingerprint(self) -> str:
        """SHA-256 over ids, sizes and bits: equal at both ends if and only if the pools are."""
        digest = hashlib.sha256()
        for block_id in sorted(self._blocks):
            block = self._blocks[block_id]
            digest.update(f"{block_id}:{block.size_bits}:".encode() + block.key)
        return digest.hexdigest()


class Comparison(NamedTuple):
    """Blocks of the two ends of a link, bit for bit."""

    equal: int
    """Both have them, and the same bits."""
    unequal: int
    """Both have them, with different bits: what must never happen."""
    lone: int
    """Only one end has them: in doubt at the other when the run ended."""

    def __str__(self) -> str:
        """In words."""
        if self.unequal:
            return f"KEYS DIFFER: {self.unequal} blocks are not the same at both ends"
        waiting = f"; {self.lone} at one end only, in doubt at the other" if self.lone else ""
        return f"{self.equal} blocks in the pools of both ends{waiting}"


NOTHING_COMPARED = Comparison(0, 0, 0)


def compare_pools(one: KeyPool, other: KeyPool) -> Comparison:
    """Compare the two ends of a link, as only somebody outside of it can."""
    first, second = one.blocks, other.blocks
    common = first.keys() & second.keys()
    equal = sum(first[number] == second[number] for number in common)
    return Comparison(equal, len(common) - equal, len(first.keys() ^ second.keys()))
