"""Who gets key, in which order, and what is booked of it."""

from collections.abc import Sequence

import numpy as np
import pytest

from netsim.demand.desk import Desk
from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application, OnEmpty, Thresholds
from netsim.kernel.trace import MemorySink, Trace
from netsim.pools.audit import check_balance
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.levels import StockLevels
from netsim.pools.pool import Pool
from protocols.books import RoundBooks
from protocols.events import BlockUsable
from tests.oracles.stock import constant_income, poisson_income

LINK, S = "a-b", 10**12
NO_LIMITS = Thresholds()


class Counter:
    """A desk at pools of made-up income."""

    def __init__(self, *applications: Application, thresholds: Thresholds = NO_LIMITS) -> None:
        self.rows: list[Movement] = []
        self.sink = MemorySink()
        self.ledger = Ledger(self.rows)
        self.stores = StockLevels(), StockLevels()
        one, other = (
            Pool(LINK, end, store=store, ledger=self.ledger)
            for end, store in zip("ab", self.stores, strict=True)
        )
        self.shelf = Shelf((one, other), thresholds, Trace(self.sink))
        self.desk = Desk(self.shelf, applications)
        self.rounds = 0

    def deposit(self, bits: int, time_ps: int, ends: str = "ab") -> None:
        """A block becomes usable, at both ends or at one."""
        event = BlockUsable(self.rounds, b"", bits, b"", RoundBooks())
        for end, store in zip("ab", self.stores, strict=True):
            if end not in ends:
                continue
            store.apply(LINK, [event])
            for way in (
                (Account.LIGHT, Account.OPEN),
                (Account.OPEN, Account.DOUBT),
                (Account.DOUBT, Account.POOL),
            ):
                self.ledger.append(Movement(time_ps, LINK, end, self.rounds, *way, bits))
        self.rounds += 1
        if self.shelf.deposited(time_ps):
            self.desk.serve(time_ps)
            self.shelf.waste(time_ps)

    def told(self, event: str) -> list[dict[str, object]]:
        """Lines of one kind."""
        return [line for line in self.sink.events if line["event"] == event]


WAITS = Application("waits", 100)
GOES = Application("goes", 100, OnEmpty.REJECT)


def test_key_leaves_both_ends_under_one_id() -> None:
    """Over the edge of a block; the books balance, and the trace names who has it."""
    counter = Counter(Application("tunnel", 150))
    counter.deposit(100, S)
    counter.deposit(100, 2 * S)
    counter.desk.arrive(Application("tunnel", 150), 3 * S)
    assert counter.told("key_taken") == [
        {
            "time_ps": 3 * S,
            "link": LINK,
            "end": None,
            "event": "key_taken",
            "application": "tunnel",
            "bits": 150,
            "key": "0.0.100-1.0.50",
            "waited_ps": 0,
        }
    ]
    spent = [(row.end, row.block, row.bits) for row in counter.rows if row.credit is Account.SPENT]
    assert sorted(spent) == [("a", 0, 100), ("a", 1, 50), ("b", 0, 100), ("b", 1, 50)]
    assert check_balance(counter.rows) == []


def test_only_what_both_ends_have_is_given() -> None:
    """A block that one end has not settled yet waits."""
    counter = Counter(GOES)
    counter.deposit(100, S, ends="a")
    counter.desk.arrive(GOES, 2 * S)
    assert counter.desk.counts[GOES].rejected == 1
    assert counter.shelf.counts.empty_ps == 2 * S


def test_waiting_in_order_of_priority_and_arrival() -> None:
    """Who needs little does not overtake; whom the deadline passes goes without."""
    first, large = Application("first", 50, priority=1), Application("large", 200)
    small, hasty = Application("small", 10), Application("hasty", 10, deadline_ps=2 * S)
    counter = Counter(first, large, small, hasty)
    for time_s, application in enumerate((large, small, hasty, first)):
        counter.desk.arrive(application, time_s * S)
    counter.deposit(100, 4 * S)
    assert [line["application"] for line in counter.told("key_taken")] == ["first"]
    counter.deposit(200, 5 * S)
    assert [line["application"] for line in counter.told("key_taken")][1:] == ["large", "small"]
    counts = counter.desk.counts
    assert (counts[large].waited_ps, counts[large].longest_wait_ps) == (5 * S, 5 * S)
    assert counts[hasty].expired == 1
    counter.desk.arrive(large, 6 * S)
    counter.desk.arrive(hasty, 7 * S)
    counter.desk.finish(9 * S)
    assert (counts[large].waiting, counts[hasty].waiting, counts[hasty].expired) == (1, 0, 2)


def test_who_does_not_wait_goes_behind_who_does() -> None:
    """Unless its priority is higher."""
    large, urgent = Application("large", 500), Application("urgent", 100, OnEmpty.REJECT, None, 1)
    counter = Counter(large, GOES, urgent)
    counter.deposit(300, S)
    for application in (large, GOES, urgent):
        counter.desk.arrive(application, 2 * S)
    counts = counter.desk.counts
    assert (counts[GOES].rejected, counts[urgent].served, counts[large].served) == (1, 1, 0)


