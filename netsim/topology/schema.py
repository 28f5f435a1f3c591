"""The JSON schema of a topology file, and what it says about one key path."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from netsim.topology.changes import CHANGES, Change
from netsim.topology.described import DescribedSchema
from netsim.topology.specs import TopologySpec

Schema = Mapping[str, object]
KeyPath = Sequence[str | int]


def topology_schema() -> dict[str, object]:
    """JSON schema (2020-12) of a topology; descriptions are the docstrings of the specs."""
    schema = TopologySpec.model_json_schema(schema_generator=DescribedSchema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _root() -> Schema:
    return _schema_with(tuple(CHANGES.values()))


@cache
def _schema_with(changes: tuple[type[Change], ...]) -> Schema:
    """Worked out once, and again when a kind of change has been registered."""
    _ = changes
    return topology_schema()


def schema_at(path: KeyPath) -> Schema | None:
    """Subschema of the value at ``path``; None where no topology has such a key."""
    node: Schema | None = _root()
    for key in path:
        if node is None:
            return None
        node = _child(node, key)
    return None if node is None else resolved(node)


def is_whole_number(dotted: str) -> bool:
    """Whether what stands at a path, as of an override, is counted: 3, and never 2.5."""
    path: list[str | int] = []
    for key in dotted.split("."):
        # Entries of a list are all alike, whatever stands for one.
        path.append(key if schema_at([*path, key]) is not None else 0)
    return (schema_at(path) or {}).get("type") == "integer"


def known_keys(path: KeyPath, kind: str | None = None) -> tuple[str, ...]:
    """Keys that the table at ``path`` may have; empty if it is no table of fixed keys.

    Of a table that comes in several kinds, those of all or of the ``kind`` that is named.
    """
    node = schema_at(path)
    tables = [properties_of(of_kind) for of_kind in ([] if node is None else kinds_of(node))]
    named = [table for table in tables if _constant(table.get("kind")) == kind]
    return tuple(dict.fromkeys(key for table in named or tables for key in table))


def properties_of(node: Schema) -> Schema:
    """Keys of a table to their schemas."""
    return cast("Schema", node.get("properties", {}))


def _constant(node: object) -> object:
    return node.get("const") if isinstance(node, Mapping) else None


def kinds_of(node: Schema) -> list[Schema]:
    """The alternatives of a table that comes in several kinds, or the one that there is."""
    options = cast("Sequence[Schema]", node.get("oneOf", ()))
    return [resolved(option) for option in options] or [node]


def _child(node: Schema, key: str | int) -> Schema | None:
    children = (_child_of_kind(kind, key) for kind in kinds_of(resolved(node)))
    return next((child for child in children if child is not None), None)


def _child_of_kind(resolved: Schema, key: str | int) -> Schema | None:
    if isinstance(key, int):
        prefix = cast("Sequence[Schema]", resolved.get("prefixItems", ()))
        child = prefix[key] if 0 <= key < len(prefix) else resolved.get("items")
    else:
        properties = cast("Schema", resolved.get("properties", {}))
        child = properties.get(key, resolved.get("additionalProperties"))
    return cast("Schema", child) if isinstance(child, Mapping) else None


def resolved(node: Schema) -> Schema:
    """Follow a reference; of alternatives, take the one that is not null."""
    while True:
        if "anyOf" in node:
            options = cast("Sequence[Schema]", node["anyOf"])
            node = next(option for option in options if option.get("type") != "null")
        elif "$ref" in node:
            name = cast("str", node["$ref"]).rsplit("/", 1)[-1]
            node = cast("Mapping[str, Schema]", _root()["$defs"])[name]
        else:
            return node
