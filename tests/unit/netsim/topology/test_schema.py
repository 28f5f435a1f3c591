"""The JSON schema describes every key."""

from collections.abc import Iterator
from typing import Any

from netsim.topology.schema import known_keys, topology_schema


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for owner in (schema, *schema["$defs"].values()):
        yield from owner.get("properties", {}).items()  # an enumeration has none


def test_every_key_has_a_description() -> None:
    """The docstring of each field is in the schema, and unknown keys are ruled out."""
    schema: dict[str, Any] = topology_schema()
    assert [name for name, spec in _properties(schema) if not spec.get("description")] == []
    tables = [spec for spec in schema["$defs"].values() if spec["type"] == "object"]
    assert tables
    assert all(spec["additionalProperties"] is False for spec in tables)


def test_known_keys_follow_lists_tables_and_optional_tables() -> None:
    """Keys are found through list entries, named receivers and an optional clock."""
    assert "length_m" in known_keys(("users", 3, "fibre"))
    assert "offset_ps" in known_keys(("users", 0, "clock"))
    assert "delay_ps" in known_keys(("receivers", "bench", "z"))
    assert known_keys(("users", 0, "name")) == ()
    assert known_keys(("nowhere", 0)) == ()
