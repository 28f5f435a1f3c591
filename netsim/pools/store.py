"""What survives when a user's process stops: one SQLite file a user.

Counts and messages lie in tables of their own, key bytes in ``keys`` alone; ``stock`` says which
bits of usable blocks are still there. Bits are overwritten when they are spent or taken, and the
log that still holds them is emptied at once (what a file system or a disk keeps of a file's former
content is beyond this module). All events of one step of an endpoint are one transaction, flushed
to the disk before anything that follows from them is sent, and so is the taking of a key before it
is handed out: a crash or a power loss leaves a step whole or undone.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

from netsim.errors import OutputError, writing
from netsim.kernel.closing import Closing
from netsim.pools.database import IN_MEMORY, open_database
from netsim.pools.key import Key, KeyBlock, Piece, ShortageError, id_of, join_bits
from protocols import events
from protocols.durable import BlockInDoubt, DurableState, pack_books, unpack_books
from protocols.messages import TAG_BYTES, Role

_BLOCK, _PAD = "block", "pad"
IN_DOUBT, USABLE = "in doubt", "usable"


class UserStore(Closing):
    """Durable pools, pads and blocks in doubt of one user, all links.

    Parameters
    ----------
    path : Path
        SQLite file, made if absent, for its owner's eyes only; `IN_MEMORY` for none.

    Raises
    ------
    OutputError
        Now or with any step: the file cannot be written, as on a full disk. The step is undone.
    """

    def __init__(self, path: Path = IN_MEMORY) -> None:
        self._path = path
        with self._writing():
            self._db = open_database(path)
            self._empty_log()

    def open_link(self, link: str, pads: bytes) -> None:
        """Take in the pre-shared ``pads`` of a new link (32 bytes an index)."""
        provisioned = len(pads) // (2 * TAG_BYTES)
        with self._transaction():
            self._db.execute(
                "INSERT INTO links VALUES (?, -1, 0, 0, ?, 0, NULL, NULL)", (link, provisioned)
            )
            self._add_pads(link, pads)

    def apply(self, link: str, step: Iterable[events.Event]) -> None:
        """Make the events of one step durable, all or none; most of them change nothing here."""
        with self._transaction():
            for event in step:
                self._apply(link, event)

    def _apply(self, link: str, event: events.Event) -> None:
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
                self._forget(link, _BLOCK, event.round, event.round + 1)
                self._db.execute(
                    "DELETE FROM blocks WHERE link = ? AND round = ?", (link, event.round)
                )
            case events.AbortSigned() | events.DecisionsTaken() | events.PadsSpent():
                self._note_pad(link, event)
            case events.ClosingVoted() | events.LinkClosed():
                self._close_link(link, event)
            case (
                events.LinkLocked()
                | events.SyncFailed()
                | events.LockLost()
                | events.LaneLost()
                | events.LaneFound()
                | events.RoundSifted()
                | events.RoundSampled()
                | events.RoundAborted()
                | events.Alarm()
                | events.ReportLost()
                | events.RoundsPaused()
                | events.ReserveEmpty()
            ):
                pass  # may be forgotten
            case _:
                assert_never(event)

    def state(self, link: str) -> DurableState:
        """What an endpoint needs to go on; KeyError for an unknown link."""
        row = self._db.execute(
            "SELECT last_round, next_pad, provisioned_pads, common_pads, is_closing, closed_pad,"
            " closed_message FROM links WHERE link = ?",
            (link,),
        ).fetchone()
        if row is None:
            raise KeyError(link)
        pads = self._db.execute(
            "SELECT round, role, bits FROM keys WHERE link = ? AND kind = ? ORDER BY round, role",
            (link, _PAD),
        )
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
            common_pads=row[3],
            pads={(number, Role(role)): bits for number, role, bits in pads},
            in_doubt=tuple(self._in_doubt(link)),
            decisions=tuple(decisions),
            is_closing=bool(row[4]),
            closed=None if row[5] is None else (row[5], row[6]),
        )

    def blocks(self, link: str) -> Iterator[KeyBlock]:
        """Blocks of ``link`` that are or were usable, ascending rounds; one is read at a time."""
        number = -1
        while (block := self._next_block(link, number)) is not None:
            yield block
            number = block.round

    def stock_bits(self, link: str) -> int:
        """Usable bits of ``link``."""
        query = "SELECT total(stop - start) FROM stock WHERE link = ?"
        (bits,) = self._db.execute(query, (link,)).fetchone()
        return int(bits)

    def draw(self, link: str, size_bits: int) -> Key:
        """Take ``size_bits`` out of the oldest blocks of ``link``, once and for good.

        Raises
        ------
        ShortageError
            Fewer are there; none is taken.
        """
        with self._transaction():
            return self._withdraw(link, self._front(link, size_bits))

    def fetch(self, link: str, pieces: Iterable[Piece]) -> Key:
        """Take the bits of ``pieces`` out of the blocks of ``link``, once and for good.

        Raises
        ------
        KeyError
            Some of them are not there; none is taken.
        """
        with self._transaction():
            return self._withdraw(link, tuple(pieces))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk has undone it already
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            if self._has_forgotten:
                self._empty_log()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Name the file in what SQLite says of the disk."""
        try:
            with writing(self._path):
                yield
        except sqlite3.OperationalError as error:
            raise OutputError(self._path, f"cannot be written: {error}") from error

    def _empty_log(self) -> None:
        """Carry the log over into the file and cut it: it held what has been overwritten there.

        A reader may be in the way; then the next transaction tries again.
        """
        (is_busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._has_forgotten = bool(is_busy)

    def _close_link(self, link: str, event: events.ClosingVoted | events.LinkClosed) -> None:
        if isinstance(event, events.ClosingVoted):
            self._db.execute("UPDATE links SET is_closing = 1 WHERE link = ?", (link,))
            return
        self._db.execute(
            "UPDATE links SET closed_pad = ?, closed_message = ? WHERE link = ?",
            (event.pad, event.message, link),
        )

    def _add_pads(self, link: str, pads: bytes) -> None:
        (first,) = self._db.execute(
            "SELECT provisioned_pads FROM links WHERE link = ?", (link,)
        ).fetchone()
        cut = [pads[at : at + TAG_BYTES] for at in range(0, len(pads), TAG_BYTES)]
        rows = [(link, _PAD, first + at // 2, at % 2, pad) for at, pad in enumerate(cut)]
        self._db.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", rows)
        self._db.execute(
            "UPDATE links SET provisioned_pads = ? WHERE link = ?", (first + len(cut) // 2, link)
        )

    def _doubt(
        self,
        link: str,
        event: events.BlockPrepared | events.BlockHeld,
        message: bytes,
        digests: bytes,
    ) -> None:
        values = (link, event.round, IN_DOUBT, event.pad, event.key_bits, message, digests)
        self._db.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, pack_books(event.books))
        )
        self._db.execute(
            "INSERT INTO keys VALUES (?, ?, ?, 0, ?)", (link, _BLOCK, event.round, event.key)
        )

    def _in_doubt(self, link: str) -> Iterator[BlockInDoubt]:
        rows = self._db.execute(
            "SELECT b.round, b.pad, k.bits, b.key_bits, b.message, b.books, b.digests FROM blocks b"
            " JOIN keys k ON k.link = b.link AND k.round = b.round AND k.kind = ?"
            " WHERE b.link = ? AND b.state = ? ORDER BY b.round",
            (_BLOCK, link, IN_DOUBT),
        )
        for number, pad, key, key_bits, message, books, digests in rows:
            yield BlockInDoubt(number, pad, key, key_bits, message, unpack_books(books), digests)

    def _settle(self, link: str, event: events.BlockUsable) -> None:
        """The block becomes usable; what refills the reserve moves over.

        The digests go: under the kept hash keys each is an equation for them.
        """
        changed = self._db.execute(
            "UPDATE blocks SET state = ?, key_bits = ?, message = x'', digests = x'' WHERE link = ?"
            " AND round = ? AND state = ?",
            (USABLE, event.key_bits, link, event.round, IN_DOUBT),
        )
        if changed.rowcount != 1:
            raise ValueError(f"block {event.round} of {link} is not in doubt: it settles once")
        # Nothing is spent: what leaves the block here comes back among the pads.
        self._db.execute(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, 0, ?)",
            (link, _BLOCK, event.round, event.key),
        )
        self._has_forgotten = True
        self._put(link, Piece(event.round, 0, event.key_bits))
        self._db.execute("UPDATE links SET common_pads = provisioned_pads WHERE link = ?", (link,))
        self._add_pads(link, event.reserve)

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
                self._spend(link, event.stop)
            case _:
                assert_never(event)

    def _decide(self, link: str, pad: int, message: bytes) -> None:
        """A pad has signed a decision; ValueError if it has signed another one."""
        changed = self._db.execute(
            "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?)", (link, pad, message)
        )
        if changed.rowcount != 1:
            raise ValueError(f"pad {pad} of {link} has signed already")

    def _spend(self, link: str, stop: int) -> None:
        """The pads with an index below ``stop`` go, and none of them is taken again."""
        self._forget(link, _PAD, 0, stop)
        self._db.execute(
            "UPDATE links SET next_pad = max(next_pad, ?) WHERE link = ?", (stop, link)
        )

    def _forget(self, link: str, kind: str, start: int, stop: int) -> None:
        """Overwrite, then delete, key bytes of rounds [start, stop)."""
        where = "WHERE link = ? AND kind = ? AND round >= ? AND round < ?"
        arguments = (link, kind, start, stop)
        self._db.execute(f"UPDATE keys SET bits = zeroblob(length(bits)) {where}", arguments)  # noqa: S608
        self._db.execute(f"DELETE FROM keys {where}", arguments)  # noqa: S608 - a constant clause
        self._has_forgotten = True

    # Usable bits -------------------------------------------------------------------------------

    def _next_block(self, link: str, number: int) -> KeyBlock | None:
        """The first block that is or was usable behind round ``number``."""
        row = self._db.execute(
            "SELECT b.round, k.bits, b.key_bits FROM blocks b LEFT JOIN keys k ON k.link = b.link"
            " AND k.round = b.round AND k.kind = ? WHERE b.link = ? AND b.state = ?"
            " AND b.round > ? ORDER BY b.round LIMIT 1",
            (_BLOCK, link, USABLE, number),
        ).fetchone()
        if row is None:
            return None
        number, key, size_bits = row
        return KeyBlock(number, key or b"", size_bits, self._left(link, number))

    def _left(self, link: str, number: int) -> tuple[Piece, ...]:
        """What of one block has not been taken."""
        rows = self._db.execute(
            "SELECT round, start, stop FROM stock WHERE link = ? AND round = ? ORDER BY start",
            (link, number),
        )
        return tuple(map(Piece._make, rows.fetchall()))

    def _front(self, link: str, size_bits: int) -> tuple[Piece, ...]:
        """The oldest ``size_bits``."""
        pieces: list[Piece] = []
        missing = size_bits
        while missing:
            last = pieces[-1] if pieces else Piece(-1, 0, 0)
            row = self._db.execute(
                "SELECT round, start, stop FROM stock WHERE link = ? AND (round, start) > (?, ?)"
                " ORDER BY round, start LIMIT 1",
                (link, last.round, last.start),
            ).fetchone()
            if row is None:
                raise ShortageError(size_bits, size_bits - missing)
            number, start, stop = row
            pieces.append(Piece(number, start, min(stop, start + missing)))
            missing -= pieces[-1].size_bits
        return tuple(pieces)

    def _withdraw(self, link: str, pieces: tuple[Piece, ...]) -> Key:
        parts = [(self._cut_out(link, piece), piece.size_bits) for piece in pieces]
        return Key(id_of(pieces), join_bits(parts), sum(size_bits for _, size_bits in parts))

    def _cut_out(self, link: str, piece: Piece) -> int:
        """The bits of a piece, first bit highest; they are overwritten where they were."""
        self._book_out(link, piece)
        (row_id,) = self._db.execute(
            "SELECT rowid FROM keys WHERE link = ? AND kind = ? AND round = ?",
            (link, _BLOCK, piece.round),
        ).fetchone()
        first, stop = piece.start // 8, -(-piece.stop // 8)
        behind = 8 * stop - piece.stop
        mask = ((1 << piece.size_bits) - 1) << behind
        with self._db.blobopen("keys", "bits", row_id) as blob:
            blob.seek(first)
            found = int.from_bytes(blob.read(stop - first), "big")
            blob.seek(first)
            blob.write((found & ~mask).to_bytes(stop - first, "big"))
        self._has_forgotten = True
        if not self._left(link, piece.round):
            self._forget(link, _BLOCK, piece.round, piece.round + 1)
        return (found & mask) >> behind

    def _book_out(self, link: str, piece: Piece) -> None:
        """Take a piece out of the stock; KeyError if it is not there as a whole."""
        row = self._db.execute(
            "SELECT start, stop FROM stock WHERE link = ? AND round = ? AND start <= ?"
            " AND stop >= ?",
            (link, piece.round, piece.start, piece.stop),
        ).fetchone()
        if row is None or not piece.size_bits:
            raise KeyError(id_of((piece,)))
        start, stop = row
        self._db.execute(
            "DELETE FROM stock WHERE link = ? AND round = ? AND start = ?",
            (link, piece.round, start),
        )
        self._put(link, Piece(piece.round, start, piece.start))
        self._put(link, Piece(piece.round, piece.stop, stop))

    def _put(self, link: str, piece: Piece) -> None:
        """Put a piece into the stock, unless it is empty."""
        if piece.size_bits:
            self._db.execute("INSERT INTO stock VALUES (?, ?, ?, ?)", (link, *piece))
