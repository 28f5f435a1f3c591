"""The bookkeeper: which event moves which bits, and what may be read of it."""

import json

import pytest

from netsim.kernel.trace import MemorySink, Trace
from netsim.pools.audit import check_balance
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.counts import failures, reasons_of
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.store import UserStore
from protocols import events
from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason

LINK, END = "alice-bob", "alice"
PADS = bytes(range(1, 97))
KEY = bytes(range(100, 150))
BOOKS = RoundBooks(
    sifted_bits=1000,
    parity_bits=200,
    verification_bits=64,
    charge_bits=240,
    key_bits=400,
    lanes=(LaneCounts(500, 10, 500, 5),),
    round_trips=7,
    forgery_probability=1e-27,
)


class Books:
    """A bookkeeper with its ledger and trace, and a clock that ticks with every event."""

    def __init__(self) -> None:
        self.movements: list[Movement] = []
        self.ledger, self.sink = Ledger(self.movements), MemorySink()
        self.keeper = Bookkeeper(
            LINK,
            END,
            ledger=self.ledger,
            trace=Trace(self.sink),
            store=UserStore(),
            pads=PADS,
        )
        self.time_ps = 0

    def record(self, *found: events.Event) -> None:
        """Record events one after the other."""
        for event in found:
            self.time_ps += 1000
            self.keeper.record([event], self.time_ps)

    def __getitem__(self, account: Account) -> int:
        return self.ledger.balance(LINK, END, account)


def good_round(number: int = 0) -> tuple[events.Event, ...]:
    """A round as the announcer tells it; 32 bytes of the block go to the reserve."""
    return (
        events.RoundStarted(number),
        events.RoundSifted(number, 1000),
        events.BlockHeld(number, number, KEY, 400, b"decision", BOOKS),
        events.PadsSpent(number, 256) if number else events.Alarm(0, "nothing"),
        events.BlockUsable(number, KEY[32:], 144, KEY[:32], BOOKS),
    )


def test_preshared_key_is_booked_first() -> None:
    """The reserve begins with the pads, which count as given, not as produced."""
    books = Books()
    assert books[Account.RESERVE] == -books[Account.PRESHARED] == 8 * len(PADS)
    assert books.keeper.counts.deposited_bits == 0


def test_good_round() -> None:
    """Sifted = amplified away + pool + reserve; what was disclosed is noted beside."""
    books = Books()
    books.record(*good_round())
    assert books[Account.LIGHT] == -1000
    assert books[Account.AMPLIFIED] == 600
    assert books[Account.POOL] == 144
    assert books[Account.RESERVE] == 8 * len(PADS) + 256
    assert books[Account.OPEN] == books[Account.DOUBT] == 0
    assert books[Account.WIRE] == 264
    assert check_balance(books.movements) == []
    counts = books.keeper.counts
    assert (counts.blocks, counts.blocks_failed) == (1, 0)
    assert (counts.sifted_bits, counts.deposited_bits) == (1000, 400)
    assert (counts.leaked_bits, counts.verified_leak_bits, counts.charged_bits) == (200, 200, 240)


def test_pool_gets_the_rest_of_the_block() -> None:
    """The deposited key is what the event holds, under the round's number."""
    books = Books()
    books.record(*good_round(0), *good_round(1))
    found = {block.round: block.key for block in books.keeper.pool.blocks()}
    assert found == {0: KEY[32:], 1: KEY[32:]}
    assert books.keeper.pool.level_bits == books[Account.POOL] == 288
    assert books.keeper.counts.auth_spent_bits == books[Account.SPENT] == 256


def test_aborted_round() -> None:
    """All its sifted bits fail; its leak and its verification stay in the books."""
    books, failed = Books(), BOOKS._replace(lanes=(), charge_bits=0)
    books.record(
        events.RoundStarted(0),
        events.RoundSifted(0, 1000),
        events.RoundAborted(0, AbortReason.VERIFICATION_FAILED, failed),
    )
    assert books[Account.FAILED] == 1000
    assert books[Account.WIRE] == 264
    assert check_balance(books.movements) == []
    counts = books.keeper.counts
    assert (counts.blocks, counts.blocks_failed, counts.sifted_bits) == (1, 1, 1000)
    assert (counts.leaked_bits, counts.verified_leak_bits) == (200, 0)
    assert counts.failure_probability == 1e-27


def test_round_aborted_before_it_was_sifted() -> None:
    """A round without sifted bits is counted and moves nothing."""
    books = Books()
    before = len(books.movements)
    books.record(events.RoundAborted(0, AbortReason.TIMED_OUT, RoundBooks()))
    assert len(books.movements) == before
    assert books.keeper.counts.blocks_failed == 1


def test_dropped_block() -> None:
    """A prepared block whose round is aborted fails after all; the round is counted once."""
    books = Books()
    books.record(
        events.RoundSifted(0, 1000),
        events.BlockPrepared(0, 0, KEY, 400, b"vote", b"digests", BOOKS),
        events.BlockDropped(0, 400, AbortReason.AUTHENTICATION_FAILED),
        events.RoundAborted(0, AbortReason.PEER_ABORTED, BOOKS),
    )
    assert books[Account.DOUBT] == 0
    assert books[Account.FAILED] == 400
    assert books[Account.AMPLIFIED] == 600
    assert books[Account.WIRE] == 264
    assert check_balance(books.movements) == []
    assert (books.keeper.counts.blocks, books.keeper.counts.sifted_bits) == (1, 1000)


