"""Topologies as files: the schema that is printed knows them, and all are written in one way."""

import tomllib
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from netsim.plan.toml import toml_text
from netsim.topology.schema import topology_schema
from netsim.topology.starter import SHAPES, Starter, starter_text
from tests.support.pages import ROOT
from tests.support.tomlstyle import oddities, orders

FILES = {
    path.stem: path.read_text("utf-8") for path in sorted((ROOT / "topologies").glob("*.toml"))
}
STARTERS = {
    f"new {shape} of {source}": starter_text(Starter(shape, source=source))
    for shape in SHAPES
    for source in ("spdc", "ring")
}
TEXTS = FILES | STARTERS
VALIDATOR = Draft202012Validator(topology_schema())


def complaints(topology: dict[str, Any]) -> list[str]:
    """Of the schema, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(topology)]


def test_the_schema_is_one() -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(topology_schema())
    assert topology_schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_schema_knows_the_file(name: str) -> None:
    """An editor that follows it has nothing to say."""
    assert complaints(tomllib.loads(TEXTS[name])) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("frame_s",), "0.05", "'0.05' is not valid"),
        (("frame_s",), -1.0, "-1.0 is not valid"),
        (("protocol", "round_s"), "30", "'30' is not of type 'number'"),
        (("protocol", "round_s"), -1.0, "-1.0 is less than"),
        (("fram_s",), 1.0, "'fram_s' was unexpected"),
        (("users", 0, "fibre", "length"), 1.0, "'length' was unexpected"),
        (("qnsp", "channels", 0, "loss_db"), "2.5", "'2.5' is not of type 'number'"),
        (("protocol", "basis"), 3, "3 is not of type 'string'"),
    ],
)
def test_the_schema_sees_faults(path: tuple[str | int, ...], value: Any, said: str) -> None:
    """Of type, range and name, at their place."""
    topology = tomllib.loads(FILES["two_user"])
    table: Any = topology
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    assert any(said in complaint for complaint in complaints(topology)), complaints(topology)


@pytest.mark.parametrize("name", TEXTS)
def test_files_are_written_in_one_way(name: str) -> None:
    """Widths, blank lines, spaces, columns of comments, digits in groups."""
    assert list(oddities(TEXTS[name])) == []


def test_keys_stand_in_one_order() -> None:
    """Where two files have two keys of a kind of table, the same one comes first."""
    behind: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text in TEXTS.values():
        for kind, keys in orders(tomllib.loads(text)):
            for earlier, later in pairwise(keys):
                behind[kind][later].add(earlier)
    for kind, graph in behind.items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"{kind}: {error.args[1]}")


def test_what_is_written_by_a_plan_is_written_alike() -> None:
    """By the writer that knows no topology: groups of digits, columns, nested tables."""
    table = {"name": "ann", "count": 12_345, "few": 9999, "list": [[1, 20_000], [2, 3]], "on": True}
    nested = table | {"inner": {"length_m": 1.5}, "each": [{"a_long_name_of_a_key" * 2: 1}]}
    text = toml_text(nested, lambda path, _: f"[assumed] {path[-1]}")
    assert list(oddities(text)) == []
    assert tomllib.loads(text) == nested
    assert "count = 12_345   " in text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a = 1\nb=2\n", 2),
        ("a = 1 # close\n", 1),
        (f"{'a = 1':<40}#close\n", 1),
        ("a = 10000\n", 1),
        ("a = 1_000\n", 1),
        ("a = [ 1, 2]\n", 1),
        ("a = [1,2]\n", 1),
        ("a = {b = 1}\n", 1),
        ("a = 1E6\n", 1),
        ("a = 1.\n", 1),
        ("  a = 1\n", 1),
        ("A = 1\n", 1),
        ("a = 1\n[b]\n", 2),
        ("a = 1\n\n\n[b]\n", 3),
        ("a = 1\n\n[ b ]\n", 3),
        ("a = [\n  1,\n]\n", 2),
        ("a = 1", 1),
        ("a = 1\n\n", 3),
        ("a = 1 \n", 1),
        ("#a\n", 1),
        ('a = "\u00fc"\n', 1),
        (f"# {'a' * 99}\n", 1),
    ],
)
def test_what_is_written_otherwise_is_seen(text: str, number: int) -> None:
    """Each rule by a line that breaks it."""
    assert number in dict(oddities(text))


def test_what_may_be_written_is_let_be() -> None:
    """Arrays over lines, strings that look like comments, long values, longer comments."""
    text = (
        "#:schema topology.schema.json\n# One,\n#     two.\n\na = [\n    { b = 1, c = 2 },\n]\n"
        'd = "# 10000, [ 1 ]"\ne = 1e6\nf = -2.5e-3\ng = [1, 2]\nh = 10_000\n'
        f'i = "{"a" * 40}"  # said\n{"j = 1":<40}# said\n\n# A table\n[k.l]\nm = true\n'
    )
    assert list(oddities(text)) == []
