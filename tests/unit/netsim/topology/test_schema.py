"""The JSON schema describes every key."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from netsim.topology.described import DescribedSchema
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


class Lamp(BaseModel):
    """Of pydantic alone."""

    power_mw: float = 1.0
    """Of the light.

    Of all of it.
    """
    colour: str = "red"
    """As people see it."""
    untold: int = 0
    "A text of one line."


class Torch(Lamp):
    """One that is carried."""

    colour: str = "white"
    cells: int = 2
    """At most eight."""
    later: int = 0


class ToldLamp(BaseModel):
    """As `Lamp`, and pydantic reads its texts."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    power_mw: float = 1.0
    """Of the light.

    Of all of it.
    """
    colour: str = "red"
    """As people see it."""
    untold: int = 0
    "A text of one line."


class ToldTorch(ToldLamp):
    """As `Torch`."""

    colour: str = "white"
    cells: int = 2
    """At most eight."""
    later: int = 0


@pytest.mark.parametrize(
    ("plain", "told", "has_colour"), [(Lamp, ToldLamp, True), (Torch, ToldTorch, False)]
)
def test_descriptions_are_those_that_pydantic_reads(
    plain: type[BaseModel], told: type[BaseModel], has_colour: bool
) -> None:
    """Of bases as well, and none of a field that a class defines again without a text."""
    found = plain.model_json_schema(schema_generator=DescribedSchema)["properties"]
    assert found == told.model_json_schema()["properties"]
    assert "description" in found["power_mw"]
    assert ("description" in found["colour"]) == has_colour


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (("users", 3, "fibre"), "length_m"),
        (("users", 0, "clock"), "offset_ps"),
        (("receivers", "bench", "z"), "delay_ps"),
    ],
)
def test_known_keys_follow_lists_tables_and_optional_tables(
    place: tuple[str | int, ...], key: str
) -> None:
    """Keys are found through list entries, named receivers and an optional clock."""
    assert key in known_keys(place)


@pytest.mark.parametrize("place", [("users", 0, "name"), ("nowhere", 0)])
def test_nothing_is_known_where_there_is_no_table(place: tuple[str | int, ...]) -> None:
    """Behind a number or a text, and where nothing is."""
    assert known_keys(place) == ()
