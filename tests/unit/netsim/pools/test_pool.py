"""Key pools: blocks by id, each once, and a fingerprint that tells any two pools apart."""

from itertools import combinations

import pytest

from netsim.pools.pool import KeyBlock, KeyPool, compare_pools

BLOCK = KeyBlock(b"\xaa\x80", 9)


def pool_of(*blocks: tuple[int, KeyBlock], end: str = "alice") -> KeyPool:
    pool = KeyPool("alice-bob", end)
    for number, block in blocks:
        pool.deposit(number, block)
    return pool


def test_level_is_the_sum_of_the_blocks() -> None:
    """Bits, not bytes; an empty pool holds none."""
    assert pool_of().level_bits == 0
    assert pool_of((0, BLOCK), (7, KeyBlock(b"\0" * 4, 32))).level_bits == 41


def test_a_block_is_deposited_once() -> None:
    """The same id twice is refused, equal or not, and changes nothing."""
    pool = pool_of((3, BLOCK))
    for again in (BLOCK, KeyBlock(b"\0", 1)):
        with pytest.raises(ValueError, match="block 3 of alice-bob at alice"):
            pool.deposit(3, again)
    assert pool.blocks == {3: BLOCK}


def test_blocks_are_a_copy() -> None:
    """What a caller does to the dictionary does not reach the pool."""
    pool = pool_of((3, BLOCK))
    pool.blocks.clear()
    assert pool.blocks == {3: BLOCK}


def test_fingerprint_is_of_the_content() -> None:
    """Equal content gives equal prints at either end, in whatever order it came."""
    one = pool_of((0, BLOCK), (1, KeyBlock(b"\1", 8)))
    other = pool_of((1, KeyBlock(b"\1", 8)), (0, BLOCK), end="bob")
    assert one.fingerprint() == other.fingerprint()


def test_fingerprints_differ_where_pools_do() -> None:
    """Id, size, bits, number of blocks and where one ends: each of them counts."""
    pools = [
        pool_of(),
        pool_of((0, BLOCK)),
        pool_of((1, BLOCK)),
        pool_of((0, KeyBlock(b"\xaa\x80", 10))),
        pool_of((0, KeyBlock(b"\xaa\x00", 9))),
        pool_of((0, BLOCK), (1, BLOCK)),
        pool_of((0, KeyBlock(b"\1\2", 16)), (1, KeyBlock(b"\3", 8))),
        pool_of((0, KeyBlock(b"\1", 8)), (1, KeyBlock(b"\2\3", 16))),
    ]
    for one, other in combinations(pools, 2):
        assert one.fingerprint() != other.fingerprint()


def test_ends_are_compared_bit_for_bit() -> None:
    """Equal blocks, one flipped bit, a size that differs, and blocks of one end only."""
    one = pool_of((0, BLOCK), (1, BLOCK), (2, BLOCK), (4, BLOCK))
    other = pool_of(
        (0, BLOCK),
        (1, KeyBlock(b"\xab\x80", 9)),
        (2, KeyBlock(b"\xaa\x80", 10)),
        (5, BLOCK),
        (6, BLOCK),
        end="bob",
    )
    assert compare_pools(one, other) == compare_pools(other, one) == (1, 2, 3)
    assert compare_pools(one, one) == (4, 0, 0)
