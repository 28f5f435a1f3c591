"""Key on its way from the pools of a run to the managers: none twice, none lost, killed or not."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.delivery.filling import FillingEnd, common_pieces, move
from netsim.delivery.manager import drop_lone_blocks
from netsim.delivery.store import ManagerStore
from netsim.pools.key import KeyBlock, Piece, pieces_of
from tests.support.managers import random_block

LINK = "alice-bob"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Clockwork:
    """Ends the process after so many steps."""

    steps: int

    def step(self) -> None:
        """One durable step is about to be made."""
        if not self.steps:
            raise Killed
        self.steps -= 1


@dataclass
class MadeUpPool:
    """Blocks of one end of a run, and what has been taken of them."""

    blocks: dict[int, KeyBlock]
    clock: Clockwork = field(default_factory=lambda: Clockwork(1000))

    def take(self, key_id: str) -> None:
        """Take whole pieces; KeyError if one is not there."""
        self.clock.step()
        for piece in pieces_of(key_id):
            block = self.blocks[piece.round]
            if piece not in block.left:
                raise KeyError(key_id)
            left = tuple(each for each in block.left if each != piece)
            self.blocks[piece.round] = replace(block, left=left)


@dataclass
class WatchedStore:
    """A manager's store that the clockwork may stop."""

    store: ManagerStore
    clock: Clockwork

    def take_in(self, link: str, block: KeyBlock) -> bool:
        """As the store."""
        self.clock.step()
        return self.store.take_in(link, block)

    def rounds(self, link: str) -> set[int]:
        """As the store."""
        return self.store.rounds(link)


def pool(*numbers: int, size_bits: int = 128) -> MadeUpPool:
    return MadeUpPool({number: random_block(number, size_bits) for number in numbers})


def ends(
    pools: tuple[MadeUpPool, MadeUpPool], stores: tuple[ManagerStore, ManagerStore], steps: int
) -> tuple[FillingEnd, FillingEnd]:
    clock = Clockwork(steps)
    for each in pools:
        each.clock = clock
    one, other = (
        FillingEnd(
            lambda each=each: list(each.blocks.values()),  # type: ignore[misc]
            each.take,
            WatchedStore(store, clock),  # type: ignore[arg-type]
        )
        for each, store in zip(pools, stores, strict=True)
    )
    return one, other


@pytest.mark.parametrize("steps", range(10))
def test_killed_anywhere_and_started_again(steps: int) -> None:
    """Both blocks that both ends have are there once, and have left both pools; the third waits."""
    pools, stores = (pool(0, 1, 2), pool(0, 1)), (ManagerStore(), ManagerStore())
    with pytest.raises(Killed) if steps < 8 else nullcontext():
        move(LINK, 3, *ends(pools, stores, steps))
    drop_lone_blocks(LINK, *stores)
    move(LINK, 3, *ends(pools, stores, 1000))
    move(LINK, 3, *ends(pools, stores, 1000))
    assert [store.free_bits(LINK) for store in stores] == [256, 256]
    assert [sum(len(b.left) for b in each.blocks.values()) for each in pools] == [1, 0]
    keys = stores[0].reserve(LINK, [256], master="a", slave="b")
    stores[1].promise(keys)


def test_what_one_end_has_used_is_used() -> None:
    """Only bits that both ends have come in; the others leave the pool for good."""
    pools, stores = (pool(0), pool(0)), (ManagerStore(), ManagerStore())
    block = pools[0].blocks[0]
    pools[0].blocks[0] = replace(block, left=(Piece(0, 0, 40), Piece(0, 72, 128)))
    assert move(LINK, 1, *ends(pools, stores, 1000)) == 40 + 56
    assert [store.free_bits(LINK) for store in stores] == [96, 96]
    assert all(not each.blocks[0].left for each in pools)


PIECES = st.lists(st.integers(0, 60), max_size=8, unique=True).map(
    lambda edges: [
        Piece(0, start, stop)
        for start, stop in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)


@given(PIECES, PIECES)
def test_common_pieces_are_common(mine: list[Piece], its: list[Piece]) -> None:
    """Bit by bit, as sets have it; none is empty."""

    def bits(pieces: list[Piece]) -> set[int]:
        return {bit for piece in pieces for bit in range(piece.start, piece.stop)}

    found = list(common_pieces(mine, its))
    assert bits(found) == bits(mine) & bits(its)
    assert all(piece.size_bits for piece in found)
    assert sum(piece.size_bits for piece in found) == len(bits(found))
