"""The SQLite file of a user: its tables, how it is opened, and who may read it."""

import os
import sqlite3
from pathlib import Path

IN_MEMORY = Path(":memory:")
PRIVATE_MODE = 0o600
"""Of a file with key bytes."""
CACHE_KIB = 256
"""Of each store's file in memory, at most: no round is read again, and there are many users."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS links (
    link TEXT PRIMARY KEY, last_round INTEGER NOT NULL, next_pad INTEGER NOT NULL,
    provisioned_pads INTEGER NOT NULL, common_pads INTEGER NOT NULL, is_closing INTEGER NOT NULL,
    closed_pad INTEGER, closed_message BLOB);
CREATE TABLE IF NOT EXISTS decisions (
    link TEXT NOT NULL, pad INTEGER NOT NULL, message BLOB NOT NULL, PRIMARY KEY (link, pad));
CREATE TABLE IF NOT EXISTS blocks (
    link TEXT NOT NULL, round INTEGER NOT NULL, state TEXT NOT NULL, pad INTEGER NOT NULL,
    key_bits INTEGER NOT NULL, message BLOB NOT NULL, digests BLOB NOT NULL, books BLOB NOT NULL,
    PRIMARY KEY (link, round));
CREATE TABLE IF NOT EXISTS keys (
    link TEXT NOT NULL, kind TEXT NOT NULL, round INTEGER NOT NULL, role INTEGER NOT NULL,
    bits BLOB NOT NULL, PRIMARY KEY (link, kind, round, role));
CREATE TABLE IF NOT EXISTS stock (
    link TEXT NOT NULL, round INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    PRIMARY KEY (link, round, start));
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file at ``path``, made if absent; `IN_MEMORY` for none.

    Raises
    ------
    OSError, sqlite3.Error
        It cannot be made, or is none.
    """
    if path != IN_MEMORY:
        _make_private(path)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")  # in WAL mode, NORMAL flushes no commits
    database.execute("PRAGMA secure_delete = ON")
    database.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
    database.executescript(_SCHEMA)
    return database


def _make_private(path: Path) -> None:
    """Make the file at ``path``, if there is none, and nobody's but the owner's to read.

    The log beside it, which SQLite makes, gets the same mode.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_MODE))
    path.chmod(PRIVATE_MODE)
