"""Overrides of single values of a topology, as in ``users.alice.fibre.length_m=5000``.

List entries are addressed by their index, or by their ``name``, ``channel`` or (joined by ``&``)
``channels``.
"""

import tomllib
from collections.abc import Sequence
from typing import cast

from netsim.errors import Fault
from netsim.topology.faults import value_text
from netsim.topology.schema import known_keys, schema_at, suggestion

MAX_INDEX_DIGITS = 9
MAX_NAMES = 12
"""Of list entries, in a message."""


class _OverrideError(Exception):
    """An override that cannot be applied, for the reason given."""


def apply_overrides(raw: dict[str, object], overrides: Sequence[str]) -> tuple[Fault, ...]:
    """Change ``raw`` in place, one override after the other; whether values fit is seen later.

    Parameters
    ----------
    raw : dict
        A parsed TOML file.
    overrides : sequence of str
        ``path=value``; the value is read as a TOML value, and as text where it is none.

    Returns
    -------
    tuple of Fault
        Overrides that could not be applied: no ``=`` in them, or a path that leads nowhere.
    """
    faults: list[Fault] = []
    for override in overrides:
        dotted, equals, text = override.partition("=")
        try:
            _assign(raw, _keys(dotted.strip(), equals), _value(text.strip()))
        except _OverrideError as error:
            shown = ascii(dotted.strip())[1:-1][:120]
            faults.append(Fault(shown or "override", str(error)))
    return tuple(faults)


def _keys(dotted: str, equals: str) -> list[str]:
    if not equals or not dotted:
        raise _OverrideError("an override reads path=value")
    return dotted.split(".")


def _value(text: str) -> object:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if table.keys() == {"value"} else text


def _assign(raw: dict[str, object], keys: list[str], value: object) -> None:
    node: object = raw
    path: list[str | int] = []
    made: list[tuple[dict[str, object], str]] = []
    try:
        for key in keys[:-1]:
            node = _enter(node, key, path, made)
        last = _place(node, keys[-1], path)
    except _OverrideError:
        for table, name in made[:1]:
            del table[name]
        raise
    # Where `_place` found a place, it fits: a key of a table or an index of a list.
    cast("dict[str | int, object]", node)[last] = value


def _enter(
    node: object, key: str, path: list[str | int], made: list[tuple[dict[str, object], str]]
) -> object:
    """Go one key deeper; a table that the file leaves out but may have is ``made``."""
    place = _place(node, key, path)
    path.append(place)
    if isinstance(node, dict):
        if place not in node:
            _check_table(path)
            node[place] = {}
            made.append((node, cast("str", place)))
        return node[place]
    return cast("list[object]", node)[cast("int", place)]


def _check_table(path: list[str | int]) -> None:
    """What the file leaves out at ``path`` can be entered only if it is a table."""
    kind, name = (schema_at(path) or {}).get("type"), ".".join(map(str, path))
    if kind == "array":
        raise _OverrideError(f"the file has no list {name}: give it whole, {name}=[...]")
    if kind != "object":
        raise _OverrideError(f"{name} has no keys")


def _place(node: object, key: str, path: list[str | int]) -> str | int:
    """Key or index of ``key`` in ``node``, which lies at ``path``."""
    if isinstance(node, dict):
        if key not in node and schema_at([*path, key]) is None:
            raise _OverrideError(_unknown(key, [*node, *known_keys(path)]))
        return key
    if isinstance(node, list):
        return _index(node, key, path)
    raise _OverrideError(f"{value_text(node)} has no key {key!a}")


def _index(entries: list[object], key: str, path: list[str | int]) -> int:
    if key.isascii() and key.isdecimal() and len(key) <= MAX_INDEX_DIGITS:
        if int(key) < len(entries):
            return int(key)
        raise _OverrideError(f"no entry {key}, the list has {len(entries)}")
    names = [_entry_names(entry) for entry in entries]
    for index, known in enumerate(names):
        if key in known:
            return index
    raise _OverrideError(_no_entry(key, [name for known in names for name in known], path))


def _entry_names(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return []
    channels = entry.get("channels")
    joined = "&".join(map(str, channels)) if isinstance(channels, list) else None
    candidates = (entry.get("name"), entry.get("channel"), joined)
    return [name for name in candidates if isinstance(name, str)]


def _no_entry(key: str, names: list[str], path: list[str | int]) -> str:
    """What to say of a key of the list at ``path`` that is no index and names no entry."""
    if schema_at([*path, 0, key]) is not None:
        entry = ascii(names[0])[1:-1] if names else "0"
        return f"{path[-1]} is a list; write for example {path[-1]}.{entry}.{key}"
    unknown = _unknown(key, names)
    if names and "did you mean" not in unknown:
        left_out = len(names) - MAX_NAMES
        more = f" and {left_out} more" if left_out > 0 else ""
        unknown += f", there are {ascii(', '.join(names[:MAX_NAMES]))[1:-1]}{more}"
    return unknown


def _unknown(key: str, known: list[str]) -> str:
    meant = suggestion(key, known)
    hint = "" if meant is None else f", did you mean {ascii(meant)[1:-1]}?"
    return f"unknown key {ascii(key)[:80]}{hint}"
