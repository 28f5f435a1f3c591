"""What each end of a link holds over time, from the rows of a ledger alone."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netsim.pools.ledger import Account, Movement
from netsim.units import s_from_ps

BOTH = "both"
"""Stands in the place of an end."""

SHOWN = (Account.POOL, Account.RESERVE, Account.DOUBT)
"""Accounts whose balances are kept."""


@dataclass(slots=True)
class PoolHistory:
    """What one end of a link held, or both in common, whenever it changed."""

    link: str
    end: str
    latest_ps: int = 0
    """Time of the last movement."""
    times_ps: list[int] = field(default_factory=list)
    """Times of change, ascending."""
    levels_bits: list[int] = field(default_factory=list)
    """Usable key from each of these times on."""
    balances_bits: dict[Account, int] = field(default_factory=dict)
    """At the end of the ledger: pool, reserve, in doubt."""
    deposited_bits: int = 0
    """Into the pool, over all blocks."""
    reserved_bits: int = 0
    """Into the reserve out of distilled key, over all blocks."""
    spent_bits: int = 0
    """Out of pool and reserve."""
    wasted_bits: int = 0
    """Beyond what the pool may hold."""

    @property
    def balances(self) -> dict[str, int]:
        """Bits at the end of the ledger, and where they came from and went."""
        held = {account: self.balances_bits.get(account, 0) for account in SHOWN}
        return {
            "to_pool_bits": self.deposited_bits,
            "to_reserve_bits": self.reserved_bits,
            "spent_bits": self.spent_bits,
            "wasted_bits": self.wasted_bits,
            "pool_bits": held[Account.POOL],
            "reserve_bits": held[Account.RESERVE],
            "in_doubt_bits": held[Account.DOUBT],
        }

    def level_at(self, time_ps: int) -> int:
        """Usable bits at `time_ps`, a change at that very moment included."""
        place = bisect_right(self.times_ps, time_ps)
        return self.levels_bits[place - 1] if place else 0

    def add(self, movement: Movement) -> None:
        """Take in a later movement of this end."""
        self.latest_ps = movement.time_ps
        changes = ((movement.debit, -movement.bits), (movement.credit, movement.bits))
        for account, bits in changes:
            if account in SHOWN:
                self.balances_bits[account] = self.balances_bits.get(account, 0) + bits
        if movement.credit is Account.POOL:
            self.deposited_bits += movement.bits
        if movement.credit is Account.RESERVE and movement.debit in {Account.OPEN, Account.DOUBT}:
            self.reserved_bits += movement.bits
        if movement.credit is Account.SPENT:
            self.spent_bits += movement.bits
        if movement.credit is Account.WASTED:
            self.wasted_bits += movement.bits
        if Account.POOL in (movement.debit, movement.credit):
            self.times_ps.append(movement.time_ps)
            self.levels_bits.append(self.balances_bits[Account.POOL])


def level_rows(histories: Iterable[PoolHistory]) -> Iterator[dict[str, Any]]:
    """A row whenever the usable key of an end changed, and of what both ends have in common."""
    for history in histories:
        for time_ps, bits in zip(history.times_ps, history.levels_bits, strict=True):
            yield {
                "link": history.link,
                "end": history.end,
                "time_s": s_from_ps(time_ps),
                "usable_bits": bits,
            }


class _Common:
    """What the two ends of a link have in common, block by block."""

    def __init__(self, link: str) -> None:
        self.history = PoolHistory(link, BOTH)
        self._levels: dict[int, dict[str, int]] = {}
        self._total_bits = 0

    def add(self, movement: Movement) -> None:
        """Take in a later movement of either end."""
        sign = (movement.credit is Account.POOL) - (movement.debit is Account.POOL)
        if not sign:
            return
        levels = self._levels.setdefault(movement.block, {})
        before = _least(levels)
        levels[movement.end] = levels.get(movement.end, 0) + sign * movement.bits
        self._total_bits += _least(levels) - before
        self.history.times_ps.append(movement.time_ps)
        self.history.levels_bits.append(self._total_bits)


def _least(levels: Mapping[str, int]) -> int:
    """Of both ends; 0 while only one has anything."""
    return min(levels.values()) if len(levels) == 2 else 0


def pool_histories(movements: Iterable[Movement]) -> tuple[PoolHistory, ...]:
    """One history per end of a link, in the order of the ledger, and one of what both have."""
    histories: dict[tuple[str, str], PoolHistory] = {}
    common: dict[str, _Common] = {}
    for movement in movements:
        key = (movement.link, movement.end)
        histories.setdefault(key, PoolHistory(*key)).add(movement)
        common.setdefault(movement.link, _Common(movement.link)).add(movement)
    both = (each.history for each in common.values())
    return tuple(sorted((*histories.values(), *both), key=lambda history: history.link))
