"""The store: what an endpoint finds again after a crash, and what is gone for good."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netsim.pools.key import KeyBlock, Piece
from netsim.pools.store import UserStore
from protocols import events
from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason, Role

LINK, OTHER = "alice-bob", "alice-dave"
PADS = bytes(range(1, 97))
"""Three rounds."""
BOOKS = RoundBooks(
    sifted_bits=1000,
    parity_bits=200,
    verification_bits=64,
    lanes=(LaneCounts(500, 10, 400, 5), LaneCounts(60, 1, 40, 0)),
    forgery_probability=1e-27,
)
KEY = b"a key that is secret, 32 bytes.."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "alice.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[UserStore]:
    """A store with two links."""
    with UserStore(path) as found:
        found.open_link(LINK, PADS)
        found.open_link(OTHER, PADS[::-1])
        yield found


def prepare(store: UserStore, number: int = 0) -> None:
    event = events.BlockPrepared(number, number, KEY, 256, b"vote", b"digests", BOOKS)
    store.apply(LINK, [event])


def settle(store: UserStore, number: int = 0) -> None:
    """The front of the block (16 bytes a role) goes to the reserve."""
    store.apply(LINK, [events.BlockUsable(number, KEY[:20], 155, PADS[:32], BOOKS)])


def test_new_link(store: UserStore) -> None:
    """Pads by round and role, no round begun, nothing in doubt."""
    state = store.state(LINK)
    assert (state.last_round, state.provisioned_pads) == (-1, 3)
    assert state.pads[0, Role.ANNOUNCER] == PADS[:16]
    assert state.pads[2, Role.RESPONDER] == PADS[80:]
    assert len(state.pads) == 6
    assert (state.in_doubt, state.closed) == ((), None)
    assert store.state(OTHER).pads[0, Role.ANNOUNCER] == PADS[:-17:-1]


def test_unknown_link(store: UserStore) -> None:
    """There is no state of a link that was never opened."""
    with pytest.raises(KeyError, match="bob-dave"):
        store.state("bob-dave")


def test_started_rounds_are_remembered(store: UserStore) -> None:
    """The highest round that has begun stays; the other link's is its own."""
    store.apply(LINK, [events.RoundStarted(4)])
    assert store.state(LINK).last_round == 4
    assert store.state(OTHER).last_round == -1


def test_block_in_doubt_comes_back_whole(store: UserStore) -> None:
    """Key, vote, digests and books of a prepared block are those that went in."""
    prepare(store)
    (block,) = store.state(LINK).in_doubt
    assert (block.round, block.key, block.key_bits) == (0, KEY, 256)
    assert (block.message, block.digests, block.books) == (b"vote", b"digests", BOOKS)
    assert list(store.blocks(LINK)) == []


def test_held_blocks_come_back_in_order(store: UserStore) -> None:
    """An announcer may hold several."""
    for number in (5, 2, 9):
        store.apply(LINK, [events.BlockHeld(number, number, KEY, 256, b"decision", BOOKS)])
    found = store.state(LINK).in_doubt
    assert [block.round for block in found] == [2, 5, 9]
    assert {block.message for block in found} == {b"decision"}


def test_settled_block_moves_to_pool_and_pads(store: UserStore) -> None:
    """Nothing is in doubt any more; the rest is usable; the reserve has grown by a round."""
    prepare(store)
    settle(store)
    state = store.state(LINK)
    assert state.in_doubt == ()
    assert list(store.blocks(LINK)) == [KeyBlock(0, KEY[:20], 155, (Piece(0, 0, 155),))]
    assert store.stock_bits(LINK) == 155
    assert state.provisioned_pads == 4
    assert state.pads[3, Role.ANNOUNCER] == PADS[:16]
    assert state.pads[3, Role.RESPONDER] == PADS[16:32]


def test_dropped_block_is_gone(store: UserStore) -> None:
    """Neither in doubt nor usable."""
    prepare(store)
    store.apply(LINK, [events.BlockDropped(0, 256, AbortReason.AUTHENTICATION_FAILED)])
    assert store.state(LINK).in_doubt == ()
    assert list(store.blocks(LINK)) == []


def test_links_are_apart(store: UserStore) -> None:
    """What is settled, dropped and taken of one link is not of the other; they stay in order."""
    prepare(store)
    prepared = events.BlockPrepared(0, 0, KEY[::-1], 256, b"vote", b"digests", BOOKS)
    store.apply(OTHER, [prepared])
    store.apply(LINK, [events.BlockDropped(0, 256, AbortReason.NO_KEY)])
    assert [block.key for block in store.state(OTHER).in_doubt] == [KEY[::-1]]
    store.apply(OTHER, [events.BlockUsable(0, KEY[::-1], 256, b"", BOOKS)])
    assert [store.state(link).settled_round for link in (LINK, OTHER)] == [-1, 0]
    assert [store.stock_bits(link) for link in (LINK, OTHER)] == [0, 256]
    prepare(store)
    settle(store)
    store.draw(LINK, 155)
    assert store.draw(OTHER, 256).bits == KEY[::-1]
    store.open_link("alice-bea", b"")
    assert store.links() == (LINK, OTHER, "alice-bea")


