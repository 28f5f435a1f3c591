"""What a run directory holds, read but not believed.

Ledger and trace are read row by row, as often as they are needed; sums over them are kept.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from netsim.errors import ConfigError
from netsim.pools.ledger import Account, Movement
from netsim.pools.ledgerfile import read_ledger
from netsim.results.books import Books
from netsim.results.directory import (
    EVENTS,
    LANES,
    LEDGER,
    LINKS,
    MANIFEST,
    ROUNDS,
    SUMMARY,
    books_of,
)
from netsim.results.distilled import DISTIL, USERS
from netsim.verify.columns import Columns, read_columns
from netsim.verify.schema import NAME, DistilledSummary, Event, Manifest, Summary, read_object

Json = dict[str, Any]
End = tuple[str, str]
"""Link and one of its ends."""
Way = tuple[Account, Account]
"""From, to."""
NO_FLOWS: Mapping[Way, int] = {}
_COUNTS = (
    *("sifted_bits", "sampled_bits", "leaked_bits", "verification_bits"),
    *("auth_spent_bits", "unequal_blocks"),
)
"""What two recordings sum up under the names of a link."""
PROBABILITIES = ("forgery_probability", "epsilon")
"""What events tell of single rounds, and the summary of all."""


@dataclass
class Booked:
    """Sums over the rows of a ledger.

    Attributes
    ----------
    ends : dict
        Ends of each link, in the order of the ledger.
    flows : dict
        Bits that went from one account to another, per end, block and way.
    pool_levels : dict
        Bits in the pool of an end behind the last row that brought key of a block, per end and
        block.
    """

    ends: dict[str, list[str]] = field(default_factory=dict)
    flows: dict[End, dict[int, Counter[Way]]] = field(default_factory=dict)
    pool_levels: dict[tuple[End, int], int] = field(default_factory=dict)
    _pools: Counter[End] = field(default_factory=Counter)

    def add(self, row: Movement) -> None:
        """Take in the next row."""
        end = (row.link, row.end)
        ends = self.ends.setdefault(row.link, [])
        if row.end not in ends:
            ends.append(row.end)
        blocks = self.flows.setdefault(end, {})
        blocks.setdefault(row.block, Counter())[row.debit, row.credit] += row.bits
        sign = (row.credit is Account.POOL) - (row.debit is Account.POOL)
        self._pools[end] += sign * row.bits
        if row.debit is Account.DOUBT:
            self.pool_levels[end, row.block] = self._pools[end]


@dataclass
class Told:
    """Sums over the lines of a trace.

    Attributes
    ----------
    counts : Counter
        Events by name, link and end; of alarms also those that had no line by themselves.
    sums : dict
        Of each of `PROBABILITIES`, by its name, link and end.
    last : str or None
        Name of the last event.
    last_ps : int or None
        Its time.
    closed_ps : dict
        When an end of a link has closed.
    """

    counts: Counter[tuple[object, object, object]] = field(default_factory=Counter)
    sums: dict[tuple[str, object, object], float] = field(default_factory=dict)
    last: object = None
    last_ps: int | None = None
    closed_ps: dict[tuple[object, object], int] = field(default_factory=dict)

    def add(self, event: Json) -> None:
        """Take in the next line."""
        place = (event.get("link"), event.get("end"))
        self.last, self.last_ps = event.get("event"), event.get("time_ps")
        self.counts[self.last, *place] += 1 + (event.get("untold") or 0)
        if self.last == "link_closed":
            self.closed_ps[place] = self.last_ps or 0
        for name in PROBABILITIES:
            if event.get(name) is not None:
                self.sums[name, *place] = self.sums.get((name, *place), 0.0) + event[name]


@dataclass(frozen=True)
class Records:
    """The files of one run.

    Attributes
    ----------
    taken : frozenset of str
        Links whose key has left their pools, where rounds lie in columns.
    columns : Columns
        Rounds of the others; empty where rounds are rows and lines.
    booked : Booked
        What the ledger adds up to.
    told : Told
        What the trace adds up to.
    manifest, summary : dict or None
        None in a run that was killed. Two recordings have no manifest, and in their summary the
        entry ``links`` is made up of the others.
    lanes, links : tuple of dict
        Rows of the two tables; empty in a run that was killed, and of recordings.
    """

    directory: Path
    taken: frozenset[str]
    columns: Columns
    booked: Booked
    told: Told
    manifest: Json | None
    summary: Json | None
    lanes: tuple[dict[str, str], ...]
    links: tuple[dict[str, str], ...]

    def movements(self) -> Iterator[Movement]:
        """Rows of the ledger; of rounds in columns, those of links whose key has been taken."""
        return books_of(self.directory).movements(self.taken)

    def rows(self) -> Iterator[tuple[str, Movement]]:
        """The same with the place of each: a line of the ledger, or a round."""
        return _rows(books_of(self.directory), self.taken)

    def events(self) -> Iterator[tuple[int, Json]]:
        """Lines of the trace with their numbers; rounds in columns, as of `movements`, have 0."""
        numbers: dict[int, int] = {}

        def lines() -> Iterator[Json]:
            for number, line in _lines(self.directory / EVENTS):
                event = json.loads(line)
                numbers[id(event)] = number
                yield event

        for event in books_of(self.directory).with_rounds(lines(), self.taken):
            yield numbers.pop(id(event), 0), event

    @property
    def ends(self) -> dict[str, list[str]]:
        """Ends of each link that the ledger names, in its order."""
        return self.booked.ends

    def blocks(self, link: str, end: str) -> list[int]:
        """Rounds that the ledger of one end names."""
        return sorted(block for block in self.booked.flows.get((link, end), {}) if block >= 0)

    def flow(self, link: str, end: str, block: int, debit: Account, credit: Account) -> int:
        """Bits of one block from one account to another."""
        return self._flows(link, end, block).get((debit, credit), 0)

    def level(self, link: str, end: str, block: int, account: Account) -> int:
        """Bits of one block that are in an account in the end."""
        return sum(
            bits * ((credit is account) - (debit is account))
            for (debit, credit), bits in self._flows(link, end, block).items()
        )

    def _flows(self, link: str, end: str, block: int) -> Mapping[Way, int]:
        return self.booked.flows.get((link, end), {}).get(block, NO_FLOWS)

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end: not killed, not interrupted."""
        return self.summary is not None and not self.summary.get("partial")


