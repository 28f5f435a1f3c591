"""What a run directory holds, read but not believed."""

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from netsim.errors import ConfigError
from netsim.pools.ledger import Account, Movement, read_ledger
from netsim.results.directory import EVENTS, LANES, LEDGER, LINKS, MANIFEST, SUMMARY
from netsim.verify.schema import NAME, Event, Manifest, Summary, read_object

Json = dict[str, Any]
Flow = tuple[str, str, int, Account, Account]
"""Link, end, block, from, to."""


@dataclass(frozen=True)
class Records:
    """The files of one run.

    Attributes
    ----------
    movements : tuple of Movement
        The ledger; movement k stands in line k + 2.
    events : tuple of (int, dict)
        Lines of the trace with their numbers.
    manifest, summary : dict or None
        None in a run that was killed.
    lanes, links : tuple of dict
        Rows of the two tables; empty in a run that was killed.
    """

    directory: Path
    movements: tuple[Movement, ...]
    events: tuple[tuple[int, Json], ...]
    manifest: Json | None
    summary: Json | None
    lanes: tuple[dict[str, str], ...]
    links: tuple[dict[str, str], ...]

    @cached_property
    def flows(self) -> Counter[Flow]:
        """Bits that went from one account to another, per link, end and block."""
        flows: Counter[Flow] = Counter()
        for row in self.movements:
            flows[row.link, row.end, row.block, row.debit, row.credit] += row.bits
        return flows

    @cached_property
    def ends(self) -> dict[str, list[str]]:
        """Ends of each link that the ledger names, in its order."""
        ends: dict[str, list[str]] = {}
        for row in self.movements:
            found = ends.setdefault(row.link, [])
            if row.end not in found:
                found.append(row.end)
        return ends

    def blocks(self, link: str, end: str) -> list[int]:
        """Rounds that the ledger of one end names."""
        return sorted({key[2] for key in self.flows if key[:2] == (link, end) and key[2] >= 0})

    def flow(self, link: str, end: str, block: int, debit: Account, credit: Account) -> int:
        """Bits of one block from one account to another."""
        return self.flows.get((link, end, block, debit, credit), 0)

    def level(self, link: str, end: str, block: int, account: Account) -> int:
        """Bits of one block that are in an account in the end."""
        return sum(
            bits * ((credit is account) - (debit is account))
            for (its_link, its_end, its_block, debit, credit), bits in self.flows.items()
            if (its_link, its_end, its_block) == (link, end, block)
        )

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end: not killed, not interrupted."""
        return self.summary is not None and not self.summary.get("partial")


def read_records(directory: Path) -> Records:
    """Read the files of ``directory``; ConfigError if that is no run directory."""
    if not (directory / LEDGER).is_file():
        raise ConfigError.of(directory, f"is no run directory: it holds no {LEDGER}")
    is_saved = (directory / SUMMARY).is_file()
    if not is_saved and (directory / MANIFEST).is_file():
        raise ConfigError.of(directory / SUMMARY, f"is missing, though {MANIFEST} is there")
    movements = read_ledger(directory / LEDGER)
    _check_names(movements)
    return Records(
        directory=directory,
        movements=movements,
        events=_read_events(directory / EVENTS),
        manifest=_read_object(directory / MANIFEST, Manifest) if is_saved else None,
        summary=_read_object(directory / SUMMARY, Summary) if is_saved else None,
        lanes=_read_rows(directory / LANES) if is_saved else (),
        links=_read_rows(directory / LINKS) if is_saved else (),
    )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError.of(path, f"cannot be read: {reason}") from error


def _check_names(movements: tuple[Movement, ...]) -> None:
    """Refuse names that no user or link can have: a store's file is named after them."""
    for line, row in enumerate(movements, start=2):
        try:
            NAME.validate_python(row.link)
            NAME.validate_python(row.end)
        except ValidationError as error:
            raise ConfigError.of(f"{LEDGER}:{line}", "names no link and end") from error


def _read_object(path: Path, kind: type[BaseModel]) -> Json:
    return _object(_read_text(path), str(path), kind)


def _read_events(path: Path) -> tuple[tuple[int, Json], ...]:
    """Up to the last complete line."""
    text = _read_text(path)
    lines = text[: text.rfind("\n") + 1].splitlines()
    return tuple((k, _object(line, f"{path}:{k}", Event)) for k, line in enumerate(lines, start=1))


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
