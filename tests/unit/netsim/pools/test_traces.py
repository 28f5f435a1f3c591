"""What is spent is gone from the disk: searched in the raw bytes of all files of busy stores."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.pools.store import UserStore
from protocols import events
from protocols.books import RoundBooks
from protocols.messages import AbortReason, Role
from tests.support.traces import pages_of_rows, words_in, words_of, words_on_disk

LINKS = [f"alice-{number}" for number in range(24)]
ROUNDS = 50
AHEAD = 12
"""Indices of pads that a settled block leaves a link with."""
INDEX_BYTES = 32


class Busy:
    """One user's store, and what it should still hold: pads, blocks, digests, by link."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.store = self._opened()
        self.pads = {link: [self._bytes(INDEX_BYTES) for _ in range(AHEAD)] for link in LINKS}
        self.spent: list[bytes] = []
        self.kept: dict[str, dict[int, bytes]] = {link: {} for link in LINKS}
        """Usable blocks, as far as they are left: from the front on they are drawn."""
        for link in LINKS:
            self.store.open_link(link, b"".join(self.pads[link]))

    def _opened(self) -> UserStore:
        store = UserStore(self.path)
        store._db.execute("PRAGMA synchronous = OFF")  # what reaches the disk, not when
        return store

    def _bytes(self, size: int) -> bytes:
        return self.random.randbytes(size)

    def round(self, link: str, number: int) -> None:
        """A block in doubt, settled or dropped, and some key drawn."""
        pads = self.pads[link]
        refill = INDEX_BYTES * (number + 1 + AHEAD - len(pads))
        key = self._bytes(refill + 8 * self.random.randrange(2, 400))
        digests = self._bytes(48) if number % 2 else b""
        self._hold(link, number, key, digests)
        spending = events.PadsSpent(number + 1, 256)
        self.spent += [pads[number], digests]
        if self.random.random() < 0.2 and len(pads) > number + 2:
            self.spent.append(key)
            reason = AbortReason.AUTHENTICATION_FAILED
            self.store.apply(link, [events.BlockDropped(number, 8 * len(key), reason), spending])
        else:
            reserve, rest = key[:refill], key[refill:]
            pads += [reserve[at : at + INDEX_BYTES] for at in range(0, refill, INDEX_BYTES)]
            self.kept[link][number] = rest
            usable = events.BlockUsable(number, rest, 8 * len(rest), reserve, RoundBooks())
            self.store.apply(link, [usable, spending])
        if self.random.random() < 0.7:
            self.draw(link)

    def _hold(self, link: str, number: int, key: bytes, digests: bytes) -> None:
        bits, books = 8 * len(key), RoundBooks()
        block: events.Event = events.BlockHeld(number, number, key, bits, bytes(99), books)
        if digests:
            block = events.BlockPrepared(number, number, key, bits, bytes(99), digests, books)
        self.store.apply(link, [events.RoundStarted(number), block])

    def draw(self, link: str) -> None:
        """Take whole words from the front of what is left of the link."""
        left = self.kept[link]
        words = self.random.randrange(sum(map(len, left.values())) // 8 + 1)
        if not words:
            return
        taken = self.store.draw(link, 64 * words).bits
        assert taken == b"".join(left[number] for number in sorted(left))[: 8 * words]
        self.spent.append(taken)
        for number in sorted(left):
            gone = min(len(left[number]), len(taken))
            left[number], taken = left[number][gone:], taken[gone:]

    def live(self, spent_pads: int) -> set[int]:
        """All that is not spent."""
        pads = [pad for each in self.pads.values() for pad in each[spent_pads:]]
        return words_of([*pads, *(rest for left in self.kept.values() for rest in left.values())])

    def die(self, where: Path) -> None:
        """As a power loss leaves the files, and as the next process finds them."""
        where.mkdir()
        for path in self.path.parent.glob(f"{self.path.name}*"):
            shutil.copy(path, where)
        self.store.close()
        self.path = where / self.path.name
        self.store = self._opened()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A store behind 50 rounds of 24 links in any order, and a crash half-way."""
    folder = tmp_path_factory.mktemp("busy")
    (folder / "first").mkdir()
    user = Busy(folder / "first" / "alice.sqlite", seed=4)
    for number in range(ROUNDS):
        for link in user.random.sample(LINKS, len(LINKS)):
            user.round(link, number)
        if number == ROUNDS // 2:
            user.die(folder / "second")
    yield user
    user.store.close()


def test_nothing_spent_is_left_in_any_file(busy: Busy) -> None:
    """Of pads, digests, dropped blocks and drawn key no eight bytes; what is left is there.

    Few of its words lie on two pages.
    """
    spent = words_of(busy.spent)
    assert len(spent) > 20 * ROUNDS * len(LINKS)
    assert words_on_disk(busy.path.parent, spent) == {}
    live = busy.live(ROUNDS)
    found = words_on_disk(busy.path.parent, live)
    assert set(found) == {"alice.sqlite"}
    assert 1000 < 0.98 * len(live) < found["alice.sqlite"]


def test_what_is_left_is_what_it_was(busy: Busy) -> None:
    """Pads and blocks of all links come back whole."""
    for link in LINKS:
        pads = busy.store.state(link).pads
        assert {place: pad for place, pad in pads.items() if place[1] is Role.RESPONDER} == {
            (number, Role.RESPONDER): busy.pads[link][number][16:]
            for number in range(ROUNDS, len(busy.pads[link]))
        }
        assert [block.key.lstrip(b"\0") for block in busy.store.blocks(link) if block.left] == [
            rest.lstrip(b"\0") for _, rest in sorted(busy.kept[link].items()) if rest
        ]


def test_no_secret_is_on_a_page_that_rows_move_between(busy: Busy) -> None:
    """Spent or not: such pages are copied, and where from is not cleaned."""
    pages = b"".join(pages_of_rows(busy.path.read_bytes()))
    assert len(pages) > 1000 * len(LINKS)
    assert words_in(pages, words_of(busy.spent) | busy.live(ROUNDS)) == set()


def test_a_step_that_fails_leaves_no_secret_elsewhere(tmp_path: Path) -> None:
    """What it has written before it was undone goes with the log; no other file is made."""
    with UserStore(tmp_path / "alice.sqlite") as store:
        store.open_link(LINKS[0], bytes(range(192)))
        key = random.Random(1).randbytes(1 << 20)
        held = events.BlockHeld(0, 0, key, 8 << 20, b"decision", RoundBooks())
        with pytest.raises(ValueError, match="settles once"):
            store.apply(LINKS[0], [held, events.BlockUsable(7, b"", 0, b"", RoundBooks())])
        assert store.state(LINKS[0]).in_doubt == ()
        store.apply(LINKS[0], [events.RoundStarted(1)])  # any step empties the log
        assert words_on_disk(tmp_path, words_of([key])) == {}
        memory = 2
        assert store._db.execute("PRAGMA temp_store").fetchone() == (memory,)


def test_a_ring_of_pads_turns_and_widens(tmp_path: Path) -> None:
    """More pads than it has places for, from its middle on; nothing of the old ring stays."""
    link, rng = LINKS[0], random.Random(2)
    pads = [rng.randbytes(INDEX_BYTES) for _ in range(90)]
    with UserStore(tmp_path / "alice.sqlite") as store:
        store.open_link(link, b"".join(pads[:4]))
        store.apply(link, [events.PadsSpent(3, 768)])
        for number in range(86):
            key = pads[4 + number]
            held = events.BlockHeld(number, number, key, 256, b"decision", RoundBooks())
            store.apply(link, [held, events.BlockUsable(number, b"", 0, key, RoundBooks())])
        found = store.state(link).pads
        assert [found[n, Role.ANNOUNCER] + found[n, Role.RESPONDER] for n in range(3, 90)] == (
            pads[3:]
        )
        store.apply(link, [events.PadsSpent(89, 86 * 256)])
        assert words_on_disk(tmp_path, words_of(pads[:89])) == {}
        assert set(store.state(link).pads) == {(89, role) for role in Role}


def test_pads_of_an_index_that_is_spent_already_are_not_kept(tmp_path: Path) -> None:
    """Whoever has gone past an index never needs what comes for it."""
    pads = random.Random(3).randbytes(3 * INDEX_BYTES)
    with UserStore(tmp_path / "alice.sqlite") as store:
        store.open_link(LINKS[0], b"")
        store.apply(LINKS[0], [events.PadsSpent(2, 0)])
        store._pads.add(LINKS[0], pads)
        assert set(store.state(LINKS[0]).pads) == {(2, role) for role in Role}
        store.apply(LINKS[0], [events.PadsSpent(3, 256)])
    assert words_on_disk(tmp_path, words_of([pads])) == {}


def test_a_reserve_that_comes_too_late_is_nowhere(tmp_path: Path) -> None:
    """Pads of spent indices go with the block that they came in."""
    key = random.Random(5).randbytes(3 * INDEX_BYTES)
    with UserStore(tmp_path / "alice.sqlite") as store:
        store.open_link(LINKS[0], b"")
        store.apply(LINKS[0], [events.PadsSpent(2, 0)])
        store.apply(LINKS[0], [events.BlockHeld(0, 0, key, 768, b"decision", RoundBooks())])
        store.apply(LINKS[0], [events.BlockUsable(0, b"", 0, key, RoundBooks())])
        assert words_on_disk(tmp_path, words_of([key[: 2 * INDEX_BYTES]])) == {}


def test_pages_of_another_size_are_refused(tmp_path: Path) -> None:
    """Where a process of an earlier version stopped before it made a table."""
    path = tmp_path / "alice.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA page_size = 4096")
        old.execute("PRAGMA journal_mode = WAL")
    with pytest.raises(ConfigError, match=r"alice\.sqlite: was made by another version"):
        UserStore(path)


def test_two_processes_may_find_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both make the tables; the second one finds them."""
    with UserStore(tmp_path / "alice.sqlite") as first:
        first.open_link(LINKS[0], bytes(32))
        monkeypatch.setattr("netsim.pools.database.is_without_tables", lambda _: True)
        with UserStore(tmp_path / "alice.sqlite") as second:
            assert len(second.state(LINKS[0]).pads) == len(Role)


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    """One line that says so; the file stays as it was."""
    path = tmp_path / "alice.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE keys (link TEXT, kind TEXT, round INTEGER, role INTEGER, bits)")
    with pytest.raises(ConfigError, match=r"alice\.sqlite: was made by another version"):
        UserStore(path)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT count(*) FROM keys").fetchone() == (0,)
