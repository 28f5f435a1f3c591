"""Whether the users' stores hold what the ledger says, and the same bits at both ends of a link.

Bits are compared and never shown.
"""

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from netsim.errors import Fault
from netsim.pools.database import (
    OTHER_VERSION,
    SECRET,
    is_of_this_layout,
    is_without_tables,
)
from netsim.pools.key import KeyBlock, Piece, is_same
from netsim.pools.ledger import NO_BLOCK, Account
from netsim.pools.padring import INDEX_BYTES, pads_in
from netsim.pools.store import parted
from netsim.results.directory import USERS_DIRECTORY
from netsim.results.fidelity import Fidelity
from netsim.verify.columns import PAD_BITS
from netsim.verify.records import Records
from netsim.verify.schema import StoredBlocks, StoredLinks, StoredPads, StoredStock, fault_of

_USABLE = "usable"
_VERSIONS, _WITHOUT_LOG = (18, 19), 1
"""Where a file of SQLite says whether it has a log (https://www.sqlite.org/fileformat2.html), and
what it says if not."""
_NO_BLOCK = ("", KeyBlock(-1, b"", 0, ()))


@dataclass(frozen=True)
class StoredEnd:
    """What one user has stored of one link.

    Attributes
    ----------
    blocks : dict
        Round to state, and bits as far as they are left.
    pads : dict
        (index, role) to 16 bytes; those that are zero are not there.
    odd_bytes : int
        Of the ring of pads, behind its last whole place.
    next_pad : int
        Index of the first pads that are not spent.
    provisioned_pads : int
        Indices that have been given pads so far.
    signing_pads : dict
        Round to the index of the pads that have signed for its block.
    said : frozenset of int
        Rounds of which a message is kept, or anything behind the key, such as digests.
    """

    blocks: dict[int, tuple[str, KeyBlock]] = field(repr=False)
    pads: dict[tuple[int, int], bytes] = field(repr=False)
    odd_bytes: int
    next_pad: int
    provisioned_pads: int
    signing_pads: dict[int, int]
    said: frozenset[int]


def store_faults(records: Records) -> Iterator[Fault]:
    """Faults of the stores; a killed run's may be ahead of its ledger: there only bits count."""
    level = (records.summary or {}).get("fidelity", Fidelity.PHOTON)  # recordings have none
    if not Fidelity(level).has_keys:
        return
    for link, ends in records.ends.items():
        stored: dict[str, StoredEnd] = {}
        for end in ends:
            path = records.directory / USERS_DIRECTORY / f"{end}.sqlite"
            try:
                found = _read(path, link)
            except sqlite3.Error as error:
                reason = str(error).partition(" with text ")[0]  # what follows may be key
                yield Fault(f"{USERS_DIRECTORY}/{path.name}", f"cannot be read: {reason}")
                continue
            except ValidationError as error:
                yield Fault(f"{USERS_DIRECTORY}/{path.name}, {link}", fault_of(error))
                continue
            if found is None and records.summary is not None:
                yield Fault(f"{USERS_DIRECTORY}/{path.name}", "is missing")
            if found is not None:
                stored[end] = found
                yield from _pad_faults(link, end, found)
                if records.summary is not None:
                    yield from _ledger_faults(records, link, end, found)
        if len(stored) == 2:
            yield from _unequal(link, stored)


@contextmanager
def opened_store(path: Path) -> Iterator[sqlite3.Connection]:
    """What is stored at ``path``, read without a trace in its folder, which may be read-only.

    A store that nobody has closed has a log beside it: both are copied to where SQLite may join
    them, into a folder for this user alone that goes at once.
    """
    log = path.with_name(f"{path.name}-wal")
    with ExitStack() as stack:
        if log.is_file() and log.stat().st_size:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            for part in (path, log):
                shutil.copyfile(part, folder / part.name)
            yield stack.enter_context(closing(sqlite3.connect(folder / path.name)))
            return
        content = bytearray(path.read_bytes())
        if len(content) > max(_VERSIONS):
            for place in _VERSIONS:
                content[place] = _WITHOUT_LOG
        db = stack.enter_context(closing(sqlite3.connect(":memory:")))
        if content:
            db.deserialize(bytes(content))
        yield db


def _read(path: Path, link: str) -> StoredEnd | None:
    """Stored state of ``link``; None if the run has kept no store, or nothing in it so far."""
    if not path.is_file():
        return None
    with opened_store(path) as db:
        if is_without_tables(db):
            return None
        if not is_of_this_layout(db):
            raise sqlite3.DatabaseError(OTHER_VERSION)
        links = db.execute("SELECT next_pad, provisioned_pads FROM links WHERE link = ?", (link,))
        rows = StoredLinks.validate_python(links.fetchall())
        blocks = db.execute(
            f"SELECT b.round, b.state, b.pad, b.key_bits, {SECRET}, length(b.message)"  # noqa: S608
            " FROM blocks b LEFT JOIN keys k ON k.link = b.link AND k.round = b.round"
            " WHERE b.link = ?",
            (link,),
        )
        stock = db.execute("SELECT round, start, stop FROM stock WHERE link = ?", (link,))
        left: defaultdict[int, list[Piece]] = defaultdict(list)
        for row in StoredStock.validate_python(stock.fetchall()):
            left[row[0]].append(Piece(*row))
        rings = db.execute(
            f"SELECT {SECRET} FROM pads JOIN links ON id = links.rowid WHERE link = ?",  # noqa: S608
            (link,),
        )
        pads = StoredPads.validate_python(rings.fetchall())
        found = StoredBlocks.validate_python(blocks.fetchall())
    next_pad, provisioned_pads = rows[0] if rows else (0, 0)
    ring = pads[0][0] if pads else b""
    kept = {number: parted(bits or b"", size) for number, _, _, size, bits, _ in found}
    return StoredEnd(
        {
            number: (state, KeyBlock(number, kept[number][0], size, tuple(left[number])))
            for number, state, _, size, *_ in found
        },
        _nonzero(ring, next_pad),
        len(ring) % INDEX_BYTES,
        next_pad,
        provisioned_pads,
        {number: pad for number, _, pad, *_ in found},
        frozenset(number for number, *_, said in found if said or any(kept[number][1])),
    )