def test_what_goes_takes_no_other_block_along(store: UserStore) -> None:
    """Dropped, or taken to its last bit: the block of the next round keeps all of its bits."""
    for number in range(4):
        prepare(store, number)
    store.apply(LINK, [events.BlockDropped(0, 256, AbortReason.NO_KEY)])
    assert [(block.round, block.key) for block in store.state(LINK).in_doubt] == [
        (number, KEY) for number in (1, 2, 3)
    ]
    for number in (1, 2):
        settle(store, number)
    last_byte = bytes([KEY[19] & 0b11100000])
    for number in (1, 2):
        key = store.draw(LINK, 155)
        assert (key.id, key.bits) == (f"{number}.0.155", KEY[:19] + last_byte)
    assert store.state(LINK).in_doubt[0].key == KEY


def test_a_block_that_is_taken_leaves_no_key_row(store: UserStore) -> None:
    """Its row goes with its last bit, not before."""
    prepare(store)
    settle(store)
    kept = "SELECT count(*) FROM keys"
    store.draw(LINK, 154)
    assert store._db.execute(kept).fetchone() == (1,)
    assert store.fetch(LINK, [Piece(0, 154, 155)]).bits == bytes([KEY[19] << 2 & 0x80])
    assert store._db.execute(kept).fetchone() == (0,)
    assert list(store.blocks(LINK)) == [KeyBlock(0, b"", 155, ())]


def test_spent_pads_are_gone(store: UserStore) -> None:
    """Pads below an index leave; those of the index itself and of other links stay."""
    store.apply(LINK, [events.PadsSpent(2, 512)])
    assert set(store.state(LINK).pads) == {(2, Role.ANNOUNCER), (2, Role.RESPONDER)}
    assert len(store.state(OTHER).pads) == 6
    assert (store.state(LINK).next_pad, store.state(LINK).provisioned_pads) == (2, 3)


def test_closing_is_remembered_for_good(store: UserStore) -> None:
    """Round and message of the closing exchange stay, whatever round is said to begin."""
    store.apply(LINK, [events.ClosingVoted(3)])
    assert (store.state(LINK).is_closing, store.state(LINK).closed) == (True, None)
    store.apply(LINK, [events.LinkClosed(3, b"closed"), events.RoundStarted(4)])
    assert store.state(LINK).closed == (3, b"closed")
    assert not store.state(OTHER).is_closing


def test_other_events_change_nothing(store: UserStore) -> None:
    """What need not survive is ignored."""
    before = store.state(LINK)
    store.apply(LINK, [])
    for event in (
        events.LinkLocked(1.0, 2.0, 3.0, 4),
        events.RoundSifted(1, 5),
        events.RoundAborted(1, AbortReason.NO_KEY, BOOKS),
        events.Alarm(1, "x"),
        events.ReserveEmpty(1),
    ):
        store.apply(LINK, [event])
    assert store.state(LINK) == before


def test_a_killed_process_loses_nothing(path: Path) -> None:
    """A second opening of the file, without the first having closed it, sees every event."""
    first = UserStore(path)
    first.open_link(LINK, PADS)
    first.apply(LINK, [events.RoundStarted(0)])
    prepare(first)
    with UserStore(path) as second:
        assert second.state(LINK) == first.state(LINK)
        assert second.state(LINK).in_doubt[0].key == KEY
    first.close()


def test_signed_decisions_are_remembered_until_they_are_taken(store: UserStore) -> None:
    """What the announcer has signed comes back, though the pads and the block are settled."""
    held = events.BlockHeld(4, 1, KEY, 256, b"commit", BOOKS)
    usable = events.BlockUsable(4, KEY, 256, b"", BOOKS)
    store.apply(LINK, [events.AbortSigned(7, 0, b"abort"), held, events.PadsSpent(2, 512), usable])
    assert store.state(LINK).decisions == ((0, b"abort"), (1, b"commit"))
    assert (store.state(LINK).last_round, store.state(LINK).settled_round) == (-1, 4)
    store.apply(LINK, [events.DecisionsTaken(1)])
    assert store.state(LINK).decisions == ((1, b"commit"),)


def test_a_pad_signs_one_decision(store: UserStore) -> None:
    """A second one is refused, and with it the whole step."""
    store.apply(LINK, [events.AbortSigned(7, 1, b"abort")])
    with pytest.raises(ValueError, match=r"pad 1 of .* has signed already"):
        store.apply(LINK, [events.BlockHeld(4, 1, KEY, 256, b"commit", BOOKS)])
    assert store.state(LINK).in_doubt == ()
    assert store.state(LINK).decisions == ((1, b"abort"),)


def test_a_step_is_durable_as_a_whole(store: UserStore) -> None:
    """One event that fails takes back all of its step."""
    prepare(store)
    before = store.state(LINK)
    usable = events.BlockUsable(0, KEY[:20], 155, PADS[:32], BOOKS)
    twice = events.BlockPrepared(0, 0, KEY, 256, b"vote", b"digests", BOOKS)
    with pytest.raises(Exception, match="UNIQUE"):
        store.apply(LINK, [usable, events.PadsSpent(1, 256), twice])
    assert store.state(LINK) == before