def read_records(directory: Path) -> Records:
    """Read the files of ``directory``; ConfigError if that is no run directory."""
    if not (directory / LEDGER).is_file():
        raise ConfigError.of(directory, f"is no run directory: it holds no {LEDGER}")
    distilled = _read_distilled(directory)
    # The summary is the last that is written: where it is, all is.
    is_saved = distilled is None and (directory / SUMMARY).is_file()
    books = books_of(directory)
    taken = _taken(books)
    columns = read_columns(books, taken) if books.rounds.is_file() else Columns()
    return Records(
        directory=directory,
        taken=taken,
        columns=columns,
        booked=_add_up_ledger(books, taken),
        told=_add_up_events(books, taken, columns),
        manifest=_read_object(directory / MANIFEST, Manifest) if is_saved else None,
        summary=_read_object(directory / SUMMARY, Summary) if is_saved else distilled,
        lanes=_read_rows(directory / LANES) if is_saved else (),
        links=_read_rows(directory / LINKS) if is_saved else (),
    )


def _read_distilled(directory: Path) -> Json | None:
    """Summary of two recordings with its one link as that of a run; None if it is not of such."""
    path = directory / SUMMARY
    if not path.is_file() or (directory / MANIFEST).exists():
        return None
    try:
        if json.loads(_read_text(path)).get("command") != DISTIL:
            return None
    except (ValueError, AttributeError, RecursionError):
        return None
    summary = _read_object(path, DistilledSummary)
    counts = {name: summary[name] for name in _COUNTS}
    entry = counts | {
        "users": list(USERS),
        "blocks": len(summary["blocks"]) + len(summary["aborts"]),
        "blocks_failed": len(summary["aborts"]),
        "deposited_bits": summary["key_bits"],
        "alarms": len(summary["alarms"]),
    }
    return summary | {"links": [entry]}


def _taken(books: Books) -> frozenset[str]:
    """Links whose key has left their pools; of rows that are no movements another one tells."""
    if not books.rounds.is_file():
        return frozenset()
    return frozenset(row.link for row in read_ledger(books.ledger) if row.debit is Account.POOL)


def _add_up_ledger(books: Books, taken: frozenset[str]) -> Booked:
    booked = Booked()
    for place, row in _rows(books, taken):
        _check_names(place, row)
        booked.add(row)
    return booked


def _rows(books: Books, taken: frozenset[str]) -> Iterator[tuple[str, Movement]]:
    """Rows with their places: of those under way, which line it is goes by the object."""
    lines: dict[int, int] = {}

    def numbered() -> Iterator[Movement]:
        for line, row in enumerate(read_ledger(books.ledger), start=2):
            lines[id(row)] = line
            yield row

    for row in books.with_round_rows(numbered(), taken):
        line = lines.pop(id(row), None)
        yield f"{LEDGER}:{line}" if line else f"{ROUNDS}, {row.link} block {row.block}", row


def _add_up_events(books: Books, taken: frozenset[str], columns: Columns) -> Told:
    told = Told()
    path = books.events
    checked = (_object(line, f"{path}:{number}", Event) for number, line in _lines(path))
    for event in books.with_rounds(checked, taken):
        told.add(event)
    for link, its in columns.links.items():
        for end in its.ends:
            told.counts["round_aborted", link, end] += len(its.rounds) - its.good
            for name, total in its.probabilities.items():
                told.sums[name, link, end] = told.sums.get((name, link, end), 0.0) + total
    return told


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return ConfigError.of(path, f"cannot be read: {reason}")


def _check_names(place: str, row: Movement) -> None:
    """Refuse names that no user or link can have: a store's file is named after them."""
    try:
        NAME.validate_python(row.link)
        NAME.validate_python(row.end)
    except ValidationError as error:
        raise ConfigError.of(place, "names no link and end") from error


def _read_object(path: Path, kind: type[BaseModel]) -> Json:
    return _object(_read_text(path), str(path), kind)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a file with their numbers, up to the last complete one."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            whole = (line for line in file if line.endswith("\n"))
            yield from enumerate(whole, start=1)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _object(text: str, where: str, kind: type[BaseModel]) -> Json:
    try:
        return read_object(text, kind)
    except ValueError as error:
        raise ConfigError.of(where, str(error)) from error


def _read_rows(path: Path) -> tuple[dict[str, str], ...]:
    try:
        return tuple(csv.DictReader(_read_text(path).splitlines()))
    except csv.Error as error:
        raise ConfigError.of(path, f"is no table: {error}") from error
