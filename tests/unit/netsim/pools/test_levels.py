"""Levels without key: counted, and nobody can draw from them."""

import pytest

from netsim.pools.ledger import Ledger
from netsim.pools.levels import StockLevels
from netsim.pools.pool import Pool
from protocols.books import RoundBooks
from protocols.events import BlockUsable


def test_blocks_add_up_and_hold_no_key() -> None:
    """Two blocks of one link; another link has none."""
    store = StockLevels()
    for link in ("a-b", "a-c"):
        store.open_link(link, b"")
    store.apply("a-b", [BlockUsable(n, b"", 100 + n, b"", RoundBooks()) for n in range(2)])
    pool = Pool("a-b", "a", store=store, ledger=Ledger())
    assert pool.level_bits == 201
    assert store.stock_bits("a-c") == 0
    assert list(pool.blocks()) == []
    with pytest.raises(LookupError, match="levels"):
        pool.take(8, time_ps=0)
