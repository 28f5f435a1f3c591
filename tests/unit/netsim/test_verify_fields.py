"""Every field of every record of a run is changed by itself, and the recheck notices.

What it cannot work out again is listed here, with the reason.
"""

import copy
import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.verify import verify_run

APPLICATION = (
    'applications=[{name="a", users=["alice","bob"], key_bits=256, arrivals="periodic", '
    "options={every_s=7.0}}]"
)
RUNS: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "photon": ("photon", 3.0, ("protocol.round_s=1.5",)),
    "rate": ("rate", 100.0, ("protocol.round_s=10", "protocol.reconciliation=modelled")),
    "finite": (
        "rate",
        100.0,
        ("protocol.round_s=10", "protocol.security=finite", "protocol.estimation=sample"),
    ),
    "taken": (
        "rate",
        50.0,
        ("protocol.round_s=10", "protocol.reconciliation=modelled", APPLICATION),
    ),
}
"""Level, seconds, and what is changed of ``two_user``."""
CIRCUMSTANCES = {"manifest.json made", "manifest.json versions", "summary.json performance.tags"}
"""Where and with what it was run, and how much went through: nothing follows from it."""
OBSERVED = {
    # What the clocks showed, as the responder found it.
    "events.jsonl link_locked",
    # When something was done or said, between what is before and what is behind it.
    *(f"events.jsonl {name}.time_ps" for name in ("round_started", "link_closed", "run_ended")),
    "ledger.csv reserve spent.time_ps",
    # How much the responder was sent, which its books do not say.
    *(f"events.jsonl {name}.forgery_probability" for name in ("block_usable", "link_closed")),
    # What unequal detectors took is among what amplification took.
    "links.csv bias_bits",
    # When a request first found too little key, if it was met at once all the same.
    "summary.json demand.pools.empty_ps",
    # What a process that returns goes on with.
    *(f"users links.{name}" for name in ("last_round", "is_closing")),
    *(f"users links.{name}" for name in ("closed_pad", "closed_message")),
    "users blocks.books",
    # Of a pad who signs with it; key of a block is neither's.
    "users keys.role",
}
SAMPLED = {"rounds.npy errors", "rounds.npy count_bits"}
"""Known within bounds where some errors are published and others corrected, and where counts of
errors are of several bases."""


@pytest.fixture(scope="module", params=RUNS)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A run of each kind, without a fault."""
    name = str(request.param)
    fidelity, duration_s, overrides = RUNS[name]
    out = tmp_path_factory.mktemp(name) / "out"
    topology = load_topology("two_user", overrides=overrides)
    simulate(topology, duration_s=duration_s, seed=3, out=out, fidelity=fidelity)
    assert verify_run(out) == ()
    return name, out


def other(value: object) -> object:
    """Something else of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value * 1.001 + 1e-9
        case bytes():
            return bytes([*value, 1])
        case None:
            return 1
        case _:
            return f"{value}x"


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to the values of a JSON object."""
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield from leaves(tree[key], (*path, key))
    else:
        yield path


def changed(tree: Any, path: tuple[Any, ...]) -> Any:
    """The object with another value there."""
    new = copy.deepcopy(tree)
    place = new
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = other(place[path[-1]])
    return new


def dotted(path: tuple[Any, ...]) -> str:
    """Names on the way, without numbers."""
    return ".".join(key for key in path if isinstance(key, str))


def objects(path: Path) -> Iterator[tuple[str, str]]:
    """Changed texts of a JSON file, and what is changed."""
    tree = json.loads(path.read_text())
    for leaf in leaves(tree):
        yield f"{path.name} {dotted(leaf)}", json.dumps(changed(tree, leaf))


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """The same of one line of each event; lines that are missing are other events' names."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    first = {(event["event"], event["end"]): k for k, event in reversed([*enumerate(events)])}
    for k in sorted(first.values()):
        for leaf in leaves(events[k]):
            new = [*events[:k], changed(events[k], leaf), *events[k + 1 :]]
            text = "".join(json.dumps(event) + "\n" for event in new)
            yield f"{path.name} {events[k]['event']}.{dotted(leaf)}", text


