"""Columns of tables that fit their console: what each shows, and which a narrow one loses."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from netsim.report.text import byte_count, fixed, settled_s
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
    """

    header: str
    cell: Callable[[T], str]
    is_kept: bool = True


def shown_columns(columns: Iterable[Column[T]], *, wide: bool) -> list[Column[T]]:
    """All columns, or those that a narrow console keeps."""
    return [column for column in columns if wide or column.is_kept]


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
    headers: Sequence[str], *, wide_only: Collection[str] = ()
) -> tuple[Column[LinkResult], ...]:
    """Columns of links in this order; a narrow console loses those of ``wide_only``."""
    return tuple(Column(head, _LINK_CELLS[head], head not in wide_only) for head in headers)