def _nonzero(ring: bytes, next_pad: int) -> dict[tuple[int, int], bytes]:
    """What lies in a ring of pads, also where pads are spent or to come."""
    places = range(next_pad, next_pad + len(ring) // INDEX_BYTES)
    return {place: pad for place, pad in pads_in(ring, places).items() if any(pad)}


def _pad_faults(link: str, end: str, stored: StoredEnd) -> Iterator[Fault]:
    """No two pads are the same secret, none has signed twice, and those that have are gone."""
    where = f"{USERS_DIRECTORY}/{end}.sqlite, {link}"
    if len(set(stored.pads.values())) != len(stored.pads):
        yield Fault(where, "two pads are the same bits")
    for number, (state, block) in sorted(stored.blocks.items()):
        if not _is_sound(block):
            yield Fault(where, f"block {number} has more bits left than it has bits")
        if state == _USABLE and stored.signing_pads[number] >= stored.next_pad:
            yield Fault(where, f"block {number} is settled, and its pads are not spent")
        if state == _USABLE and number in stored.said:
            yield Fault(where, f"block {number} is settled, and what was said of it is kept")
    if len(set(stored.signing_pads.values())) != len(stored.signing_pads):
        yield Fault(where, "one pad has signed for two blocks")
    there = range(stored.next_pad, stored.provisioned_pads)
    if any(index not in there for index, _ in stored.pads):
        yield Fault(where, f"pads outside of {there.start} to {there.stop}")
    if stored.odd_bytes:
        yield Fault(where, f"{stored.odd_bytes} bytes behind the last whole pads")


def _ledger_faults(records: Records, link: str, end: str, stored: StoredEnd) -> Iterator[Fault]:
    where = f"{USERS_DIRECTORY}/{end}.sqlite, {link}"
    reserve = sum(
        records.level(link, end, block, Account.RESERVE)
        for block in (NO_BLOCK, *records.blocks(link, end))
    )
    if PAD_BITS * len(stored.pads) != reserve:
        yield Fault(
            where, f"{PAD_BITS * len(stored.pads)} bits of pads, {reserve} in the reserve's books"
        )
    provisioned_bits = 2 * PAD_BITS * stored.provisioned_pads
    if provisioned_bits != (booked_bits := _provisioned_bits(records, link, end)):
        yield Fault(where, f"{provisioned_bits} bits of pads have come, {booked_bits} by the books")
    for block in records.blocks(link, end):
        booked = records.level(link, end, block, Account.POOL)
        doubtful = records.level(link, end, block, Account.DOUBT)
        state, found = stored.blocks.get(block, _NO_BLOCK)
        left_bits = sum(piece.size_bits for piece in found.left)
        kept = (left_bits, 0) if state == _USABLE else (0, found.size_bits)
        if kept != (booked, doubtful):
            yield Fault(
                f"{where} block {block}",
                f"{kept[0]} bits usable and {kept[1]} in doubt, booked {booked} and {doubtful}",
            )


def _provisioned_bits(records: Records, link: str, end: str) -> int:
    """All that ever came into the reserve."""
    refilled = (
        records.flow(link, end, block, Account.DOUBT, Account.RESERVE)
        for block in records.blocks(link, end)
    )
    return records.flow(link, end, NO_BLOCK, Account.PRESHARED, Account.RESERVE) + sum(refilled)


def _unequal(link: str, stored: dict[str, StoredEnd]) -> Iterator[Fault]:
    """Compare the bits of every block and pad that both ends have in the same state."""
    (first, one), (second, other) = stored.items()
    for number in sorted(one.blocks.keys() & other.blocks.keys()):
        (its_state, its), (own_state, own) = one.blocks[number], other.blocks[number]
        if its_state == own_state and not _is_same(its, own):
            yield Fault(
                USERS_DIRECTORY, f"{link} block {number} is not the same at {first} and {second}"
            )
    for place in sorted(one.pads.keys() & other.pads.keys()):
        if one.pads[place] != other.pads[place]:
            yield Fault(
                USERS_DIRECTORY,
                f"{link}: pad {place[0]} differs between {first} and {second}",
            )


def _is_sound(block: KeyBlock) -> bool:
    """Whether the bytes are those of its size, and what is left lies within it."""
    size_bytes = -(-block.size_bits // 8)
    is_whole = len(block.key) == size_bytes or not (block.key or block.left)
    return is_whole and all(
        0 <= piece.start < piece.stop <= block.size_bits for piece in block.left
    )


def _is_same(one: KeyBlock, other: KeyBlock) -> bool:
    if one.left == other.left or not (_is_sound(one) and _is_sound(other)):
        return (one.size_bits, one.key) == (other.size_bits, other.key)
    return is_same(one, other)
