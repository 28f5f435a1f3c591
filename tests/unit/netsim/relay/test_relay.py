"""Which way a key goes, what every pool pays, and what is nobody else's then."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

import pytest

from netsim.demand.desk import Desk
from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application, OnEmpty, Thresholds
from netsim.kernel.trace import MemorySink, Trace
from netsim.pools.audit import check_balance
from netsim.pools.key import pieces_of
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.pool import Pool
from netsim.pools.store import UserStore
from netsim.relay.courier import OnArrival
from netsim.relay.relay import Relay, Relays
from netsim.relay.terms import RelayTerms
from protocols.books import RoundBooks
from protocols.events import BlockPrepared, BlockUsable
from protocols.relay import hop_bits

S = 10**12
TUNNEL = Application("tunnel", 256)
HOP_BITS = 256 + 192 + 256
SQUARE = (("ann", "bob"), ("ann", "cleo"), ("bob", "dan"), ("cleo", "dan"))


class Square:
    """Users whose stores hold key; ann and dan share no link."""

    def __init__(self, links: Iterable[tuple[str, str]] = SQUARE, **limits: Thresholds) -> None:
        self.rows: list[Movement] = []
        self.sink = MemorySink()
        self.trace = Trace(self.sink)
        self.ledger = Ledger(self.rows)
        self.stores = {name: UserStore() for link in links for name in link}
        self.pools = {
            (link, end): self._pool("-".join(link), end) for link in links for end in link
        }
        self.shelves = {
            link: Shelf(
                (self.pools[link, link[0]], self.pools[link, link[1]]),
                limits.get("_".join(link), Thresholds()),
                self.trace,
            )
            for link in links
        }
        self.claimed: set[str] = set()
        self.down: set[str] = set()
        self.relays = Relays(
            self.shelves,
            lambda shelf: shelf.link in self.claimed,
            lambda user: user not in self.down,
            count(),
            self.trace,
        )
        self.rounds = count()

    def _pool(self, link: str, end: str) -> Pool:
        self.stores[end].open_link(link, b"")
        return Pool(link, end, store=self.stores[end], ledger=self.ledger)

    def deposit(self, one: str, other: str, bits: int, time_ps: int = S) -> None:
        """A block becomes usable at both ends of a link."""
        number, link = next(self.rounds), f"{one}-{other}"
        key = bytes((37 * number + 11 * k) % 256 for k in range(-(-bits // 8)))
        for end in (one, other):
            self.put(end, link, number, key, time_ps)
        self.shelves[one, other].deposited(time_ps)

    def put(self, end: str, link: str, number: int, key: bytes, time_ps: int = S) -> None:
        """At one end."""
        bits, books = 8 * len(key), RoundBooks()
        prepared = BlockPrepared(number, number, key, bits, b"", b"", books)
        self.stores[end].apply(link, [prepared, BlockUsable(number, key, bits, b"", books)])
        for way in (
            (Account.LIGHT, Account.OPEN),
            (Account.OPEN, Account.DOUBT),
            (Account.DOUBT, Account.POOL),
        ):
            self.ledger.append(Movement(time_ps, link, end, number, *way, bits))

    def relay(self, **terms: object) -> Relay:
        """From ann to dan."""
        return Relay(("ann", "dan"), RelayTerms(**terms), self.relays)  # type: ignore[arg-type]

    def spent(self) -> Counter[tuple[str, str]]:
        """Bits that have left the pools for use."""
        found = Counter[tuple[str, str]]()
        for row in self.rows:
            if (row.debit, row.credit) == (Account.POOL, Account.SPENT):
                found[row.link, row.end] += row.bits
        return found

    def told(self, event: str) -> list[dict[str, object]]:
        """Lines of one kind."""
        return [line for line in self.sink.events if line["event"] == event]


def ask(relay: Relay, time_ps: int) -> str:
    """What comes of a request of one second."""
    given: list[int] = []
    if not relay.give(TUNNEL, S, time_ps, given.append):
        return "short"
    return "served" if given == [time_ps] else "lost"


def full_square(bits: int = 2000, **limits: Thresholds) -> Square:
    """All four links have as much."""
    square = Square(SQUARE, **limits)
    for link in SQUARE:
        square.deposit(*link, bits)
    return square


def test_every_pool_on_the_way_pays_exactly() -> None:
    """Tag, check and pad at both ends of both hops, and no other pool anything."""
    square = full_square()
    assert ask(square.relay(), 2 * S) == "served"
    assert hop_bits(256) == HOP_BITS
    assert square.spent() == {
        ("ann-bob", "ann"): HOP_BITS,
        ("ann-bob", "bob"): HOP_BITS,
        ("bob-dan", "bob"): HOP_BITS,
        ("bob-dan", "dan"): HOP_BITS,
    }
    (line,) = square.told("key_relayed")
    assert (line["over"], line["is_equal"], line["waited_ps"]) == ("bob", True, S)
    assert check_balance(square.rows) == []


def test_the_way_with_more_is_taken() -> None:
    """Of two as long the one whose pools are fuller; of a longer and a shorter the shorter."""
    square = full_square()
    square.deposit("ann", "cleo", 3000)
    ask(square.relay(), S)
    assert square.told("key_relayed")[0]["over"] == "cleo"
    long = Square(
        (("ann", "bob"), ("bob", "cleo"), ("cleo", "dan"), ("ann", "eve"), ("dan", "eve"))
    )
    for link in long.shelves:
        long.deposit(*link, 10_000)
    ask(long.relay(), S)
    assert long.told("key_relayed")[0]["over"] == "eve"


def test_two_paths_or_nothing() -> None:
    """A key over both, and none over one when two are asked for."""
    square = full_square()
    relay = square.relay(paths=2)
    assert ask(relay, S) == "served"
    assert square.told("key_relayed")[0]["over"] == "bob + cleo"
    assert set(square.spent().values()) == {HOP_BITS}
    square.deposit("ann", "bob", 10_000)
    assert ask(relay, S) == "served"
    assert ask(relay, S) == "short"
    assert relay.counts_of("tunnel").paid_bits == dict.fromkeys(
        ("ann-bob", "ann-cleo", "bob-dan", "cleo-dan"), 2 * HOP_BITS
    )


def test_no_two_relays_get_the_same_bits() -> None:
    """Two at one time over one hop with bits for one: the other finds none, and nothing is left."""
    square = Square()
    for link, bits in zip(SQUARE[::2], (HOP_BITS, 5000), strict=True):
        square.deposit(*link, bits)
    one, other = square.relay(), square.relay(through=frozenset({"bob"}))
    assert ask(one, S) == "served"
    assert ask(other, S) == "short"
    square.deposit("ann", "bob", HOP_BITS)
    assert ask(other, S) == "served"
    taken = Counter(
        (line["link"], piece.round, bit)
        for line in square.told("relay_hop")
        for piece in pieces_of(str(line["key"]))
        for bit in range(piece.start, piece.stop)
    )
    assert taken.total() == 4 * HOP_BITS
    assert set(taken.values()) == {1}


def test_what_is_not_to_be_drawn() -> None:
    """Below a minimum, over who may not or cannot, from who waits for key of his own."""
    square = full_square(bits=1000, ann_bob=Thresholds(300, 300))
    assert ask(square.relay(through=frozenset({"bob"})), S) == "short"
    square.claimed = {"cleo-dan"}
    assert ask(square.relay(), S) == "short"
    square.claimed, square.down = set(), {"cleo"}
    assert ask(square.relay(), S) == "short"
    square.down = {"dan"}
    assert ask(square.relay(), S) == "short"
    assert not square.spent()
    square.down = set()
    assert ask(square.relay(), S) == "served"


def test_a_pool_of_ones_own_comes_first() -> None:
    """Nobody is to be trusted with what the two users share; then the others are."""
    square = Square((*SQUARE, ("ann", "dan")))
    for link in square.shelves:
        square.deposit(*link, 1000)
    relay = square.relay()
    for _ in range(4):
        assert ask(relay, S) == "served"
    assert [len(square.told(name)) for name in ("key_taken", "key_relayed")] == [3, 1]


def test_a_dishonest_user_costs_a_request_and_is_avoided() -> None:
    """Over bob and cleo it is found, paid and thrown away; the next key goes over others."""
    links = (*SQUARE, ("ann", "eve"), ("dan", "eve"))
    square = Square(links)
    for link in links:
        square.deposit(*link, 5000 if "eve" in link else 50_000)
    relay = square.relay(paths=2, dishonest=frozenset({"bob"}))
    desk = Desk(relay, [TUNNEL])
    for _ in range(3):
        desk.arrive(TUNNEL, 2 * S)
    assert [line["over"] for line in square.told("key_lost")] == ["bob + cleo", "bob + eve"]
    assert [line["over"] for line in square.told("key_relayed")] == ["cleo + eve"]
    counts = relay.counts_of("tunnel")
    assert (counts.lost, counts.unequal, desk.counts[TUNNEL].served) == (2, 0, 1)
    assert counts.paid_bits.total() == 3 * 4 * HOP_BITS
    assert sum(square.spent().values()) == 2 * 3 * 4 * HOP_BITS
    assert check_balance(square.rows) == []


def test_a_dishonest_user_of_a_single_path_is_counted_by_who_sees_both_ends() -> None:
    """Its ends take two keys for one."""
    square = full_square()
    relay = square.relay(through=frozenset({"bob"}), dishonest=frozenset({"bob"}))
    assert ask(relay, S) == "served"
    assert relay.counts_of("tunnel").unequal == 1


def test_pools_that_differ_are_found() -> None:
    """The two ends of a hop have different bits: no key comes of it."""
    square = Square(SQUARE[::2])
    square.deposit("ann", "bob", 1000)
    square.put("bob", "bob-dan", 1, bytes(125))
    square.put("dan", "bob-dan", 1, bytes(range(125)))
    square.shelves["bob", "dan"].deposited(S)
    assert ask(square.relay(), S) == "lost"
    assert len(square.told("relay_hop")) == 2


@pytest.mark.parametrize(("threshold", "served"), [(0, 4), (3000, 2)])
def test_less_often_where_all_ways_are_low(threshold: int, served: int) -> None:
    """Every second request is given up then."""
    limits = {"_".join(link): Thresholds(0, threshold) for link in SQUARE}
    square = full_square(bits=2900, **limits)
    eager = Application("eager", 256, OnEmpty.LESS_OFTEN)
    desk = Desk(square.relay(), [eager])
    for _ in range(4):
        desk.arrive(eager, 2 * S)
    assert desk.counts[eager].served == served


def test_a_relay_on_its_way() -> None:
    """It has paid, and serves when its messages are there; too late, or never, it is lost."""
    square, under_way = full_square(bits=10_000), list[OnArrival]()
    square.relays = replace(
        square.relays, courier=lambda _errand, _ps, then: under_way.append(then)
    )
    relay = square.relay()
    hasty = replace(TUNNEL, name="hasty", deadline_ps=S)
    desk = Desk(relay, [TUNNEL, hasty])
    for application in (TUNNEL, hasty, TUNNEL):
        desk.arrive(application, 2 * S)
    assert (desk.counts[TUNNEL].served, desk.first) == (0, None)
    assert sum(square.spent().values()) == 3 * 4 * HOP_BITS
    under_way[1](3 * S)
    under_way[0](5 * S)
    under_way[0](6 * S)
    relay.finish(7 * S)
    under_way[2](8 * S)
    assert desk.counts[TUNNEL].served == 1
    assert desk.counts[TUNNEL].waited_ps == 3 * S
    assert desk.counts[hasty].served == 0
    assert [line["time_ps"] for line in square.told("key_lost")] == [3 * S, 7 * S]
    assert relay.counts_of("hasty").lost == relay.counts_of("tunnel").lost == 1
    assert relay.counts_of("tunnel").routes.total() == 1
