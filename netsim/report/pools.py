"""Levels of the key pools over time, printed."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.pools.history import BOTH, PoolHistory, level_rows, pool_histories
from netsim.pools.ledger import Movement
from netsim.report.text import add_names, add_numbers, plain_table
from netsim.units import s_from_ps

BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
ASCII_BLOCKS = "_.:-=+*#"
"""For terminals without Unicode."""

SIZES = ((8, 24), (6, 16), (4, 16), (4, 8), (3, 6), (2, 4))
"""Moments that are shown as numbers, and as blocks: the first that the console has room for."""

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


def sparkline(levels: Sequence[int], *, blocks: str = BLOCKS) -> str:
    """One character per level, from zero to the highest of them."""
    top = max(levels, default=0)
    if top <= 0:
        return blocks[0] * len(levels)
    steps = len(blocks) - 1
    return "".join(blocks[max(0, -(-level * steps // top))] for level in levels)


def pools_json(histories: Iterable[PoolHistory]) -> list[dict[str, Any]]:
    """Levels and balances of every end; of what both have in common the levels alone."""
    return [
        {
            "link": history.link,
            "end": history.end,
            **({} if history.end == BOTH else history.balances),
            "levels": [
                {"time_s": row["time_s"], "usable_bits": row["usable_bits"]}
                for row in level_rows([history])
            ],
        }
        for history in histories
    ]


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
    blocks = BLOCKS if "utf" in console.encoding.lower() else ASCII_BLOCKS
    unlimited = console.options.update(width=10_000)
    for columns, dots in SIZES:
        table = _sized_table(histories, end_ps, columns, dots, blocks)
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
    return table


def _sized_table(
    histories: Sequence[PoolHistory], end_ps: int, columns: int, dots: int, blocks: str
) -> Table:
    table = plain_table("Usable key [bit] at each end, over simulated time")
    moments = _moments(end_ps, columns)
    add_names(table, "Link", "End")
    add_numbers(table, *(f"{s_from_ps(moment):.7g} s" for moment in moments))
    add_names(table, "Level")
    for history in histories:
        line = [history.level_at(moment) for moment in _moments(end_ps, dots)]
        levels = (str(history.level_at(moment)) for moment in moments)
        table.add_row(history.link, history.end, *levels, sparkline(line, blocks=blocks))
    return table


def _balance_table(histories: Sequence[PoolHistory]) -> Table:
    table = plain_table("Balances at the end [bit]")
    add_names(table, "Link", "End")
    add_numbers(table, "To\npool", "To\nreserve", "Spent", "Wasted", "Pool", "Reserve", "In\ndoubt")
    for history in (history for history in histories if history.end != BOTH):
        table.add_row(history.link, history.end, *map(str, history.balances.values()))
    return table


def _moments(end_ps: int, count: int) -> list[int]:
    """`count` equal steps from the first to `end_ps`, which is the last."""
    return [end_ps * step // count for step in range(1, count + 1)]