def test_who_waits_behind_a_request_that_is_of_no_use_is_served_then() -> None:
    """At its deadline, not with the next key; who does not wait finds the way free, too."""
    large, small = Application("large", 500, deadline_ps=5 * S), Application("small", 100)
    counter = Counter(large, small, GOES)
    counter.deposit(300, S)
    counter.desk.arrive(large, 2 * S)
    counter.desk.arrive(small, 3 * S)
    counter.desk.expire(6 * S)
    assert not counter.told("key_taken")
    assert counter.desk.next_deadline_ps == 7 * S
    counter.desk.expire(7 * S)
    (line,) = counter.told("key_taken")
    assert (line["application"], line["time_ps"], line["waited_ps"]) == ("small", 7 * S, 4 * S)
    counter.desk.arrive(large, 8 * S)
    counter.desk.arrive(GOES, 14 * S)
    counts = counter.desk.counts
    assert (counts[GOES].served, counts[large].expired) == (1, 2)


def test_thresholds() -> None:
    """The minimum is kept, what exceeds the maximum is wasted, crossings have lines."""
    counter = Counter(GOES, thresholds=Thresholds(150, 250, 400))
    counter.deposit(300, S)
    counter.deposit(300, 2 * S)
    pool = counter.shelf.counts
    assert (pool.wasted_bits, counter.shelf.level_bits) == (200, 400)
    for time_s in (3, 4, 5):
        counter.desk.arrive(GOES, time_s * S)
    assert (counter.desk.counts[GOES].served, counter.desk.counts[GOES].rejected) == (2, 1)
    assert (pool.lowest_bits, pool.taken_bits, pool.offered_bits) == (200, 200, 600)
    counter.deposit(100, 7 * S)
    counter.shelf.finish(10 * S)
    assert pool.low_ps == S + 3 * S
    states = [line["state"] for line in counter.told("pool_crossed")]
    assert states == ["ready", "full", "ready", "below threshold", "ready"]
    wasted = sum(row.bits for row in counter.rows if row.credit is Account.WASTED)
    assert wasted == 2 * 200
    assert check_balance(counter.rows) == []


def test_less_often_at_a_low_pool() -> None:
    """Every second request is given up below the threshold, none above it."""
    eager = Application("eager", 10, OnEmpty.LESS_OFTEN)
    counter = Counter(eager, thresholds=Thresholds(0, 100))
    counter.deposit(140, S)
    for time_s in range(2, 14):
        counter.desk.arrive(eager, time_s * S)
    counts = counter.desk.counts[eager]
    # Five requests bring 140 bits to 90; of the other seven every second one is given up.
    assert (counts.served, counts.given_up, counts.rejected) == (5 + 4, 3, 0)


def replicas(most: int, keys: int, seeds: Sequence[int], poisson: bool) -> list[float]:
    """Blocked shares of runs of their own."""
    return [run(most, keys, np.random.default_rng(seed), poisson=poisson) for seed in seeds]


def run(most: int, keys: int, rng: np.random.Generator, *, poisson: bool) -> float:
    """One run: 8 requests a minute, as much key, of which the stock holds ``most`` keys.

    It begins empty. By the chains the minutes that do not count bring it so near to the steady
    state that the share is off by less than 1e-5.
    """
    counter = Counter(GOES, thresholds=Thresholds(0, 0, 100 * most))
    minutes, uncounted, mean = 70, 10, 8.0
    requests = np.sort(rng.uniform(0, 60 * minutes, rng.poisson(mean * minutes)))
    if poisson:
        income = np.sort(rng.uniform(0, 60 * minutes, rng.poisson(mean * minutes)))
    else:
        income = np.arange(0, minutes, keys / mean) * 60
    agenda = sorted([(t, 0) for t in income] + [(t, 1) for t in requests])
    before, counts = (0, 0), counter.desk.counts[GOES]
    for time_s, what in agenda:
        time_ps = round(time_s * S)
        if what:
            counter.desk.arrive(GOES, time_ps)
        else:
            counter.deposit(100 * keys, time_ps)
        if time_s < 60 * uncounted:
            before = counts.rejected, counts.arrived
    return (counts.rejected - before[0]) / (counts.arrived - before[1])


@pytest.mark.parametrize(
    ("most", "keys", "poisson"),
    [
        pytest.param(6, 1, True, marks=pytest.mark.slow),
        pytest.param(6, 1, False, marks=pytest.mark.slow),
        pytest.param(12, 8, False, marks=pytest.mark.slow),
        (9, 3, False),
    ],
)
def test_blocked_share_is_that_of_the_chain(most: int, keys: int, poisson: bool) -> None:
    """Within four standard errors of the mean of 20 runs, which show their own spread."""
    shares = np.array(replicas(most, keys, range(20), poisson))
    expected = poisson_income(8, 8, most) if poisson else constant_income(keys, keys, most)
    error = shares.std(ddof=1) / shares.size**0.5
    assert error < 0.1 * expected
    assert abs(shares.mean() - expected) < 4 * error
