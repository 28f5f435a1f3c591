"""Books on disk leave nothing in memory: ten times the rounds take no more of it."""

import gc
import tracemalloc
from contextlib import ExitStack
from pathlib import Path

import pytest

from netsim.kernel.trace import FileSink, Trace
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.history import pool_histories
from netsim.pools.ledger import Ledger
from netsim.pools.ledgerfile import LedgerFile, read_ledger
from netsim.pools.pool import Comparison, compare_pools
from netsim.pools.store import UserStore
from protocols import events
from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from tests.unit.netsim.runs import LINK

ROUNDS = 12
KEY = bytes(range(256)) * 4
BOOKS = RoundBooks(
    sifted_bits=9000, parity_bits=500, key_bits=8192, lanes=(LaneCounts(4500, 1, 4500, 1),)
)


def books_of(directory: Path, stack: ExitStack) -> tuple[Bookkeeper, Bookkeeper]:
    """Both ends of a link, with everything on disk."""
    ledger = Ledger(stack.enter_context(LedgerFile(directory / "ledger.csv")))
    trace = stack.enter_context(Trace(FileSink(directory / "events.jsonl")))

    def end(name: str) -> Bookkeeper:
        store = stack.enter_context(UserStore(directory / f"{name}.sqlite"))
        return Bookkeeper(LINK, name, ledger=ledger, trace=trace, store=store, pads=bytes(64))

    return end("Alice"), end("Bob")


def good_round(number: int) -> tuple[events.Event, ...]:
    """All that one end tells of a round with a kilobyte of key."""
    return (
        events.RoundStarted(number),
        events.RoundSifted(number, 9000),
        events.BlockHeld(number, number, KEY, 8192, b"decision", BOOKS),
        events.BlockUsable(number, KEY[32:], 7936, KEY[:32], BOOKS),
        events.PadsSpent(number + 1, 256),
    )


def held_bytes() -> int:
    """What Python's objects take."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.slow
def test_memory_does_not_grow_with_rounds(tmp_path: Path) -> None:
    """After 12 rounds and after 120 the same is held, and comparing all keys needs a few.

    The bound is a fifth of the keys alone; SQLite's bookkeeping of cursors needs some of it.
    """
    tracemalloc.start()
    try:
        with ExitStack() as stack:
            books = books_of(tmp_path, stack)
            levels = []
            for number in range(10 * ROUNDS):
                for keeper in books:
                    keeper.record(good_round(number), number)
                if number + 1 in (ROUNDS, 10 * ROUNDS):
                    levels.append(held_bytes())
            assert levels[1] - levels[0] < 2 * 9 * ROUNDS * len(KEY) / 5
            before = held_bytes()
            tracemalloc.reset_peak()
            compared = compare_pools(books[0].pool, books[1].pool)
            peak_bytes = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert compared == Comparison(equal=10 * ROUNDS)
    assert peak_bytes < 2 * 10 * ROUNDS * len(KEY) / 4
    *histories, both = pool_histories(read_ledger(tmp_path / "ledger.csv"))
    assert [history.deposited_bits for history in histories] == [10 * ROUNDS * 7936] * 2
    assert both.levels_bits[-1] == 10 * ROUNDS * 7936
