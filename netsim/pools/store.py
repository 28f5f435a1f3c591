"""What survives when a user's process stops: one SQLite file a user.

Counts and messages lie in tables of their own, secrets in ``keys`` and ``pads`` alone; ``stock``
says which bits of usable blocks are still there. Bits are overwritten when they are spent or taken,
and the log that still holds them is emptied at once. All events of one step of an endpoint are one
transaction, flushed to the disk before anything that follows from them is sent, and so is the
taking of a key before it is handed out: a crash or a power loss leaves a step whole or undone.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import assert_never

from netsim.kernel.closing import Closing
from netsim.pools.database import IN_MEMORY, Database
from netsim.pools.key import Key, KeyBlock, Piece, id_of, join_bits
from netsim.pools.padring import PADS_SCHEMA, PadRings
from netsim.pools.stock import STOCK_SCHEMA, Stock
from protocols import events
from protocols.durable import BlockInDoubt, DurableState, pack_books, unpack_books

IN_DOUBT, USABLE = "in doubt", "usable"
_Lasting = (
    events.RoundStarted
    | events.BlockPrepared
    | events.BlockHeld
    | events.BlockUsable
    | events.BlockDropped
    | events.AbortSigned
    | events.DecisionsTaken
    | events.PadsSpent
    | events.ClosingVoted
    | events.LinkClosed
)
_FORGETTABLE = (
    events.LinkLocked,
    events.SyncFailed,
    events.LockLost,
    events.LaneLost,
    events.LaneFound,
    events.RoundSifted,
    events.RoundSampled,
    events.BellTested,
    events.RoundAborted,
    events.Alarm,
    events.ReportLost,
    events.RoundsPaused,
    events.ReserveEmpty,
)
"""Events that a crash may take along: they change nothing here."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS links (
    link TEXT PRIMARY KEY, last_round INTEGER NOT NULL, next_pad INTEGER NOT NULL,
    provisioned_pads INTEGER NOT NULL, is_closing INTEGER NOT NULL,
    closed_pad INTEGER, closed_message BLOB);
CREATE TABLE IF NOT EXISTS decisions (
    link TEXT NOT NULL, pad INTEGER NOT NULL, message BLOB NOT NULL, PRIMARY KEY (link, pad));
