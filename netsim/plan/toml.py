"""A mapping as TOML text with a comment behind each value; the standard library only reads it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from netsim.topology.starter import GROUPED_FROM

COMMENT_COLUMN = 40

Path = tuple[str, ...]
CommentOf = Callable[[Path, Any], str]
"""What to say about the value at a path (keys only, no indices); an empty string: nothing."""


def toml_text(table: Mapping[str, Any], comment_of: CommentOf) -> str:
    """TOML of nested mappings, sequences of mappings, and scalars or sequences of scalars."""
    lines = list(_table(table, (), comment_of))
    return "\n".join(lines).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: Path, comment_of: CommentOf) -> Iterator[str]:
    for key, value in table.items():
        if not _is_table(value) and not _is_array_of_tables(value):
            yield _line(key, value, comment_of((*path, key), value))
    for key, value in table.items():
        inner = (*path, key)
        if _is_table(value):
            if not value or not all(_is_table(v) or _is_array_of_tables(v) for v in value.values()):
                yield from ("", f"[{'.'.join(inner)}]")
            yield from _table(value, inner, comment_of)
        elif _is_array_of_tables(value):
            for entry in value:
                yield from ("", f"[[{'.'.join(inner)}]]")
                yield from _table(entry, inner, comment_of)


def _line(key: str, value: Any, comment: str) -> str:
    text = f"{key} = {_value(value)}"
    return f"{text:<{COMMENT_COLUMN - 2}}  # {comment}" if comment else text


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int) and abs(value) >= GROUPED_FROM:
        return f"{value:_}"
    # A JSON string, boolean or finite number is a TOML one.
    return json.dumps(value, ensure_ascii=False)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(map(_is_table, value))
