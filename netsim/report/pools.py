"""Levels of the key pools over time, from the rows of a ledger alone."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.pools.ledger import Account, Movement
from netsim.report.text import add_names, add_numbers, plain_table
from netsim.units import s_from_ps

BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
ASCII_BLOCKS = "_.:-=+*#"
"""For terminals without Unicode."""

WIDE = 110
"""From this console width on more moments are shown."""

BOTH = "both"
"""Stands in the place of an end."""

NOTES = (
    (
        "Both: what is usable at either end alike. The announcer's part of a block becomes usable "
        "when the responder's next vote, or the closing, acknowledges it, up to a round later."
    ),
    "Level: each line has its own scale, from zero to its highest level.",
    (
        "To reserve: the part of each block that refills the reserve of authentication key; with "
        "to pool it is the key that `netsim run` shows."
    ),
)

_SHOWN = (Account.POOL, Account.RESERVE, Account.DOUBT)


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

    def level_at(self, time_ps: int) -> int:
        """Usable bits at `time_ps`, a change at that very moment included."""
        place = bisect_right(self.times_ps, time_ps)
        return self.levels_bits[place - 1] if place else 0

    def add(self, movement: Movement) -> None:
        """Take in a later movement of this end."""
        self.latest_ps = movement.time_ps
        changes = ((movement.debit, -movement.bits), (movement.credit, movement.bits))
        for account, bits in changes:
            if account in _SHOWN:
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


def sparkline(levels: Sequence[int], *, blocks: str = BLOCKS) -> str:
    """One character per level, from zero to the highest of them."""
    top = max(levels, default=0)
    if top <= 0:
        return blocks[0] * len(levels)
    steps = len(blocks) - 1
    return "".join(blocks[max(0, -(-level * steps // top))] for level in levels)


def print_pools(movements: Iterable[Movement], console: Console, *, end_ps: int) -> None:
    """Print levels over time and closing balances of every pool.

    Parameters
    ----------
    movements : iterable of Movement
        Rows of a ledger, in their order; each is asked for once.
    console : rich.console.Console
        Where to; its width sets how many moments are shown.
    end_ps : int
        End of the time axis; later movements lengthen it.
    """
    histories = pool_histories(movements)
    if not histories:
        console.print("The ledger holds no movement: no key yet.")
        return
    end_ps = max(end_ps, *(history.latest_ps for history in histories))
    console.print(_level_table(histories, console, end_ps))
    console.print()
    console.print(_balance_table(histories))
    console.print()
    for line in NOTES:
        console.print(Text(line))


def _level_table(histories: Sequence[PoolHistory], console: Console, end_ps: int) -> Table:
    columns, dots = (8, 24) if console.width >= WIDE else (4, 16)
    table = plain_table("Usable key [bit] at each end, over simulated time")
    moments = _moments(end_ps, columns)
    add_names(table, "Link", "End")
    add_numbers(table, *(f"{s_from_ps(moment):.4g} s" for moment in moments))
    add_names(table, "Level")
    blocks = BLOCKS if "utf" in console.encoding.lower() else ASCII_BLOCKS
    for history in histories:
        line = [history.level_at(moment) for moment in _moments(end_ps, dots)]
        levels = (str(history.level_at(moment)) for moment in moments)
        table.add_row(history.link, history.end, *levels, sparkline(line, blocks=blocks))
    return table


def _balance_table(histories: Sequence[PoolHistory]) -> Table:
    table = plain_table("Balances at the end [bit]")
    add_names(table, "Link", "End")
    add_numbers(table, "To pool", "To reserve", "Spent", "Wasted", "Pool", "Reserve", "In doubt")
    for history in (history for history in histories if history.end != BOTH):
        held = (history.balances_bits.get(account, 0) for account in _SHOWN)
        into = (history.deposited_bits, history.reserved_bits)
        figures = (*into, history.spent_bits, history.wasted_bits, *held)
        table.add_row(history.link, history.end, *map(str, figures))
    return table


def _moments(end_ps: int, count: int) -> list[int]:
    """`count` equal steps from the first to `end_ps`, which is the last."""
    return [end_ps * step // count for step in range(1, count + 1)]
