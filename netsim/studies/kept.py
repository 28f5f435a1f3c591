"""Studies read back from the directories that they were kept in."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netsim.errors import ConfigError
from netsim.results.directory import TOPOLOGY, load_run
from netsim.studies.compare import Outcome, Variant
from netsim.studies.estimates import Cell, Row
from netsim.studies.goal import parse_goal
from netsim.studies.grid import Axis
from netsim.studies.measures import MEASURES
from netsim.studies.optimum import OPTIMUM, TRIALS_TABLE, Optimum
from netsim.studies.ranges import range_from_json
from netsim.studies.sweep import REQUEST, TABLE, Sweep
from netsim.topology.architecture import architecture_of
from netsim.topology.load import load_topology

COMPARISON = "compare.json"
"""What `netsim compare` leaves beside its runs."""
TEXTS = ("link", "reason")
"""Columns of a sweep that are no numbers, beside settings that are none."""
NOTES = "notes"
"""One more, where points were simulated."""
COUNTS = ("seeds", "trial")
"""Those that hold whole numbers."""

MEASURE_COLUMNS = tuple(
    measure.name + end for measure in MEASURES for end in ("", "_low", "_high", "_twin")
)
"""What a sweep says of each measure."""


def load_comparison(directory: Path) -> list[Outcome]:
    """What `netsim compare --out` left: every run with what it is a variant of.

    Raises
    ------
    ConfigError
        It is none, or not whole.
    """
    entries = _json(directory / COMPARISON)
    folders = sorted(path for path in directory.glob("[0-9][0-9]*-*") if path.is_dir())
    if not isinstance(entries, list) or not entries or len(folders) != len(entries):
        raise ConfigError.of(directory, f"holds other runs than its {COMPARISON} tells of")
    # Numbers have two digits or more, and 100 comes behind 99.
    folders.sort(key=lambda path: int(path.name.partition("-")[0]))
    with _reading(directory):
        return [_outcome(*pair) for pair in zip(entries, folders, strict=True)]


def _outcome(entry: Mapping[str, Any], folder: Path) -> Outcome:
    spec = load_topology(folder / TOPOLOGY)
    return Outcome(
        topology=str(entry["topology"]),
        variant=Variant(str(entry["variant"]), tuple(map(str, entry["overrides"]))),
        run=load_run(folder),
        wall_s=float(entry["wall_s"]),
        is_replayed=bool(entry["replayed"]),
        photons_of=str(entry["photons_of"]),
        architecture=architecture_of(spec),
        window_ps=spec.protocol.window_ps,
    )


def load_sweep(directory: Path) -> tuple[Mapping[str, Any], Sweep]:
    """What was asked of a sweep, and what it found.

    Raises
    ------
    ConfigError
        It is none, or not whole.
    """
    asked = _json(directory / REQUEST)
    with _reading(directory):
        axes = tuple(
            Axis(str(one["path"]), tuple(map(str, one["values"])), bool(one["is_log"]))
            for one in asked["axes"]
        )
        words = {*TEXTS, *(axis.path for axis in axes if axis.numbers is None)}
        wanted = {*words, "seeds", *(axis.path for axis in axes), *MEASURE_COLUMNS}
        rows = _rows(directory / TABLE, wanted, words | {NOTES})
        return asked, Sweep(axes, rows, total=int(asked["total"]), done=int(asked["done"]))


def load_optimum(directory: Path) -> Optimum:
    """What `netsim sweep --optimise` left.

    Raises
    ------
    ConfigError
        It is none, or not whole.
    """
    asked = _json(directory / OPTIMUM)
    with _reading(directory):
        goal, ranges = parse_goal(asked["goal"]), tuple(map(range_from_json, asked["ranges"]))
        words = {*TEXTS, *(one.path for one in ranges if one.axis.numbers is None)}
        wanted = {*words, "trial", "value", *(one.path for one in ranges)}
        wanted |= {measure.name for measure in MEASURES}
        rows = _rows(directory / TRIALS_TABLE, wanted, words | {NOTES})
        return Optimum(goal, ranges, rows, total=int(asked["total"]), asked=asked)


def _rows(path: Path, wanted: set[str], words: set[str]) -> tuple[Row, ...]:
    """Rows of a table that has the columns ``wanted``; those in ``words`` are no numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if missing := sorted(wanted - set(table.fieldnames or ())):
            raise ConfigError.of(path, f"has no column {missing[0]}")
        return tuple(_row(row, words) for row in table)


def _row(row: Mapping[str, str], words: set[str]) -> Row:
    return dict(_cells(row, words))


def _cells(row: Mapping[str, str], words: set[str]) -> Iterator[tuple[str, Cell]]:
    for name, text in row.items():
        if name in words:
            yield name, text
        else:
            number = float(text) if text else None
            yield name, int(text) if name in COUNTS else number


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError.of(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError.of(path, "is no JSON") from error


@contextmanager
def _reading(directory: Path) -> Iterator[None]:
    """Say of what is not as it should be that it is no whole study."""
    try:
        yield
    except ConfigError:
        raise
    except (AttributeError, LookupError, OSError, TypeError, ValueError, csv.Error) as error:
        raise ConfigError.of(directory, f"holds no whole study: {error!r}") from error
