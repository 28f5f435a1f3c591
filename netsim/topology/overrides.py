"""Overrides of single values of a topology, as in ``users.alice.fibre.length_m=5000``.

List entries are addressed by their index, or by their ``name``, ``channel`` or (joined by ``&``)
``channels``; ``*`` stands for each of them, as in ``users.*.fibre.length_m=5000``. A name without a
dot is one of ``protocol`` where that has it, else one of the whole topology; ``protocol`` is both,
and with a table for its value it is the whole section.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import cast

from netsim.errors import Fault, suggestion
from netsim.topology.faults import value_text
from netsim.topology.schema import known_keys, schema_at

Overrides = Sequence[str] | str | Mapping[str, object]
_NOTHING = object()
MAX_INDEX_DIGITS = 9
MAX_NAMES = 12
"""Of list entries, in a message."""
EACH = "*"
"""Stands for every entry of a list or table."""


class _OverrideError(Exception):
    """An override that cannot be applied, for the reason given."""


def apply_overrides(raw: dict[str, object], overrides: Overrides) -> tuple[Fault, ...]:
    """Change ``raw`` in place, one override after the other; whether values fit is seen later.

    Parameters
    ----------
    raw : dict
        A parsed TOML file.
    overrides : sequence of str, str or mapping
        ``path=value`` each, or a single one; the value is read as a TOML value, and as text where
        it is none. Or paths to values of Python: numbers, texts, lists, tables.

    Returns
    -------
    tuple of Fault
        Overrides that could not be applied: no ``=`` in them, or a path that leads nowhere.
    """
    faults: list[Fault] = []
    for dotted, value in _pairs(overrides):
        try:
            for keys in _spread(raw, _keys(dotted, value)):
                _assign(raw, keys, deepcopy(value))
        except _OverrideError as error:
            shown = ascii(dotted)[1:-1][:120]
            faults.append(Fault(shown or "override", str(error)))
    return tuple(faults)


def values_at(raw: dict[str, object], name: str) -> list[object]:
    """What stands in ``raw`` at a path, an entry for each place of an `EACH`; none if it is absent.

    Parameters
    ----------
    raw : dict
        A topology as a file has it.
    name : str
        As of an override.
    """
    found: list[object] = []
    with suppress(_OverrideError, KeyError):
        for keys in _spread(raw, full_path(name).split(".")):
            node: object = raw
            path: list[str | int] = []
            for key in keys:
                path.append(_place(node, key, path))
                node = node[path[-1]]  # type: ignore[index]  # `_place` found it there
            found.append(node)
    return found


def _pairs(overrides: Overrides) -> Iterator[tuple[str, object]]:
    """Paths and values; `_NOTHING` where there is no ``=``."""
    if isinstance(overrides, Mapping):
        yield from deepcopy(dict(overrides)).items()
        return
    for override in [overrides] if isinstance(overrides, str) else overrides:
        if not isinstance(override, str):
            raise TypeError(f"an override is a text path=value, not {type(override).__name__}")
        dotted, equals, text = override.partition("=")
        yield dotted.strip(), _value(text.strip()) if equals else _NOTHING


def as_texts(overrides: Overrides) -> tuple[str, ...]:
    """``path=value`` each: the same overrides, fit to be kept or sent."""
    if isinstance(overrides, Mapping):
        return tuple(f"{path}={_toml(value)}" for path, value in overrides.items())
    return (overrides,) if isinstance(overrides, str) else tuple(overrides)


def _toml(value: object) -> str:
    """A value of Python as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            pairs = (f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        case Sequence():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)


def _keys(dotted: str, value: object) -> list[str]:
    if value is _NOTHING or not dotted:
        raise _OverrideError("an override reads path=value")
    return full_path(dotted, is_table=isinstance(value, Mapping)).split(".")


def full_path(name: str, *, is_table: bool = False) -> str:
    """The path that ``name`` stands for, of the whole topology.

    Parameters
    ----------
    name : str
        A path, or a name without a dot.
    is_table : bool
        Whether a whole section is given for it.
    """
    protocol = known_keys(("protocol",))
    is_of_protocol = name in protocol and not (is_table and name in known_keys(()))
    return f"protocol.{name}" if is_of_protocol else name


def _spread(raw: dict[str, object], keys: list[str]) -> Iterator[list[str]]:
    """All keys that ``keys`` stand for; themselves, without an `EACH`."""
    if EACH not in keys:
        yield keys
        return
    at = keys.index(EACH)
    entries = _entries(raw, keys[:at])
    for entry in range(len(entries)) if isinstance(entries, list) else list(entries):
        yield from _spread(raw, [*keys[:at], str(entry), *keys[at + 1 :]])


def _entries(raw: dict[str, object], keys: list[str]) -> dict[str, object] | list[object]:
    """The list or table at ``keys``, which the file holds and which is not empty."""
    node: object = raw
    path: list[str | int] = []
    for key in keys:
        place = _place(node, key, path)
        path.append(place)
        node = node.get(place) if isinstance(node, dict) else node[place]  # type: ignore[index]
    if not isinstance(node, dict | list) or not node:
        raise _OverrideError(f"the file has no entries of {'.'.join(keys) or 'a topology'}")
    return node


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
            known = [*node, *known_keys(path), *(() if path else known_keys(("protocol",)))]
            raise _OverrideError(_unknown(key, known))
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
