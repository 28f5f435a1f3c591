"""SQLite files with key in them: how they are opened and made to forget, and who may read them.

A transaction is flushed to the disk before it counts. After one that has overwritten key the log,
which still holds it, is carried over into the file and cut (what a file system or a disk keeps of a
file's former content is beyond this module).

SQLite moves rows from page to page, to fill these evenly, and leaves copies of them behind. What of
a row is too much for its page lies on overflow pages, which hold nothing else, stay where they are
as long as it is there, and are zeroed as it goes (https://www.sqlite.org/fileformat2.html). So a
secret is the end of a row, `behind_a_page` of zeros: no byte of it is ever on a page of rows.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from netsim.errors import ConfigError, OutputError, writing
from netsim.kernel.closing import Closing

IN_MEMORY = Path(":memory:")
LAYOUT = 2
"""Of the tables, as a file says it (``user_version``); before, secrets moved."""
PAGE_BYTES = 1024
"""Of SQLite's pages: small ones, as each secret has its own."""
SECRET = f"substr(bits, {PAGE_BYTES + 1})"
"""What a row holds `behind_a_page`, in SQL."""
PRIVATE_MODE = 0o600
"""Of a file with key bytes."""
OTHER_VERSION = "was made by another version of netsim, which alone can read its keys"
CACHE_KIB = 256
"""Of each store's file in memory, at most: no round is read again, and there are many users."""


class Database(Closing):
    """One file, open.

    Parameters
    ----------
    path : Path
        Made if absent, for its owner's eyes only; `IN_MEMORY` for none.
    schema : str
        Statements that make the tables where they are not there yet.

    Attributes
    ----------
    rows : sqlite3.Connection
        Of the thread that has opened it.
    has_forgotten : bool
        To be set where key has been overwritten: the log is emptied behind the transaction.

    Raises
    ------
    ConfigError
        The file was made by another version.
    OutputError
        Now or with any transaction: the file cannot be written, as on a full disk. What the
        transaction has done is undone.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._has_log = path != IN_MEMORY
        with self._writing():
            self.rows = _open(path, schema)
            self._empty_log()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, also if the process or the power goes.

        One within another is a part of that: undone by itself if it fails, flushed with the whole.
        """
        return self._part() if self.rows.in_transaction else self._whole()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        with self._writing():
            self.rows.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self.rows.in_transaction:  # a full disk has undone it already
                    self.rows.execute("ROLLBACK")
                self.has_forgotten = True  # what was too much for the cache is in the log
                raise
            self.rows.execute("COMMIT")
            if self.has_forgotten and self._has_log:
                with suppress(sqlite3.OperationalError):  # what was done stands, on a full disk too
                    self._empty_log()

    @contextmanager
    def _part(self) -> Iterator[None]:
        self.rows.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.rows.in_transaction:
                self.rows.execute("ROLLBACK TO part")
                self.rows.execute("RELEASE part")
            raise
        self.rows.execute("RELEASE part")

    def close(self) -> None:
        """Close the file."""
        self.rows.close()

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

        A reader or a full disk may be in the way; then the next transaction tries again.
        """
        (is_busy, _, _) = self.rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.has_forgotten = bool(is_busy)


def behind_a_page(secret: bytes) -> bytes:
    """The ``bits`` of a row whose end is ``secret``."""
    return bytes(PAGE_BYTES) + secret


def is_without_tables(rows: sqlite3.Connection) -> bool:
    """Whether a file is new, or its process stopped before it held anything."""
    return not rows.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def is_of_this_layout(rows: sqlite3.Connection) -> bool:
    """Whether tables, and the pages that they lie on, are as this version makes them."""
    (layout,) = rows.execute("PRAGMA user_version").fetchone()
    (page_bytes,) = rows.execute("PRAGMA page_size").fetchone()
    return bool(layout == LAYOUT and page_bytes == PAGE_BYTES)


def _open(path: Path, schema: str) -> sqlite3.Connection:
    """The connection; OSError or sqlite3.Error where the file cannot be made, or is none."""
    if path != IN_MEMORY:
        _make_private(path)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    database.execute("PRAGMA auto_vacuum = NONE")  # it would move overflow pages
    database.execute("PRAGMA temp_store = MEMORY")  # no file for what a savepoint may undo
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")  # in WAL mode, NORMAL flushes no commits
    database.execute("PRAGMA secure_delete = ON")  # zeros in the place of what is deleted
    database.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
    if is_without_tables(database):
        script = f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {LAYOUT}; COMMIT"
        database.executescript(script)
    if not is_of_this_layout(database):
        database.close()
        raise ConfigError.of(path, OTHER_VERSION)
    return database


def _make_private(path: Path) -> None:
    """Make the file at ``path``, if there is none, and nobody's but the owner's to read.

    The log beside it, which SQLite makes, gets the same mode.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_MODE))
    path.chmod(PRIVATE_MODE)
