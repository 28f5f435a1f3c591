"""Levels without key: places of bits, and none of the bits."""

import pytest

from netsim.pools.key import ShortageError, pieces_of
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


def test_what_is_drawn_is_named_as_in_a_store() -> None:
    """Oldest first, over the edge of a block; the other end gives the same, once."""
    mine, its = StockLevels(), StockLevels()
    for store in (mine, its):
        store.apply("a-b", [BlockUsable(n, b"", 100, b"", RoundBooks()) for n in (3, 5)])
    assert mine.draw("a-b", 60).id == "3.0.60"
    key = mine.draw("a-b", 100)
    assert (key.id, key.size_bits, key.bits) == ("3.60.40-5.0.60", 100, b"")
    with pytest.raises(ShortageError, match="41 bits asked for, 40"):
        mine.draw("a-b", 41)
    for pieces in (pieces_of(key.id), pieces_of("3.0.100-5.0.50-5.60.10")):
        with pytest.raises(KeyError):
            its.fetch("a-b", pieces)
        assert its.stock_bits("a-b") == 200
    for key_id in ("3.0.60", key.id):
        assert its.fetch("a-b", pieces_of(key_id)).id == key_id
    assert its.stock_bits("a-b") == mine.stock_bits("a-b") == 40
