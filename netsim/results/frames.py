"""Rows as tables of other libraries (those of the extra ``arrow``), and as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

from netsim.results.files import csv_text

EXTRA_HINT = "needs the extra arrow: pip install 'qnsp-netsim[arrow]'"

Rows = Sequence[Mapping[str, Any]]


class Tabular:
    """What has ``rows``, all with the same columns."""

    __slots__ = ()
    rows: Rows

    def csv(self) -> str:
        """As text, with a header."""
        return csv_text(self.rows)

    def to_arrow(self) -> Any:
        """The rows as a `pyarrow.Table`; needs the extra ``arrow``."""
        return arrow_table(self.rows)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`; needs the extra ``arrow``."""
        return data_frame(self.rows)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return html_table(self.rows)


def arrow_table(rows: Rows) -> Any:
    """A `pyarrow.Table`; columns of the first row, types as they are.

    Raises
    ------
    ImportError
        With what to install.
    """
    return _library("pyarrow").table(_columns(rows))


def data_frame(rows: Rows) -> Any:
    """A `pandas.DataFrame` of the same columns; whole numbers with gaps stay whole.

    Raises
    ------
    ImportError
        With what to install.
    """
    return _library("pandas").DataFrame(_columns(rows)).convert_dtypes()


def html_table(rows: Rows) -> str:
    """A table that a notebook shows."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
    lines = "".join(f"<tr>{''.join(_cells(row.values()))}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _cells(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        shown = f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
        yield f"<td>{escape(shown)}</td>"


def _columns(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} {EXTRA_HINT}") from error
