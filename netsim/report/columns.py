"""Columns of tables that fit their console: what each shows, and which a narrow one loses."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Console
from rich.table import Table

from netsim.report.text import byte_count, fits, fixed, settled_s
from netsim.results.parts import LinkResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of numbers.

    Attributes
    ----------
    header : str
    cell : callable
        Text of a row.
    is_kept : bool
        Whether the column is kept on a narrow console.
    goes : int
        Where that is too much still, columns go one by one, highest number first; 0 stays.
    """

    header: str
    cell: Callable[[T], str]
    is_kept: bool = True
    goes: int = 0


def shown_columns(columns: Iterable[Column[T]], *, wide: bool) -> list[Column[T]]:
    """All columns, or those that a narrow console keeps."""
    return [column for column in columns if wide or column.is_kept]


def fitting_table(
    columns: Sequence[Column[T]], make: Callable[[Sequence[Column[T]]], Table], console: Console
) -> Table:
    """The table with most of its columns that ``console`` shows without folding a name.

    Parameters
    ----------
    columns : sequence of Column
    make : callable
        The table of some of them.
    console : rich.console.Console

    Returns
    -------
    rich.table.Table
        If none fits, that with fewest columns.
    """
    table = make(columns)
    chosen = shown_columns(columns, wide=False)
    while not fits(table, console):
        table = make(chosen)
        last = max(chosen, key=lambda column: column.goes)
        if not last.goes:
            break
        chosen = [column for column in chosen if column is not last]
    return table


_LINK_CELLS: dict[str, Callable[[LinkResult], str]] = {
    "Rounds": lambda link: str(link.counts.blocks),
    "Failed": lambda link: str(link.counts.blocks_failed),
    "f": lambda link: fixed(link.f_measured, 3),
    "f\ncharged": lambda link: fixed(link.f_charged, 3),
    "Leak\n[bit]": lambda link: str(link.counts.leaked_bits),
    "Verif.\n[bit]": lambda link: str(link.counts.verification_bits),
    "Auth.\n[bit]": lambda link: str(link.counts.auth_spent_bits),
    "Key\n[bit]": lambda link: str(link.counts.deposited_bits),
    "Net\n[bit/s]": lambda link: fixed(link.net_key_bps, 1),
    "Mes-\nsages": lambda link: str(link.wire.messages),
    "Wire": lambda link: byte_count(link.wire.bytes),
    "Round\ntrips": lambda link: str(link.counts.round_trips),
    "Re-\nsent": lambda link: str(link.wire.retransmissions),
    "Alarms": lambda link: str(link.counts.alarms),
    "Settled\n[s]": lambda link: settled_s(link.settle_ps),
    "Epsilon": lambda link: "-" if link.epsilon is None else f"{link.epsilon:.2g}",
}
"""What can be shown of a link, by header."""


def link_columns(
    headers: Sequence[str], *, wide_only: Collection[str] = (), going: Sequence[str] = ()
) -> tuple[Column[LinkResult], ...]:
    """Columns of links in this order.

    A narrow console loses those of ``wide_only``, then those of ``going``, the first one first.
    """
    places = {head: len(going) - k for k, head in enumerate(going)}
    return tuple(
        Column(head, _LINK_CELLS[head], head not in wide_only, places.get(head, 0))
        for head in headers
    )
