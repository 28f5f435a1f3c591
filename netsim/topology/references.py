"""Whether crashes, faults and taps of a raw topology fit, and name users and links that exist."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from netsim.errors import Fault
from netsim.topology.schema import suggestion

_NAMED = (
    (("crashes",), "user"),
    (("classical", "bandwidth_changes"), "link"),
    (("classical", "outages"), "link"),
    (("taps",), "link"),
    (("taps",), "sender"),
    (("events",), "user"),
    (("observers",), "user"),
)
"""Lists of tables, and the key of each entry that names something."""


def reference_faults(raw: Mapping[str, object], users: list[str]) -> Iterator[Fault]:
    """Names of users or links that do not exist.

    Parameters
    ----------
    raw : mapping
        Parsed TOML, whatever else is wrong with it.
    users : list of str
        All names of users, in the order of the file.
    """
    links = [f"{first}-{second}" for first, second in combinations(users, 2)]
    for path, key in _NAMED:
        known = links if key == "link" else users
        for index, name in _entries(raw, path, key):
            if name not in known:
                where = ".".join((*path, str(index), key))
                yield Fault(where, _unknown("link" if key == "link" else "user", name, known))


def link_faults(
    raw: Mapping[str, object], users: list[str], frame_s: float | None
) -> Iterator[Fault]:
    """Entries of ``links`` that name no two users, a pair twice, or rounds below one frame.

    Parameters
    ----------
    raw : mapping
        Parsed TOML, whatever else is wrong with it.
    users : list of str
        All names of users.
    frame_s : float or None
        Length of a frame, if it is a valid one.
    """
    links = raw.get("links")
    seen: set[frozenset[str]] = set()
    for index, entry in enumerate(links if isinstance(links, list | tuple) else ()):
        values = entry if isinstance(entry, Mapping) else {}
        pair, round_s = values.get("users"), values.get("round_s")
        both = pair if isinstance(pair, list | tuple) and len(pair) == 2 else ()
        names = [name for name in both if isinstance(name, str)]
        where = f"links.{index}"
        for position, name in enumerate(names):
            if name not in users:
                yield Fault(f"{where}.users.{position}", _unknown("user", name, users))
        if len(names) == 2 and (len(set(names)) == 1 or frozenset(names) in seen):
            twice = "this link is given twice" if frozenset(names) in seen else "one user, no link"
            yield Fault(f"{where}.users", twice)
        seen.add(frozenset(names))
        if frame_s is not None and isinstance(round_s, float | int) and 0 < round_s < frame_s:
            reason = f"{round_s:g} is shorter than one frame of {frame_s:g}"
            yield Fault(f"{where}.round_s", reason)


def crash_faults(raw: Mapping[str, object]) -> Iterator[Fault]:
    """Crashes of a user whose process is down already."""
    down: dict[str, list[tuple[float, float]]] = {}
    crashes = raw.get("crashes")
    for index, entry in enumerate(crashes if isinstance(crashes, list | tuple) else ()):
        values = entry if isinstance(entry, Mapping) else {}
        user, stop_s, start_s = (values.get(name) for name in ("user", "stop_s", "start_s"))
        if not isinstance(stop_s, int | float) or not isinstance(start_s, int | float):
            continue
        if not isinstance(user, str):
            continue
        for since_s, until_s in down.get(user, []):
            if stop_s < until_s and since_s < start_s:
                reason = f"{user} is down already from {since_s:g} to {until_s:g} s"
                yield Fault(f"crashes.{index}", reason)
        down.setdefault(user, []).append((stop_s, start_s))


def _entries(
    raw: Mapping[str, object], path: tuple[str, ...], key: str
) -> Iterator[tuple[int, str]]:
    node: object = raw
    for step in path:
        node = node.get(step) if isinstance(node, Mapping) else None
    for index, entry in enumerate(node if isinstance(node, list | tuple) else ()):
        name = entry.get(key) if isinstance(entry, Mapping) else None
        if isinstance(name, str):
            yield index, name


def _unknown(kind: str, name: str, known: list[str]) -> str:
    turned = "-".join(reversed(name.split("-")))
    meant = turned if turned in known else suggestion(name, known)
    shown = name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
    return f"unknown {kind} {shown[:80]}" + (f", did you mean {meant}?" if meant else "")