CREATE TABLE IF NOT EXISTS blocks (
    link TEXT NOT NULL, round INTEGER NOT NULL, state TEXT NOT NULL, pad INTEGER NOT NULL,
    key_bits INTEGER NOT NULL, message BLOB NOT NULL, books BLOB NOT NULL,
    PRIMARY KEY (link, round));
{STOCK_SCHEMA}{PADS_SCHEMA}"""
"""Digests of a block in doubt are kept behind its key."""


class UserStore(Closing):
    """Durable pools, pads and blocks in doubt of one user, all links.

    Parameters
    ----------
    path : Path
        SQLite file, made if absent, for its owner's eyes only; `IN_MEMORY` for none.

    Raises
    ------
    ConfigError
        The file was made by another version.
    OutputError
        Now or with any step: the file cannot be written, as on a full disk. The step is undone.
    """

    def __init__(self, path: Path = IN_MEMORY) -> None:
        self._database = Database(path, _SCHEMA)
        self._db = self._database.rows
        self._stock = Stock(self._database)
        self._pads = PadRings(self._database)

    def open_link(self, link: str, pads: bytes) -> None:
        """Take in the pre-shared ``pads`` of a new link (32 bytes an index)."""
        with self._database.transaction():
            self._db.execute("INSERT INTO links VALUES (?, -1, 0, 0, 0, NULL, NULL)", (link,))
            self._pads.make(link, pads)

    def apply(self, link: str, step: Iterable[events.Event]) -> None:
        """Make the events of one step durable, all or none; most of them change nothing here."""
        lasting = [event for event in step if not isinstance(event, _FORGETTABLE)]
        if lasting:
            with self._database.transaction():
                for event in lasting:
                    self._apply(link, event)

    def _apply(self, link: str, event: _Lasting) -> None:
        match event:
            case events.RoundStarted():
                self._db.execute(
                    "UPDATE links SET last_round = max(last_round, ?) WHERE link = ?",
                    (event.round, link),
                )
            case events.BlockPrepared():
                self._doubt(link, event, event.vote, event.digests)
            case events.BlockHeld():
                self._doubt(link, event, event.decision, b"")
                self._decide(link, event.pad, event.decision)
            case events.BlockUsable():
                self._settle(link, event)
            case events.BlockDropped():
                self._stock.forget(link, event.round)
                self._db.execute(
                    "DELETE FROM blocks WHERE link = ? AND round = ?", (link, event.round)
                )
            case events.AbortSigned() | events.DecisionsTaken() | events.PadsSpent():
                self._note_pad(link, event)
            case events.ClosingVoted() | events.LinkClosed():
                self._close_link(link, event)
            case _:
                assert_never(event)

    def state(self, link: str) -> DurableState:
        """What an endpoint needs to go on; KeyError for an unknown link."""
        row = self._db.execute(
            "SELECT last_round, next_pad, provisioned_pads, is_closing, closed_pad, closed_message"
            " FROM links WHERE link = ?",
            (link,),
        ).fetchone()
        if row is None:
            raise KeyError(link)
        decisions = self._db.execute(
            "SELECT pad, message FROM decisions WHERE link = ? ORDER BY pad", (link,)
        )
        (settled_round,) = self._db.execute(
            "SELECT coalesce(max(round), -1) FROM blocks WHERE link = ? AND state = ?",
            (link, USABLE),
        ).fetchone()
        return DurableState(
            last_round=row[0],
            settled_round=settled_round,
            next_pad=row[1],
            provisioned_pads=row[2],
            pads=self._pads.left(link),
            in_doubt=tuple(self._in_doubt(link)),
            decisions=tuple(decisions),
            is_closing=bool(row[3]),
            closed=None if row[4] is None else (row[4], row[5]),
        )

    def blocks(self, link: str) -> Iterator[KeyBlock]:
        """Blocks of ``link`` that are or were usable, ascending rounds; one is read at a time."""
        number = -1
        while (block := self._next_block(link, number)) is not None:
            yield block
            number = block.round

    def links(self) -> tuple[str, ...]:
        """Names of all links, in the order in which they were opened."""
        return tuple(link for (link,) in self._db.execute("SELECT link FROM links ORDER BY rowid"))

    def stock_bits(self, link: str) -> int:
        """Usable bits of ``link``."""
        return self._stock.free_bits(link)

    def draw(self, link: str, size_bits: int) -> Key:
        """Take ``size_bits`` out of the oldest blocks of ``link``, once and for good.

        Raises
        ------
        ShortageError
            Fewer are there; none is taken.
        """
        with self._database.transaction():
            return self._withdraw(link, self._stock.front(link, size_bits))

    def fetch(self, link: str, pieces: Iterable[Piece]) -> Key:
        """Take the bits of ``pieces`` out of the blocks of ``link``, once and for good.

        Raises
        ------
        KeyError
            Some of them are not there; none is taken.
        """
        with self._database.transaction():
            return self._withdraw(link, tuple(pieces))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _close_link(self, link: str, event: events.ClosingVoted | events.LinkClosed) -> None:
        if isinstance(event, events.ClosingVoted):
            self._db.execute("UPDATE links SET is_closing = 1 WHERE link = ?", (link,))
            return
        self._db.execute(
            "UPDATE links SET closed_pad = ?, closed_message = ? WHERE link = ?",
            (event.pad, event.message, link),
        )

    def _doubt(
        self,
        link: str,
        event: events.BlockPrepared | events.BlockHeld,
        message: bytes,
        digests: bytes,
    ) -> None:
        values = (link, event.round, IN_DOUBT, event.pad, event.key_bits, message)
        self._db.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, pack_books(event.books))
        )
        self._stock.add_bits(link, event.round, event.key + digests)

    def _in_doubt(self, link: str) -> Iterator[BlockInDoubt]:
        rows = self._db.execute(
            "SELECT round, pad, key_bits, message, books FROM blocks"
            " WHERE link = ? AND state = ? ORDER BY round",
            (link, IN_DOUBT),
        )
        for number, pad, key_bits, message, packed in rows.fetchall():
            books = unpack_books(packed)
            key, digests = parted(self._stock.bits(link, number), key_bits)
            yield BlockInDoubt(number, pad, key, key_bits, message, books, digests)

    def _settle(self, link: str, event: events.BlockUsable) -> None:
        """The block becomes usable; what refills the reserve moves over.

        The digests go: under the kept hash keys each is an equation for them.
        """
        settled = self._db.execute(
            "UPDATE blocks SET state = ?, key_bits = ?, message = x'' WHERE link = ?"
            " AND round = ? AND state = ?",
            (USABLE, event.key_bits, link, event.round, IN_DOUBT),
        )
        if settled.rowcount != 1:
            raise ValueError(f"block {event.round} of {link} is not in doubt: it settles once")
        # Nothing is spent: what leaves the block here comes back among the pads, and goes with
        # these. Only of digests is nothing to be left in the log.
        had_bytes = self._stock.replace_bits(link, event.round, event.key)
        self._database.has_forgotten |= had_bytes > len(event.key) + len(event.reserve)
        self._stock.put(link, Piece(event.round, 0, event.key_bits))
        self._pads.add(link, event.reserve)

    def _note_pad(
        self, link: str, event: events.AbortSigned | events.DecisionsTaken | events.PadsSpent
    ) -> None:
        match event:
            case events.AbortSigned():
                self._decide(link, event.pad, event.message)
            case events.DecisionsTaken():
                self._db.execute(
                    "DELETE FROM decisions WHERE link = ? AND pad < ?", (link, event.stop)
                )
            case events.PadsSpent():
                self._pads.spend(link, event.stop)
            case _:
                assert_never(event)

    def _decide(self, link: str, pad: int, message: bytes) -> None:
        """A pad has signed a decision; ValueError if it has signed another one."""
        changed = self._db.execute(
            "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?)", (link, pad, message)
        )
        if changed.rowcount != 1:
            raise ValueError(f"pad {pad} of {link} has signed already")

    # Usable bits -------------------------------------------------------------------------------

    def _next_block(self, link: str, number: int) -> KeyBlock | None:
        """The first block that is or was usable behind round ``number``."""
        row = self._db.execute(
            "SELECT round, key_bits FROM blocks WHERE link = ? AND state = ? AND round > ?"
            " ORDER BY round LIMIT 1",
            (link, USABLE, number),
        ).fetchone()
        if row is None:
            return None
        number, size_bits = row
        key, _ = parted(self._stock.bits(link, number), size_bits)
        return KeyBlock(number, key, size_bits, self._stock.left(link, number))

    def _withdraw(self, link: str, pieces: tuple[Piece, ...]) -> Key:
        parts = [(self._cut_out(link, piece), piece.size_bits) for piece in pieces]
        return Key(id_of(pieces), join_bits(parts), sum(size_bits for _, size_bits in parts))

    def _cut_out(self, link: str, piece: Piece) -> int:
        """The bits of a piece; with the last of a block its row goes too."""
        self._stock.set_aside(link, piece)
        bits = self._stock.cut_out(link, piece)
        if not self._stock.left(link, piece.round):
            self._stock.forget(link, piece.round)
        return bits


def parted(kept: bytes, key_bits: int) -> tuple[bytes, bytes]:
    """What is kept of a block: its key, and what lies behind it."""
    key_bytes = -(-key_bits // 8)
    return kept[:key_bytes], kept[key_bytes:]
