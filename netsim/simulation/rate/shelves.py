"""Pools of the links whose key applications ask for, at the rate level: levels without any key."""

from collections import defaultdict

from netsim.pools.ledger import Account, Ledger, Movement, MovementSink
from netsim.pools.levels import StockLevels
from netsim.pools.pool import Pool
from protocols import events
from protocols.books import RoundBooks

_WAY_IN = ((Account.LIGHT, Account.OPEN), (Account.OPEN, Account.POOL))
"""For the balance alone: what rounds have moved is in their columns."""


class _Taken:
    """Passes on what leaves a pool."""

    def __init__(self, rows: MovementSink) -> None:
        self._rows = rows

    def append(self, movement: Movement) -> None:
        """Take one movement."""
        if movement.debit is Account.POOL:
            self._rows.append(movement)


class ShelfPools(dict[tuple[str, str], Pool]):
    """Pools by link and end, made as they are asked for.

    Parameters
    ----------
    rows : MovementSink
        Gets what applications take, and nothing else.
    """

    def __init__(self, rows: MovementSink) -> None:
        super().__init__()
        self._ledger = Ledger(_Taken(rows))
        self._stores: defaultdict[str, dict[str, StockLevels]] = defaultdict(dict)

    def __missing__(self, place: tuple[str, str]) -> Pool:
        """Open a pool."""
        link, end = place
        store = self._stores[link][end] = StockLevels()
        store.open_link(link, b"")
        self[place] = Pool(link, end, store=store, ledger=self._ledger)
        return self[place]

    @property
    def links(self) -> frozenset[str]:
        """Names of those links."""
        return frozenset(self._stores)

    def deposit(self, link: str, block: int, bits: int, time_ps: int) -> int:
        """Bits of a block, or none, come into the pools of both ends; the level of either then."""
        usable = events.BlockUsable(block, b"", bits, b"", RoundBooks())
        for end, store in self._stores[link].items():
            store.apply(link, (usable,))
            for debit, credit in _WAY_IN if bits else ():
                self._ledger.append(Movement(time_ps, link, end, block, debit, credit, bits))
        return min(store.stock_bits(link) for store in self._stores[link].values())
