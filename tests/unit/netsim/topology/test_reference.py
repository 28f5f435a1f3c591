"""The tables of topologies hold every key of the schema, and what shipped files have."""

import doctest
import tomllib
from typing import Any

import pytest

from netsim.cli import run_command
from netsim.topology import reference
from netsim.topology.reference import KeyRow, topology_markdown, topology_tables, unit_of
from netsim.topology.schema import topology_schema
from netsim.topology.shipped import shipped_bytes, shipped_topologies


def rows_of(path: str) -> dict[str, KeyRow]:
    """Rows of the table at a path."""
    (table,) = [table for table in topology_tables() if path in table.paths]
    return {row.name: row for row in table.rows()}


def test_every_key_of_every_table_is_there() -> None:
    """As often as the schema has it, kinds of events included."""
    schema: Any = topology_schema()
    specs = [schema, *schema["$defs"].values(), *schema["properties"]["events"]["items"]["oneOf"]]
    keys = sorted(key for spec in specs for key in spec.get("properties", {}))
    assert sorted(row.name for table in topology_tables() for row in table.rows()) == keys
    assert len({path for table in topology_tables() for path in table.paths}) >= len(specs) - 1
    assert all(row.text for table in topology_tables() for row in table.rows())


def test_shipped_values_are_those_of_the_files() -> None:
    """Lengths of all users of all files, whoever wrote them."""
    files = [tomllib.loads(shipped_bytes(name).decode()) for name in shipped_topologies()]
    lengths = [user["fibre"]["length_m"] for file in files for user in file["users"]]
    row = rows_of("users.fibre")["length_m"]
    assert row.seen == f"{min(lengths):.6g} to {max(lengths):.6g}"
    assert (row.unit, row.default, row.allowed) == ("m", "required", "0 to 1e+07")
    pairs = [
        p["factor"] for f in files for p in f["qnsp"]["source"].get("pairs", ()) if "factor" in p
    ]
    pairs = [factor for factor in pairs if factor is not None]
    assert rows_of("qnsp.source.pairs")["factor"].seen == f"{min(pairs):.6g} to {max(pairs):.6g}"


def test_rows_say_what_may_stand_there() -> None:
    """Choices, defaults, whole numbers, no unit of what is no number."""
    protocol = rows_of("protocol")
    assert protocol["window_ps"].allowed.startswith("whole, 2 to ")
    assert protocol["initial_qber"].allowed == "above 0 below 0.5"
    assert protocol["initial_qber"].default == "0.05"
    assert "finite" in protocol["security"].allowed
    assert rows_of("qnsp.source (ring)")["hidden_bits"].unit == ""
    assert rows_of("users")["is_present"].default == "true"
    assert "receivers.NAME.x" in "".join(p for table in topology_tables() for p in table.paths)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("length_m", "m"),
        ("gamma_per_w_m", "1/(W m)"),
        ("walk_rad_per_sqrt_s", "rad/√s"),
        ("m", ""),
        ("tuning_hz_per_k", "Hz/K"),
        ("wander_k", "K"),
    ],
)
def test_units_are_last_tokens(name: str, unit: str) -> None:
    """What stands behind ``per`` divides."""
    assert unit_of(name) == unit
    assert doctest.testmod(reference).failed == 0


def test_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    """As Markdown."""
    assert run_command(["schema", "--markdown"]) == 0
    assert capsys.readouterr().out.strip() == topology_markdown().strip()
