"""The double-entry ledger of the key pools: every bit that moves, from light to spent key.

A movement takes bits out of its `debit` account and puts them into its `credit` account, at one end
of one link. Rule 1: bits are never made or lost, only moved, so all balances of an end add up to
zero. Rule 2: only the origins (light, pre-shared key, disclosed bits) may go below zero. It holds
counts of bits, never the bits.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from netsim.errors import ConfigError


class Account(StrEnum):
    """Where the bits of one end of a link can be."""

    LIGHT = "light"
    """Origin of sifted bits: minus its balance is what was sifted."""
    PRESHARED = "preshared"
    """Origin of the authentication key that both ends held before the run."""
    OPEN = "open"
    """Sifted and still in a round."""
    SAMPLED = "sampled"
    """Published to estimate the error rate."""
    FAILED = "failed"
    """Lost with an aborted round or a block that failed verification."""
    AMPLIFIED = "amplified"
    """Given up in privacy amplification."""
    DOUBT = "doubt"
    """Secret bits of a prepared or held block whose fate is not settled."""
    POOL = "pool"
    """Usable key."""
    RESERVE = "reserve"
    """Key set aside for authentication."""
    SPENT = "spent"
    """Used, by authentication or by an application."""
    PARITIES = "parities"
    """Memo, origin: parity bits disclosed."""
    VERIFICATION = "verification"
    """Memo, origin: verification bits disclosed."""
    COUNTS = "counts"
    """Memo, origin: what announced error counts disclose, where the key length charges it."""
    WIRE = "wire"
    """Memo: bits disclosed on the classical channel."""


ORIGINS = frozenset(
    {Account.LIGHT, Account.PRESHARED, Account.PARITIES, Account.VERIFICATION, Account.COUNTS}
)

ALLOWED_CREDITS: Mapping[Account, frozenset[Account]] = {
    Account.LIGHT: frozenset({Account.OPEN}),
    Account.PRESHARED: frozenset({Account.RESERVE}),
    Account.OPEN: frozenset(
        {
            Account.SAMPLED,
            Account.FAILED,
            Account.AMPLIFIED,
            Account.DOUBT,
            Account.POOL,
            Account.RESERVE,
        }
    ),
    Account.DOUBT: frozenset({Account.FAILED, Account.POOL, Account.RESERVE}),
    Account.POOL: frozenset({Account.RESERVE, Account.SPENT}),
    Account.RESERVE: frozenset({Account.SPENT}),
    Account.PARITIES: frozenset({Account.WIRE}),
    Account.VERIFICATION: frozenset({Account.WIRE}),
    Account.COUNTS: frozenset({Account.WIRE}),
}
"""Which account may receive from which; what is not here has no way out."""

NO_BLOCK = -1
"""Block id of movements that belong to no block (pre-shared key, key handed to an application)."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One row: at `time_ps`, `end` of `link` moves `bits` of `block` from `debit` to `credit`."""

    time_ps: int
    link: str
    end: str
    block: int
    debit: Account
    credit: Account
    bits: int


HEADER = tuple(field.name for field in fields(Movement))


class Ledger:
    """All movements of a run, kept in memory and, if a path is given, written as they happen.

    Each row is flushed by itself, so that a killed run leaves a file that is readable up to its
    last complete line.

    Parameters
    ----------
    path : Path, optional
        A CSV file to be written; an existing one is replaced.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._movements: list[Movement] = []
        self._balances: defaultdict[tuple[str, str, Account], int] = defaultdict(int)
        self._file: TextIO | None = None
        if path is not None:
            self._file = path.open("w", encoding="utf-8", newline="", buffering=1)
            self._file.write(",".join(HEADER) + "\n")

    @property
    def movements(self) -> tuple[Movement, ...]:
        """All movements so far, in the order in which they happened."""
        return tuple(self._movements)

    def append(self, movement: Movement) -> None:
        """Book `movement`.

        Raises
        ------
        ValueError
            For negative bits, a move between accounts that have no way to each other, a move out of
            an account that does not hold that much, time running backwards, or a name that a CSV
            row cannot carry plainly.
        """
        self._check(movement)
        self._movements.append(movement)
        self._balances[movement.link, movement.end, movement.debit] -= movement.bits
        self._balances[movement.link, movement.end, movement.credit] += movement.bits
        if self._file is not None:
            self._file.write(csv_row(movement))

    def balance(self, link: str, end: str, account: Account) -> int:
        """Bits that `end` of `link` holds in `account`; zero or below for origins."""
        return self._balances.get((link, end, account), 0)

    def close(self) -> None:
        """Close the file; the movements stay readable."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, movement: Movement) -> None:
        if movement.bits < 0:
            raise ValueError(
                f"a movement of {movement.bits} bits: give the reverse movement instead"
            )
        if self._movements and movement.time_ps < self._movements[-1].time_ps:
            raise ValueError(f"a movement at {movement.time_ps} ps is older than the last one")
        if movement.credit not in ALLOWED_CREDITS.get(movement.debit, frozenset()):
            raise ValueError(f"no way from {movement.debit} to {movement.credit}")
        for name in (movement.link, movement.end):
            if not name or any(c in ',"\r\n' for c in name):
                raise ValueError(f"{name!r} is no name for a link or an end")
        held_bits = self.balance(movement.link, movement.end, movement.debit)
        if movement.debit not in ORIGINS and held_bits < movement.bits:
            raise ValueError(f"{movement.debit} holds {held_bits} bits, {movement.bits} asked for")


def csv_row(movement: Movement) -> str:
    """One line of ``ledger.csv``, newline included."""
    return (
        f"{movement.time_ps},{movement.link},{movement.end},{movement.block},"
        f"{movement.debit},{movement.credit},{movement.bits}\n"
    )


def read_ledger(path: Path) -> tuple[Movement, ...]:
    """Movements of a ``ledger.csv``, up to its last complete line.

    Raises
    ------
    ConfigError
        The file is missing, or a complete line of it is no movement.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError.of(path, f"cannot be read as a ledger: {reason}") from error
    complete = text[: text.rfind("\n") + 1].splitlines()
    if not complete or complete[0] != ",".join(HEADER):
        raise ConfigError.of(path, "is no ledger: its first line is not the header")
    return tuple(_parse_rows(complete[1:], path))


def _parse_rows(lines: list[str], path: Path) -> Iterator[Movement]:
    rows = csv.reader(lines)
    try:
        for row in rows:
            yield _movement(row)
    except (csv.Error, ValueError) as error:
        raise ConfigError.of(f"{path}:{rows.line_num + 1}", f"is no movement: {error}") from error


def _movement(row: list[str]) -> Movement:
    time_ps, link, end, block, debit, credit, bits = row
    return Movement(int(time_ps), link, end, int(block), Account(debit), Account(credit), int(bits))


def balances(movements: Iterable[Movement]) -> dict[tuple[str, str, Account], int]:
    """Bits per (link, end, account); minus what came out of it for an origin."""
    totals: defaultdict[tuple[str, str, Account], int] = defaultdict(int)
    for movement in movements:
        totals[movement.link, movement.end, movement.debit] -= movement.bits
        totals[movement.link, movement.end, movement.credit] += movement.bits
    return dict(totals)
