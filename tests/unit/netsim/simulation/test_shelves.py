"""Pools of levels: what a round brings, and the level that its record has."""

from netsim.pools.ledger import Movement
from netsim.simulation.rate.shelves import ShelfPools


def test_a_block_that_refills_the_reserve_alone_leaves_the_level() -> None:
    """Its record has the level too, and no row of nothing is written."""
    rows: list[Movement] = []
    pools = ShelfPools(rows)
    ends = pools["alice-bob", "alice"], pools["alice-bob", "bob"]
    assert pools.deposit("alice-bob", 0, 1000, 10) == 1000
    for pool in ends:
        pool.take(300, time_ps=20)
    assert pools.deposit("alice-bob", 1, 0, 30) == 700
    assert pools.deposit("alice-bob", 2, 50, 40) == 750
    assert [pool.level_bits for pool in ends] == [750, 750]
    assert all(row.bits for row in rows)
