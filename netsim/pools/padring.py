"""One-time pads of all links in one file: a ring a link, whose places are overwritten in turn.

No copy of a pad is left anywhere (`netsim.pools.database`). Which ones a ring holds, ``links``
says: those from ``next_pad`` to ``provisioned_pads``; every other place is zero.
"""

from netsim.pools.database import PAGE_BYTES, SECRET, Database, behind_a_page
from protocols.messages import TAG_BYTES, Role

PADS_SCHEMA = """
CREATE TABLE IF NOT EXISTS pads (id INTEGER PRIMARY KEY, bits BLOB NOT NULL);
"""
"""``id`` is the ``rowid`` of the link in ``links``."""
INDEX_BYTES = 2 * TAG_BYTES
"""Pads of an index: the announcer's, then the responder's."""
SPARE_PLACES = 16
"""Of a new ring, in indices: while blocks settle out of turn it holds more than at first."""


class PadRings:
    """Pads of all links in one file; methods that write belong into a transaction.

    Parameters
    ----------
    database : Database
        With ``links`` and the table of `PADS_SCHEMA`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.rows

    def make(self, link: str, pads: bytes) -> None:
        """Make the ring of a new link and take its first ``pads`` in."""
        row_id, *_ = self._found(link)
        ring = behind_a_page(pads + bytes(SPARE_PLACES * INDEX_BYTES))
        self._rows.execute("INSERT INTO pads VALUES (?, ?)", (row_id, ring))
        self._provision(row_id, len(pads) // INDEX_BYTES)

    def add(self, link: str, pads: bytes) -> None:
        """Take in ``pads`` of the next indices; not those of indices that are spent already."""
        row_id, next_pad, first = self._found(link)
        stop = first + len(pads) // INDEX_BYTES
        (size,) = self._rows.execute(
            "SELECT length(bits) FROM pads WHERE id = ?", (row_id,)
        ).fetchone()
        if (stop - next_pad) * INDEX_BYTES > size - PAGE_BYTES:
            self._widen(row_id, range(next_pad, first), 2 * (stop - next_pad))
        unspent = max(first, next_pad)
        self._database.has_forgotten |= unspent > first
        if fresh := pads[(unspent - first) * INDEX_BYTES :]:
            self._write(row_id, unspent, fresh)
        self._provision(row_id, stop)

    def spend(self, link: str, stop: int) -> None:
        """Overwrite the pads with an index below ``stop``; none of them is taken again."""
        row_id, next_pad, provisioned = self._found(link)
        if spent := range(next_pad, min(stop, provisioned)):
            self._write(row_id, next_pad, bytes(len(spent) * INDEX_BYTES))
            self._database.has_forgotten = True
        self._rows.execute(
            "UPDATE links SET next_pad = max(next_pad, ?) WHERE rowid = ?", (stop, row_id)
        )

    def left(self, link: str) -> dict[tuple[int, Role], bytes]:
        """Pads that are not spent, by index and role."""
        row_id, next_pad, provisioned = self._found(link)
        ring = self._ring(row_id)
        return {
            (number, Role(role)): pad
            for (number, role), pad in pads_in(ring, range(next_pad, provisioned)).items()
        }

    def _found(self, link: str) -> tuple[int, int, int]:
        """Row, index of the first pads that are left, and of the first to come."""
        found: tuple[int, int, int] = self._rows.execute(
            "SELECT rowid, next_pad, provisioned_pads FROM links WHERE link = ?", (link,)
        ).fetchone()
        return found

    def _ring(self, row_id: int) -> bytes:
        query = f"SELECT {SECRET} FROM pads WHERE id = ?"  # noqa: S608
        return bytes(self._rows.execute(query, (row_id,)).fetchone()[0])

    def _write(self, row_id: int, first: int, pads: bytes) -> None:
        ring = bytearray(self._ring(row_id))
        for at in range(0, len(pads), INDEX_BYTES):
            place = (first * INDEX_BYTES + at) % len(ring)
            ring[place : place + INDEX_BYTES] = pads[at : at + INDEX_BYTES]
        self._replace(row_id, bytes(ring))

    def _replace(self, row_id: int, ring: bytes) -> None:
        row = (behind_a_page(ring), row_id)
        self._rows.execute("UPDATE pads SET bits = ? WHERE id = ?", row)

    def _widen(self, row_id: int, kept: range, places: int) -> None:
        """Put the pads that are kept into a new ring with more places."""
        pads = pads_in(self._ring(row_id), kept)
        self._replace(row_id, bytes(places * INDEX_BYTES))
        self._write(row_id, kept.start, b"".join(pads.values()))

    def _provision(self, row_id: int, stop: int) -> None:
        self._rows.execute("UPDATE links SET provisioned_pads = ? WHERE rowid = ?", (stop, row_id))


def pads_in(ring: bytes, indices: range) -> dict[tuple[int, int], bytes]:
    """What is in the places of ``indices``, by index and role."""
    places = len(ring) // INDEX_BYTES
    pads = {}
    for index in indices:
        at = index % places * INDEX_BYTES
        pads[index, 0] = ring[at : at + TAG_BYTES]
        pads[index, 1] = ring[at + TAG_BYTES : at + INDEX_BYTES]
    return pads
