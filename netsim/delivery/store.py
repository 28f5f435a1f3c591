"""The durable side of a key manager: one SQLite file a user, mode 0600.

Blocks come in whole, each once; keys are cut out of them by id. Every step is one transaction, or
one of several that are `together`, flushed to the disk before anything that follows from it is said
to anybody.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

from netsim.delivery.keys import IN_STOCK, CutKey, DeliveredKey, KeyState
from netsim.kernel.closing import Closing
from netsim.pools.database import IN_MEMORY, Database
from netsim.pools.key import KeyBlock, ShortageError, id_of, join_bits, pieces_of
from netsim.pools.stock import STOCK_SCHEMA, Stock

_SCHEMA = f"""{STOCK_SCHEMA}
CREATE TABLE IF NOT EXISTS taken_in (
    link TEXT NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (link, round));
CREATE TABLE IF NOT EXISTS cut (
    id TEXT PRIMARY KEY, link TEXT NOT NULL, pieces TEXT NOT NULL, size_bits INTEGER NOT NULL,
    master TEXT NOT NULL, slave TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS relayed (
    link TEXT NOT NULL, round INTEGER NOT NULL, size_bits INTEGER NOT NULL, over TEXT NOT NULL,
    hops TEXT NOT NULL, PRIMARY KEY (link, round));
CREATE TABLE IF NOT EXISTS set_aside (
    link TEXT NOT NULL, round INTEGER NOT NULL, start INTEGER NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (link, round, start));
"""

RELAYED_FROM = 2**59
"""Number of the first block of a link that was relayed: behind all that its light has made."""


class ManagerStore(Closing):
    """Key of one user that is to be delivered, all links.

    Parameters
    ----------
    path : Path
        Made if absent; `IN_MEMORY` for none.

    Raises
    ------
    ConfigError
        The file was made by another version.
    OutputError
        Now or with any step: the file cannot be written. The step is undone.
    """

    def __init__(self, path: Path = IN_MEMORY) -> None:
        self._database = Database(path, _SCHEMA)
        self._rows = self._database.rows
        self._stock = Stock(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def together(self) -> AbstractContextManager[None]:
        """Steps that are flushed to the disk at once, as this ends; none of them stands before."""
        return self._database.transaction()

    # Blocks ------------------------------------------------------------------------------------

    def take_in(self, link: str, block: KeyBlock) -> bool:
        """Make what is left of ``block`` free; False if its round has been here before."""
        with self._database.transaction():
            row = (link, block.round)
            if self._rows.execute("INSERT OR IGNORE INTO taken_in VALUES (?, ?)", row).rowcount < 1:
                return False
            if block.left:
                self._stock.add_bits(link, block.round, block.key)
            for piece in block.left:
                self._stock.put(link, piece)
        return True

    def next_relayed(self, link: str) -> int:
        """Number for the next block that is relayed."""
        query = "SELECT max(round) FROM taken_in WHERE link = ?"
        (last,) = self._rows.execute(query, (link,)).fetchone()
        return max(RELAYED_FROM, (last or 0) + 1)

    def take_in_relayed(self, link: str, block: KeyBlock, over: str, hops: Sequence[str]) -> None:
        """Make a block free that came over others, by which keys of hops; `next_relayed` first."""
        with self._database.transaction():
            self.take_in(link, block)
            row = (link, block.round, block.size_bits, over, " ".join(hops))
            self._rows.execute("INSERT INTO relayed VALUES (?, ?, ?, ?, ?)", row)

    def rounds(self, link: str) -> set[int]:
        """Blocks that have ever come in."""
        rows = self._rows.execute("SELECT round FROM taken_in WHERE link = ?", (link,))
        return {number for (number,) in rows}

    def drop(self, link: str, rounds: Iterable[int]) -> None:
        """Forget blocks that the other end does not have, as if they had never come in."""
        with self._database.transaction():
            for number in rounds:
                for table in ("stock", "taken_in", "relayed"):
                    self._rows.execute(
                        f"DELETE FROM {table} WHERE link = ? AND round = ?",  # noqa: S608
                        (link, number),
                    )
                self._stock.forget(link, number)

    def free_bits(self, link: str) -> int:
        """Bits of ``link`` that are in no key."""
        return self._stock.free_bits(link)

    def light_bits(self, link: str) -> int:
        """Of these, bits that were not relayed; they are the first to be set aside."""
        return self._stock.free_bits(link, before=RELAYED_FROM)

    # Keys --------------------------------------------------------------------------------------

    def reserve(
        self,
        link: str,
        sizes_bits: Sequence[int],
        *,
        master: str,
        slave: str,
        minimum_bits: int = 0,
    ) -> tuple[CutKey, ...]:
        """Set aside the oldest bits for keys of these sizes.

        ShortageError if they are too few, or fewer than ``minimum_bits`` would be left.
        """
        with self._database.transaction():
            self._check(link, sum(sizes_bits), minimum_bits)  # all or none
            keys = []
            for size_bits in sizes_bits:
                pieces = self._stock.front(link, size_bits)
                key = CutKey(str(uuid4()), link, id_of(pieces), size_bits, master, slave)
                self._set_aside(key, KeyState.RESERVED)
                keys.append(key)
        return tuple(keys)

    def _check(self, link: str, asked_bits: int, minimum_bits: int) -> None:
        """See `reserve`."""
        if not minimum_bits:
            self._stock.front(link, asked_bits)
        elif asked_bits > (free_bits := self.free_bits(link) - minimum_bits):
            raise ShortageError(asked_bits, max(0, free_bits))

    def promise(self, keys: Sequence[CutKey], *, minimum_bits: int = 0) -> None:
        """Set aside the bits of ``keys``, all of one link, for their slaves.

        KeyError if some are not free, ShortageError if fewer than ``minimum_bits`` would be left.
        """
        with self._database.transaction():
            for key in keys:
                if minimum_bits:
                    self._check(key.link, key.size_bits, minimum_bits)
                self._set_aside(key, KeyState.PROMISED)

    def _set_aside(self, key: CutKey, state: KeyState) -> None:
        for piece in pieces_of(key.pieces):
            self._stock.set_aside(key.link, piece)
            place = (key.link, piece.round, piece.start, key.id)
            self._rows.execute("INSERT INTO set_aside VALUES (?, ?, ?, ?)", place)
        self._rows.execute(
            "INSERT INTO cut VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key.id, key.link, key.pieces, key.size_bits, key.master, key.slave, state),
        )

    def release(self, ids: Iterable[str]) -> None:
        """Make the bits of keys free again; those that were delivered, or are unknown, stay so."""
        with self._database.transaction():
            for key, state in filter(None, map(self.find, ids)):
                if state not in IN_STOCK:
                    continue
                for piece in pieces_of(key.pieces):
                    self._stock.put_back(key.link, piece)
                self._rows.execute("DELETE FROM set_aside WHERE id = ?", (key.id,))
                self._rows.execute("DELETE FROM cut WHERE id = ?", (key.id,))

    def deliver(self, ids: Sequence[str], state: KeyState) -> tuple[DeliveredKey, ...]:
        """Hand out the bits of keys that are set aside; they are overwritten, for good."""
        with self._database.transaction():
            return tuple(self._deliver(key_id, state) for key_id in ids)

    def _deliver(self, key_id: str, state: KeyState) -> DeliveredKey:
        found = self.find(key_id)
        if found is None or found[1] not in IN_STOCK:
            raise KeyError(key_id)
        key, _ = found
        pieces = pieces_of(key.pieces)
        parts = [(self._stock.cut_out(key.link, piece), piece.size_bits) for piece in pieces]
        self._rows.execute("DELETE FROM set_aside WHERE id = ?", (key_id,))
        self._rows.execute("UPDATE cut SET state = ? WHERE id = ?", (state, key_id))
        numbers = dict.fromkeys(piece.round for piece in pieces)
        known_to = dict.fromkeys(over for n in numbers if (over := self._known_to(key.link, n)))
        for number in numbers:
            self._forget_empty(key.link, number)
        return DeliveredKey(key_id, join_bits(parts), "; ".join(known_to))

    def _known_to(self, link: str, number: int) -> str:
        """Over whom a block has come; empty for one that light has made."""
        if number < RELAYED_FROM:
            return ""
        query = "SELECT over FROM relayed WHERE link = ? AND round = ?"
        (over,) = self._rows.execute(query, (link, number)).fetchone()
        return str(over)

    def _forget_empty(self, link: str, number: int) -> None:
        """With the last bits of a block its rows go too, but for that it has been here."""
        is_used = self._rows.execute(
            "SELECT 1 FROM set_aside WHERE link = ? AND round = ? LIMIT 1", (link, number)
        ).fetchone()
        if not is_used and not self._stock.left(link, number):
            self._stock.forget(link, number)
            self._rows.execute("DELETE FROM relayed WHERE link = ? AND round = ?", (link, number))

    def find(self, key_id: str) -> tuple[CutKey, KeyState] | None:
        """What is known of a key, delivered ones included; None if it was never here."""
        if not key_id.isascii():  # half a surrogate pair is no text for SQLite
            return None
        row = self._rows.execute(
            "SELECT id, link, pieces, size_bits, master, slave, state FROM cut WHERE id = ?",
            (key_id,),
        ).fetchone()
        return None if row is None else (CutKey(*row[:-1]), KeyState(row[-1]))

    def keys_in(self, state: KeyState) -> list[CutKey]:
        """Keys that are set aside, in that state."""
        ids = self._rows.execute("SELECT DISTINCT id FROM set_aside ORDER BY id").fetchall()
        found = (self.find(key_id) for (key_id,) in ids)
        return [key for key, its in filter(None, found) if its is state]
