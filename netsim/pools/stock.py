"""Which bits of which blocks are still there, and the bits: two tables of a file with key.

Key bytes lie in ``keys`` alone, a row a block, and no copy of them is left anywhere else
(`netsim.pools.database`); ``stock`` says which bits of usable blocks are free.
All methods but those that look belong into a transaction of the file's `Database`.
"""

import sqlite3

from netsim.pools.database import PAGE_BYTES, SECRET, Database, behind_a_page
from netsim.pools.key import Piece, ShortageError, id_of

MOST_ROUNDS = 2**63 - 1
"""No round has a larger number."""

STOCK_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    link TEXT NOT NULL, round INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (link, round));
CREATE TABLE IF NOT EXISTS stock (
    link TEXT NOT NULL, round INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    PRIMARY KEY (link, round, start));
"""


class Stock:
    """Bits of all blocks in one file.

    Parameters
    ----------
    database : Database
        With the tables of `STOCK_SCHEMA`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def _rows(self) -> sqlite3.Connection:
        return self._database.rows

    def add_bits(self, link: str, number: int, bits: bytes) -> None:
        """Keep the ``bits`` of a block, packed; none of them is free yet."""
        row = (link, number, behind_a_page(bits))
        self._rows.execute("INSERT INTO keys VALUES (?, ?, ?)", row)

    def bits(self, link: str, number: int) -> bytes:
        """All that is kept of a block, zeros where bits have gone; nothing once all have."""
        row = self._rows.execute(
            f"SELECT {SECRET} FROM keys WHERE link = ? AND round = ?",  # noqa: S608
            (link, number),
        ).fetchone()
        return b"" if row is None else bytes(row[0])

    def replace_bits(self, link: str, number: int, bits: bytes) -> int:
        """Keep these ``bits`` of a block in the place of those that it had, which were more.

        Returns how many bytes it had.
        """
        where = (link, number)
        query = "SELECT length(bits) FROM keys WHERE link = ? AND round = ?"
        size = int(self._rows.execute(query, where).fetchone()[0]) - PAGE_BYTES
        row = (behind_a_page(bits.ljust(size, b"\0")), *where)
        self._rows.execute("UPDATE keys SET bits = ? WHERE link = ? AND round = ?", row)
        return size

    def forget(self, link: str, number: int) -> None:
        """Delete the bits of a block; SQLite leaves zeros in their place."""
        self._rows.execute("DELETE FROM keys WHERE link = ? AND round = ?", (link, number))
        self._database.has_forgotten = True

    def free_bits(self, link: str, *, before: int = MOST_ROUNDS) -> int:
        """How many bits of ``link`` are free, in blocks ``before`` that round."""
        query = "SELECT total(stop - start) FROM stock WHERE link = ? AND round < ?"
        (bits,) = self._rows.execute(query, (link, before)).fetchone()
        return int(bits)

    def left(self, link: str, number: int) -> tuple[Piece, ...]:
        """What of one block is free."""
        rows = self._rows.execute(
            "SELECT round, start, stop FROM stock WHERE link = ? AND round = ? ORDER BY start",
            (link, number),
        )
        return tuple(map(Piece._make, rows.fetchall()))

    def front(self, link: str, size_bits: int) -> tuple[Piece, ...]:
        """The oldest ``size_bits`` that are free; ShortageError if there are fewer."""
        pieces: list[Piece] = []
        missing = size_bits
        while missing:
            last = pieces[-1] if pieces else Piece(-1, 0, 0)
            row = self._rows.execute(
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

    def put(self, link: str, piece: Piece) -> None:
        """Make a piece free, unless it is empty."""
        if piece.size_bits:
            self._rows.execute("INSERT INTO stock VALUES (?, ?, ?, ?)", (link, *piece))

    def put_back(self, link: str, piece: Piece) -> None:
        """Make a piece free again, as one with what is free on either side of it."""
        where = "FROM stock WHERE link = ? AND round = ? AND"
        place = (link, piece.round)
        before = self._rows.execute(f"SELECT start {where} stop = ?", (*place, piece.start))
        start = (before.fetchone() or (piece.start,))[0]
        behind = self._rows.execute(f"SELECT stop {where} start = ?", (*place, piece.stop))
        stop = (behind.fetchone() or (piece.stop,))[0]
        self._rows.execute(f"DELETE {where} start >= ? AND stop <= ?", (*place, start, stop))
        self.put(link, Piece(piece.round, start, stop))

    def set_aside(self, link: str, piece: Piece) -> None:
        """Make a piece free no more; KeyError if it is not free as a whole."""
        row = self._rows.execute(
            "SELECT start, stop FROM stock WHERE link = ? AND round = ? AND start <= ?"
            " AND stop >= ?",
            (link, piece.round, piece.start, piece.stop),
        ).fetchone()
        if row is None or not piece.size_bits:
            raise KeyError(id_of((piece,)))
        start, stop = row
        self._rows.execute(
            "DELETE FROM stock WHERE link = ? AND round = ? AND start = ?",
            (link, piece.round, start),
        )
        self.put(link, Piece(piece.round, start, piece.start))
        self.put(link, Piece(piece.round, piece.stop, stop))

    def cut_out(self, link: str, piece: Piece) -> int:
        """The bits of a piece that is set aside, first bit highest; they are overwritten."""
        first, stop = piece.start // 8, -(-piece.stop // 8)
        behind = 8 * stop - piece.stop
        mask = ((1 << piece.size_bits) - 1) << behind
        (row_id,) = self._rows.execute(
            "SELECT rowid FROM keys WHERE link = ? AND round = ?", (link, piece.round)
        ).fetchone()
        # Of each blob that was opened CPython keeps some 90 bytes, so all else is done by rows.
        with self._rows.blobopen("keys", "bits", row_id) as blob:
            blob.seek(PAGE_BYTES + first)
            found = int.from_bytes(blob.read(stop - first), "big")
            blob.seek(PAGE_BYTES + first)
            blob.write((found & ~mask).to_bytes(stop - first, "big"))
        self._database.has_forgotten = True
        return (found & mask) >> behind
