"""How key comes from the pools of a run into the files of the managers, each bit once.

Law of this module: a block is in the files of both managers on the disk before it leaves the pools,
and a manager takes each block in once. So whatever is killed, no bit stays in two places, and none
is lost that was in both pools.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from netsim.delivery.store import ManagerStore
from netsim.pools.key import KeyBlock, Piece, id_of

ROUNDS_PER_FILL = 2**40
"""A run has fewer; the rounds of the n-th run that fills the managers begin at n times this."""


@dataclass(frozen=True, slots=True)
class FillingEnd:
    """One end of a link: where key comes from, and where it goes.

    Attributes
    ----------
    blocks : callable
        Blocks in the pool there.
    take : callable
        Takes the bits of an id out of that pool.
    store : ManagerStore
        Of the manager there.
    """

    blocks: Callable[[], Iterable[KeyBlock]]
    take: Callable[[str], object]
    store: ManagerStore


def move(
    link: str, fill: int, one: FillingEnd, other: FillingEnd, maximum_bits: int | None = None
) -> int:
    """Bring all blocks that are in both pools of ``link`` to its managers; returns their bits.

    What only one end still has of such a block is of no use to anybody, and leaves its pool too.
    Where the managers have ``maximum_bits`` the next block stays in the pools, until there is room.
    """
    moved_bits = 0
    for both in common_blocks(one.blocks(), other.blocks()):
        if maximum_bits is not None and _level_bits(link, one, other) >= maximum_bits:
            break
        pairs = zip(both, (one, other), strict=True)
        is_new = [end.store.take_in(link, _numbered(block, fill)) for block, end in pairs]
        moved_bits += any(is_new) * sum(piece.size_bits for piece in both[0].left)
    for end in (one, other):
        _empty_pool(link, fill, end)
    return moved_bits


def _level_bits(link: str, *ends: FillingEnd) -> int:
    """What both managers have."""
    return min(end.store.free_bits(link) for end in ends)


def common_blocks(
    mine: Iterable[KeyBlock], its: Iterable[KeyBlock]
) -> Iterator[tuple[KeyBlock, KeyBlock]]:
    """Blocks of which both ends still have something, with what they have in common."""
    others = {block.round: block for block in its if block.left}
    for block in mine:
        other = others.get(block.round)
        left = () if other is None else tuple(common_pieces(block.left, other.left))
        if other is not None and left:
            yield replace(block, left=left), replace(other, left=left)


def common_pieces(mine: Iterable[Piece], its: Iterable[Piece]) -> Iterator[Piece]:
    """What of one block both ends have."""
    others = tuple(its)
    for piece in mine:
        for other in others:
            start, stop = max(piece.start, other.start), min(piece.stop, other.stop)
            if start < stop:
                yield Piece(piece.round, start, stop)


def _numbered(block: KeyBlock, fill: int) -> KeyBlock:
    number = fill * ROUNDS_PER_FILL + block.round
    left = tuple(piece._replace(round=number) for piece in block.left)
    return replace(block, round=number, left=left)


def _empty_pool(link: str, fill: int, end: FillingEnd) -> None:
    """Take out what the manager has: also what a killed process has left."""
    has_come_in = end.store.rounds(link)
    found = [block for block in end.blocks() if block.left]
    for block in found:
        if fill * ROUNDS_PER_FILL + block.round in has_come_in:
            end.take(id_of(block.left))
