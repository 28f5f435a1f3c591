"""The double-entry ledger of the key pools: every bit that moves, from light to spent key.

A movement takes bits out of its `debit` account and puts them into its `credit` account, at one end
of one link. Rule 1: bits are never made or lost, only moved, so all balances of an end add up to
zero. Rule 2: only the origins (light, pre-shared key, disclosed bits) may go below zero. It holds
counts of bits, never the bits.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
    WASTED = "wasted"
    """Deposited beyond what the pool may hold."""
    PARITIES = "parities"
    """Memo, origin: parity bits disclosed."""
    VERIFICATION = "verification"
    """Memo, origin: verification bits disclosed."""
    COUNTS = "counts"
    """Memo, origin: what announced error counts disclose, where the key length charges it."""
    TESTED = "tested"
    """Memo, origin: outcomes of Bell tests disclosed."""
    WIRE = "wire"
    """Memo: bits disclosed on the classical channel."""


ORIGINS = frozenset(
    {
        Account.LIGHT,
        Account.PRESHARED,
        Account.PARITIES,
        Account.VERIFICATION,
        Account.COUNTS,
        Account.TESTED,
    }
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
    Account.POOL: frozenset({Account.RESERVE, Account.SPENT, Account.WASTED}),
    Account.RESERVE: frozenset({Account.SPENT}),
    Account.PARITIES: frozenset({Account.WIRE}),
    Account.VERIFICATION: frozenset({Account.WIRE}),
    Account.COUNTS: frozenset({Account.WIRE}),
    Account.TESTED: frozenset({Account.WIRE}),
}
"""Which account may receive from which; what is not here has no way out."""

NO_BLOCK = -1
"""Block id of movements that belong to no block: pre-shared key, and pads."""


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


class MovementSink(Protocol):
    """Where movements go as they happen: a `LedgerFile`, a list, or anything alike."""

    def append(self, movement: Movement, /) -> None:
        """Take one movement."""
        ...


UNPLAIN = frozenset(',"\r\n')
"""What a name in a CSV row cannot have."""


class Ledger:
    """The balances of a run; the movements themselves go to a sink and are not kept.

    Parameters
    ----------
    sink : MovementSink, optional
        Takes each movement once it is booked; they go nowhere if absent.
    """

    def __init__(self, sink: MovementSink | None = None) -> None:
        self._sink = sink
        self._latest_ps: int | None = None
        self._balances: defaultdict[tuple[str, str, Account], int] = defaultdict(int)

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
        self._latest_ps = movement.time_ps
        self._balances[movement.link, movement.end, movement.debit] -= movement.bits
        self._balances[movement.link, movement.end, movement.credit] += movement.bits
        if self._sink is not None:
            self._sink.append(movement)

    def balance(self, link: str, end: str, account: Account) -> int:
        """Bits that `end` of `link` holds in `account`; zero or below for origins."""
        return self._balances.get((link, end, account), 0)

    def _check(self, movement: Movement) -> None:
        if movement.bits < 0:
            raise ValueError(
                f"a movement of {movement.bits} bits: give the reverse movement instead"
            )
        if self._latest_ps is not None and movement.time_ps < self._latest_ps:
            raise ValueError(f"a movement at {movement.time_ps} ps is older than the last one")
        if movement.credit not in ALLOWED_CREDITS.get(movement.debit, frozenset()):
            raise ValueError(f"no way from {movement.debit} to {movement.credit}")
        for name in (movement.link, movement.end):
            if not name or not UNPLAIN.isdisjoint(name):
                raise ValueError(f"{name!r} is no name for a link or an end")
        held_bits = self.balance(movement.link, movement.end, movement.debit)
        if movement.debit not in ORIGINS and held_bits < movement.bits:
            raise ValueError(f"{movement.debit} holds {held_bits} bits, {movement.bits} asked for")


def balances(movements: Iterable[Movement]) -> dict[tuple[str, str, Account], int]:
    """Bits per (link, end, account); minus what came out of it for an origin."""
    totals: defaultdict[tuple[str, str, Account], int] = defaultdict(int)
    for movement in movements:
        totals[movement.link, movement.end, movement.debit] -= movement.bits
        totals[movement.link, movement.end, movement.credit] += movement.bits
    return dict(totals)