def test_a_failed_event_leaves_no_half(store: UserStore) -> None:
    """A block that is prepared twice is an error, and leaves the first one as it was."""
    prepare(store)
    before = store.state(LINK)
    with pytest.raises(Exception, match="UNIQUE"):
        prepare(store)
    assert store.state(LINK) == before


def test_spent_key_is_not_in_the_file(path: Path) -> None:
    """Pads that are spent and blocks that are dropped leave no bytes behind in the closed file."""
    with UserStore(path) as store:
        store.open_link(LINK, PADS)
        prepare(store)
        store.apply(LINK, [events.BlockDropped(0, 256, AbortReason.AUTHENTICATION_FAILED)])
        store.apply(LINK, [events.PadsSpent(2, 512)])
    content = path.read_bytes()
    assert KEY not in content
    assert PADS[:16] not in content
    assert PADS[64:80] in content
    assert not path.with_name("alice.sqlite-wal").exists()


def secrets_on_disk(path: Path, secret: bytes) -> list[str]:
    """Names of the files beside ``path`` that hold a whole pad of ``secret``, for a thief."""
    pads = [secret[at : at + 16] for at in range(0, len(secret), 16)]
    files = sorted(path.parent.glob(path.name + "*"))
    return [file.name for file in files if any(pad in file.read_bytes() for pad in pads)]


def test_spent_key_is_not_in_the_open_file_or_its_log(path: Path) -> None:
    """What is spent is gone from file and log before the store says so, not when it is closed."""
    with UserStore(path) as store:
        store.open_link(LINK, PADS)
        prepare(store)
        settle(store)
        assert secrets_on_disk(path, PADS)
        store.apply(LINK, [events.PadsSpent(4, 1024)])
        assert secrets_on_disk(path, PADS) == []
        prepare(store, 1)
        assert secrets_on_disk(path, KEY)
        store.apply(LINK, [events.BlockDropped(1, 256, AbortReason.AUTHENTICATION_FAILED)])
        assert secrets_on_disk(path, KEY[16:]) == []


def test_the_front_of_a_held_block_goes_with_its_pads(path: Path) -> None:
    """It settles without emptying the log; once spent, it is in neither, nor where it was."""
    with UserStore(path) as store:
        store.open_link(LINK, PADS)
        key = PADS[32:64] + KEY
        held = events.BlockHeld(0, 0, key, 512, b"decision", BOOKS)
        store.apply(LINK, [held, events.PadsSpent(3, 768)])
        store.apply(LINK, [events.BlockUsable(0, KEY, 256, key[:32], BOOKS)])
        assert secrets_on_disk(path, PADS)
        store.apply(LINK, [events.PadsSpent(4, 256)])
        assert secrets_on_disk(path, PADS) == []
        assert store.draw(LINK, 256).bits == KEY


def test_what_may_be_forgotten_is_not_written(store: UserStore) -> None:
    """Not even an empty transaction: most steps are such."""
    said: list[str] = []
    store._db.set_trace_callback(said.append)
    store.apply(LINK, [events.RoundSifted(1, 5), events.Alarm(1, "x")])
    assert said == []
    store.apply(LINK, [events.RoundSifted(1, 5), events.RoundStarted(4)])
    assert said
    assert store.state(LINK).last_round == 4


def test_a_reader_delays_emptying_the_log_and_no_more(path: Path) -> None:
    """A process that reads the store holds the log back; the next transaction empties it."""
    with UserStore(path) as store, closing(sqlite3.connect(path)) as reader:
        store._db.execute("PRAGMA busy_timeout = 0")
        store.open_link(LINK, PADS)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM keys").fetchone()
        store.apply(LINK, [events.PadsSpent(2, 512)])
        assert secrets_on_disk(path, PADS[:64])
        reader.execute("COMMIT")
        prepare(store)
        assert secrets_on_disk(path, PADS[:64]) == []


def test_commits_are_flushed(path: Path) -> None:
    """A power loss undoes no commit: SQLite flushes the log of a database in WAL mode with FULL."""
    with UserStore(path) as store:
        full = 2
        assert store._db.execute("PRAGMA synchronous").fetchone() == (full,)
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_no_digest_of_a_settled_block_is_kept(tmp_path: Path) -> None:
    """Neither in a row nor anywhere in the file: under the kept keys it is an equation for them."""
    path = tmp_path / "bob.sqlite"
    digests = b"digests of both transcripts, 48 bytes in all ..."
    with UserStore(path) as store:
        store.open_link(LINK, PADS)
        prepared = events.BlockPrepared(0, 0, b"\xff" * 4, 32, b"vote", digests, RoundBooks())
        store.apply(LINK, [prepared])
        assert store.state(LINK).in_doubt[0].digests == digests
        store.apply(LINK, [events.BlockUsable(0, b"\xff" * 4, 32, b"", RoundBooks())])
        left = b"".join(found.read_bytes() for found in tmp_path.iterdir())
    assert digests not in left
