"""Law of `netsim verify`: whatever is wrong with a run directory, it is said in lines."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.errors import ConfigError, Fault
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.verify import verify_run

FILES = ("summary.json", "manifest.json", "events.jsonl", "ledger.csv", "links.csv", "lanes.csv")
WILD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 10**30, 2**63, 1e308, float("nan"), float("inf")),
    *("", "x", "\ud800", "\x00", "../../x", "a" * 300, [], [1], {}, {"a": 1}),
)
WILD_CELLS = (
    *("", "x", "-1", "9" * 30, "9" * 5000, "nan", "1e400", '"', "\x00", "a" * 200_000),
    *("../../../etc/passwd", "\u2028", "open", "---", "\u0661", "a" * 300),
)
WILD_COLUMNS = ("x", b"\xff\xfe", 1.5, -1, 2**62, "", 0)
COLUMNS = (
    *(("links", "provisioned_pads"), ("blocks", "round"), ("blocks", "state")),
    *(("blocks", "key_bits"), ("keys", "round"), ("keys", "bits"), ("pads", "bits")),
)


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One round of the two-user network."""
    directory = tmp_path_factory.mktemp("sound")
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5"])
    simulate(topology, duration_s=1.5, seed=3, out=directory)
    return directory


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all values within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def replace_value(text: str, data: st.DataObject) -> str:
    """A JSON text with one of its values replaced by a wild one."""
    top = json.loads(text)
    *path, last = data.draw(st.sampled_from(list(places(top))))
    at = top
    for key in path:
        at = at[key]
    at[last] = data.draw(st.sampled_from(WILD_VALUES))
    return json.dumps(top)


def damage_text(path: Path, data: st.DataObject) -> None:
    """Replace one value, or one cell, of one line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        path.write_text(replace_value(text, data), encoding="utf-8")
        return
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    if path.suffix == ".jsonl":
        lines[at] = replace_value(lines[at], data)
    else:
        cells = lines[at].split(",")
        cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(st.sampled_from(WILD_CELLS))
        lines[at] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def damage_bytes(path: Path, data: st.DataObject) -> None:
    """Overwrite, cut or lengthen a file anywhere."""
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(start + 20, len(content))) | st.just(len(content)))
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=20)) + content[stop:])


def damage_store(path: Path, data: st.DataObject) -> None:
    """Put a value of another type or size into the first row of a table."""
    table, column = data.draw(st.sampled_from(COLUMNS))
    value = data.draw(st.sampled_from(WILD_COLUMNS))
    db = sqlite3.connect(path, isolation_level=None)
    where = "rowid = (SELECT min(rowid) FROM "
    db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}{table})", (value,))  # noqa: S608
    db.close()


def said_of(directory: Path) -> tuple[Fault, ...]:
    """All faults; any other exception than `ConfigError` is a traceback to the user."""
    try:
        faults = verify_run(directory)
    except ConfigError as error:
        faults = error.faults
    for fault in faults:
        str(fault).encode("utf-8")
    return faults


@settings(max_examples=60)
@given(st.data())
def test_every_damage_is_said_in_lines(sound_run: Path, data: st.DataObject) -> None:
    """Values of any type, cells of any size, bytes of any kind: faults, never a traceback."""
    kind = data.draw(st.sampled_from((damage_text, damage_bytes, damage_store)))
    store = Path("users") / "alice.sqlite"
    names = {damage_text: FILES, damage_bytes: (*FILES, store), damage_store: (store,)}[kind]
    with tempfile.TemporaryDirectory() as scratch:
        directory = shutil.copytree(sound_run, Path(scratch) / "run")
        kind(directory / data.draw(st.sampled_from(names)), data)
        said_of(directory)


@pytest.mark.parametrize("name", ["summary.json", "manifest.json"])
@pytest.mark.parametrize("value", ["x", None, [], -1, float("nan")])
def test_values_of_the_wrong_type_are_faults(
    sound_run: Path, tmp_path: Path, name: str, value: object
) -> None:
    """The first value of a file, where it is of no type that belongs there, is named."""
    directory = shutil.copytree(sound_run, tmp_path / "run")
    loaded = json.loads((directory / name).read_text())
    loaded["seed"] = value
    (directory / name).write_text(json.dumps(loaded))
    (fault,) = said_of(directory)
    assert fault.path.endswith(name)
    assert "seed" in fault.message


def test_a_long_cell_and_a_long_name_are_faults(sound_run: Path, tmp_path: Path) -> None:
    """Cells over the limit of the csv module, and names no file can have, name their line."""
    for name, text in (("cell", "a" * 200_000), ("name", "a" * 300), ("path", "../alice")):
        directory = shutil.copytree(sound_run, tmp_path / name)
        lines = (directory / "ledger.csv").read_text().splitlines()
        cells = lines[4].split(",")
        cells[2] = text
        lines[4] = ",".join(cells)
        (directory / "ledger.csv").write_text("\n".join(lines) + "\n")
        (fault,) = said_of(directory)
        assert fault.path.endswith("ledger.csv:5"), fault