def cells(path: Path) -> Iterator[tuple[str, str]]:
    """The same of a table; of a ledger one row of each way and end."""
    head, *rows = csv.reader(path.read_text().splitlines())
    is_ledger = path.name == "ledger.csv"
    kinds = {(*row[4:6], row[2]) if is_ledger else (str(k),): k for k, row in enumerate(rows)}
    for kind, k in kinds.items():
        for column, name in enumerate(head):
            new = copy.deepcopy(rows)
            cell = rows[k][column]
            new[k][column] = str(int(cell) + 1) if cell.lstrip("-").isdigit() else f"{cell}x"
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([head, *new])
            yield (
                f"{path.name} {' '.join(kind[:2])}.{name}"
                if is_ledger
                else (f"{path.name} {name}"),
                text.getvalue(),
            )


def unnoticed_texts(out: Path) -> Iterator[str]:
    """Of all files that are text."""
    ways: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
        "summary.json": objects,
        "manifest.json": objects,
        "events.jsonl": lines,
        "lanes.csv": cells,
        "links.csv": cells,
        "ledger.csv": cells,
    }
    for name, way in ways.items():
        path = out / name
        text = path.read_text()
        for what, new in [*way(path)]:
            path.write_text(new)
            if not is_noticed(out):
                yield what
        path.write_text(text)


def unnoticed_rounds(out: Path) -> Iterator[str]:
    """Of one record of the columns, a bit more and a bit less."""
    path = out / "rounds.npy"
    if not path.exists():
        return
    rounds = np.load(path)
    for name in rounds.dtype.names:
        for step in (1, -1):
            new = rounds.copy()
            cell = new[name][2]
            new[name][2] = 1e-9 if np.isnan(cell) else cell + np.asarray(step).astype(cell.dtype)
            np.save(path, new)
            if not is_noticed(out):
                yield f"rounds.npy {name}"
    np.save(path, rounds)


def unnoticed_stores(out: Path) -> Iterator[str]:
    """Of the first row of each table of each user."""
    for path in sorted(out.glob("users/*.sqlite")):
        content = path.read_bytes()
        for table, column in columns_of(path):
            if is_changed(path, table, column) and not is_noticed(out):
                yield f"users {table}.{column}"
            path.write_bytes(content)


def columns_of(path: Path) -> list[tuple[str, str]]:
    """Tables and their columns."""
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [
            (table, row[1])
            for (table,) in tables
            for row in db.execute(f"PRAGMA table_info({table})")
        ]


def is_changed(path: Path, table: str, column: str) -> bool:
    """Whether the first row could be changed there: not one that is missing, or then one of two."""
    select = f"SELECT rowid, {column} FROM {table} LIMIT 1"  # noqa: S608 - names of its own
    update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608 - as above
    with closing(sqlite3.connect(path)) as db:
        row = db.execute(select).fetchone()
        if row is None:
            return False
        try:
            with db:
                db.execute(update, (other(row[1]), row[0]))
        except sqlite3.IntegrityError:
            return False
        return True


def is_noticed(out: Path) -> bool:
    """Whether there is a fault, or the files cannot be read."""
    try:
        return bool(verify_run(out))
    except ConfigError:
        return True


@pytest.mark.slow
def test_what_is_not_noticed_is_listed(run: tuple[str, Path], tmp_path: Path) -> None:
    """Nothing else; what bounds alone are known of only where there are only bounds."""
    name, kept = run
    out = Path(shutil.copytree(kept, tmp_path / "out"))
    found = {*unnoticed_texts(out), *unnoticed_rounds(out), *unnoticed_stores(out)}
    allowed = CIRCUMSTANCES | OBSERVED | (SAMPLED if name == "finite" else set())
    left = {what for what in found if not any(what.startswith(each) for each in allowed)}
    assert left == set()