def test_checks_outside_of_rounds_add_to_the_bound() -> None:
    """Wrong tags and the closing ones: in the counts, and beside the line of the trace."""
    books = Books()
    books.record(
        events.Alarm(0, "bad vote tag", 1e-3),
        events.Alarm(0, "something else"),
        events.LinkClosed(1, b"closed", 2e-3),
    )
    assert books.keeper.counts.failure_probability == pytest.approx(3e-3)
    told = [event.get("forgery_probability") for event in books.sink.events]
    assert told == [1e-3, None, 2e-3]


def test_crash_loses_open_rounds() -> None:
    """Sifted bits that were in no durable block fail, once; a block in doubt stays in doubt."""
    books = Books()
    books.record(
        events.RoundSifted(0, 1000),
        events.BlockHeld(0, 0, KEY, 400, b"decision", BOOKS),
        events.RoundSifted(1, 900),
    )
    books.record(events.RoundStarted(2), events.RoundStarted(3))
    books.record(events.RoundSampled(1, 50))
    open_books = {1: RoundBooks(sifted_bits=900, parity_bits=33), 2: RoundBooks(sifted_bits=70)}
    books.keeper.lose_open_rounds(10_000, open_books)
    books.keeper.lose_open_rounds(20_000, {})
    assert books[Account.FAILED] == 850 + 70
    assert books[Account.SAMPLED] == 50
    assert books[Account.PARITIES] == -(BOOKS.parity_bits + 33)
    assert books[Account.DOUBT] == 400
    assert check_balance(books.movements) == []
    counts = books.keeper.counts
    assert (counts.blocks, counts.blocks_failed, counts.sifted_bits) == (3, 3, 970)
    assert (counts.sampled_bits, counts.leaked_bits) == (50, 33)
    assert books.keeper.reasons == dict.fromkeys([1, 2, 3], "process_stopped")
    told = [event["block"] for event in books.sink.events if event["event"] == "round_aborted"]
    assert told == [1, 2, 3]


def test_a_block_is_settled_once() -> None:
    """A second report of the same block is an error of ours, and nothing is booked for it."""
    books = Books()
    books.record(*good_round())
    balance = books[Account.POOL]
    with pytest.raises((KeyError, ValueError)):
        books.record(good_round()[-1])
    assert books[Account.POOL] == balance


def test_trace_tells_counts_and_no_key() -> None:
    """Every event leaves a line with sizes; none shows key, vote, decision or digest."""
    books = Books()
    books.record(
        *good_round(),
        events.LinkLocked(12.3456, 0.1234567, 17.111, 5000),
        events.SyncFailed(3.456, 5000),
        events.LockLost(1),
        events.ReserveEmpty(2),
        events.LinkClosed(3, b"closed"),
    )
    names = [event["event"] for event in books.sink.events]
    assert names == [
        "round_started",
        "round_sifted",
        "block_held",
        "alarm",
        "block_usable",
        "link_locked",
        "sync_failed",
        "lock_lost",
        "reserve_empty",
        "link_closed",
    ]
    usable = books.sink.events[4]
    assert (usable["deposited_bits"], usable["pool_bits"]) == (144, 144)
    assert usable["qber"] == 0.015
    text = json.dumps(books.sink.events)
    for secret in (KEY[:4], KEY[32:36], b"deci", b"clos"):
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text.replace("link_closed", "")


def test_peers_say_why_they_gave_up() -> None:
    """Own reasons stand; where the peer has aborted its reason does."""
    mine = {0: "peer_aborted", 1: "leak_too_high", 4: "peer_aborted"}
    its = {0: "no_lock", 1: "peer_aborted", 7: "timed_out"}
    assert list(failures(reasons_of(mine, its))) == [
        "rounds without key: 1 leak_too_high + 1 no_lock + 1 peer_aborted"
    ]
    assert list(failures(reasons_of({}, its))) == []


def test_a_flood_of_alarms_is_counted() -> None:
    """All are in the counts; a line stands for each, then for as many as came before it."""
    sink = MemorySink()
    keeper = Bookkeeper(
        LINK, "alice", ledger=Ledger(None), trace=Trace(sink), store=UserStore(), pads=b""
    )
    for number in range(1000):
        keeper.record([events.Alarm(number, "nothing that is true")], number)
    keeper.record([events.Alarm(5, "bad vote tag", 1e-30)], 1000)
    assert keeper.counts.alarms == 1001
    lines = [event for event in sink.events if event["event"] == "alarm"]
    assert [line["block"] for line in lines] == [*range(64), 127, 255, 511, 5]
    assert [line["untold"] for line in lines[64:67]] == [63, 127, 255]
    assert "untold" not in lines[-1]


@pytest.mark.parametrize("sifted_bits", [None, 500])
def test_rounds_lost_in_a_crash_carry_their_epsilons(sifted_bits: int | None) -> None:
    """In their light or behind it: what may have failed in them is in the sums and in the trace."""
    sink, epsilons = MemorySink(), (2.0**-64, 1e-10)
    keeper = Bookkeeper(
        LINK,
        END,
        ledger=Ledger(None),
        trace=Trace(sink),
        store=UserStore(),
        pads=b"",
        round_epsilons=epsilons,
    )
    for number in range(3):
        keeper.record([events.RoundStarted(number)], number)
        if sifted_bits is not None:
            keeper.record([events.RoundSifted(number, sifted_bits)], number)
    keeper.lose_open_rounds(10, {})
    assert keeper.counts.correctness_epsilon == 3 * 2.0**-64
    assert keeper.counts.secrecy_epsilon == pytest.approx(3e-10, rel=1e-12)
    told = [event["epsilon"] for event in sink.events if event["event"] == "round_aborted"]
    assert told == [sum(epsilons)] * 3
