"""Where the numbers of a topology are: paths with wildcards, looked up in its tables.

A path is that of an override (`netsim.topology.overrides`): keys joined by dots, entries of lists
by their ``name``, ``channel`` or ``channels``, or their index. ``*`` and ``?`` stand for any
letters of one step. The tables are those of the validated topology, so that numbers which the file
leaves to their defaults are there too; every pair process has an entry.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netsim.errors import suggestion
from netsim.topology.processes import pair_processes
from netsim.topology.source import PairFactorSpec
from netsim.topology.specs import TopologySpec

Tables = dict[str, object]
Keys = tuple[str | int, ...]

PAIRS: Keys = ("qnsp", "source", "pairs")
SOURCE_CONTRAST: Keys = ("qnsp", "source", "contrast")


class PathError(ValueError):
    """A path that leads to no number, for the reason given."""


@dataclass(frozen=True, slots=True)
class Place:
    """One number of a topology.

    Attributes
    ----------
    keys : tuple of str or int
        Where it is in the tables.
    path : str
        What it is called: ``qnsp.channels.C38.loss_db``.
    """

    keys: Keys
    path: str


def tables_of(topology: TopologySpec) -> Tables:
    """Tables of ``topology``, defaults included, with an entry for every pair process."""
    tables = topology.model_dump()
    source = tables["qnsp"]["source"]
    given = {frozenset(pair["channels"]) for pair in source["pairs"]}
    source["pairs"] = [*source["pairs"]] + [
        PairFactorSpec(channels=process.channels).model_dump()
        for process in pair_processes(topology)
        if frozenset(process.channels) not in given
    ]
    return tables


def find_places(tables: Tables, pattern: str) -> tuple[Place, ...]:
    """All numbers that ``pattern`` means, in the order of the file.

    Raises
    ------
    PathError
        If it means none, with what was probably meant.
    """
    steps = pattern.strip().split(".")
    found = tuple(_walk(tables, steps, ()))
    places = tuple(place for place, value in found if _is_number(place.keys, value))
    if places:
        return places
    if found:
        raise PathError("leads to no number that varies smoothly")
    raise PathError(_why_nothing(tables, steps))


def value_at(tables: Tables, keys: Keys) -> float:
    """Number at ``keys``; a contrast that a process leaves out is that of the source."""
    value = _node(tables, keys)
    if value is None:
        value = _node(tables, SOURCE_CONTRAST)
    if not isinstance(value, float):
        raise TypeError(f"{keys} is no number but {value!r}")
    return value


def set_value(tables: Tables, keys: Keys, value: float) -> None:
    """Put ``value`` at ``keys``."""
    parent = _node(tables, keys[:-1])
    if not isinstance(parent, dict):
        raise TypeError(f"{keys[:-1]} is no table")
    parent[keys[-1]] = value


def names_of(entry: object, index: int) -> tuple[str, ...]:
    """What an entry of a list is called, the best name first."""
    names: list[str] = []
    if isinstance(entry, Mapping):
        channels = entry.get("channels")
        names += [entry[key] for key in ("name", "channel") if isinstance(entry.get(key), str)]
        if isinstance(channels, Sequence) and len(channels) == 2:
            names += [f"{channels[0]}&{channels[1]}", f"{channels[1]}&{channels[0]}"]
    return (*names, str(index))


def _node(tables: object, keys: Keys) -> object:
    node = tables
    for key in keys:
        node = node[key]  # type: ignore[index]  # `find_places` was there before
    return node


def _walk(
    node: object, steps: Sequence[str], way: tuple[tuple[str | int, str], ...]
) -> Iterator[tuple[Place, object]]:
    """Every value at the end of the steps; ``way`` holds key and name of each step done."""
    if not steps:
        yield Place(tuple(key for key, _ in way), ".".join(name for _, name in way)), node
        return
    for key, names, child in _children(node):
        if any(fnmatchcase(name, steps[0]) for name in names):
            yield from _walk(child, steps[1:], (*way, (key, names[0])))


def _children(node: object) -> Iterator[tuple[str | int, tuple[str, ...], object]]:
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield key, (key,), child
    elif isinstance(node, list | tuple):
        for index, child in enumerate(node):
            yield index, names_of(child, index), child


def _is_number(keys: Keys, value: object) -> bool:
    is_inherited = value is None and keys[: len(PAIRS)] == PAIRS and keys[-1] == "contrast"
    return is_inherited or isinstance(value, float)


def _why_nothing(tables: object, steps: Sequence[str]) -> str:
    """Message on the first step that nothing matches."""
    nodes = [tables]
    for step in steps:
        known = [(names, child) for node in nodes for _, names, child in _children(node)]
        nodes = [child for names, child in known if any(fnmatchcase(n, step) for n in names)]
        if not nodes:
            choices = list(dict.fromkeys(names[0] for names, _ in known))
            meant = suggestion(step, choices)
            hint = f", did you mean {meant}?" if meant else f"; known: {', '.join(choices[:12])}"
            return f"unknown key {step[:40]!a}{hint if choices else ''}"
    return "leads to no number"
