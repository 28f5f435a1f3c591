"""Writes a fitted topology: the text of the old one, with the fitted numbers in their places.

Comments and layout stay. Each fitted number is marked ``[fit]`` with the table it comes from, its
standard deviation and what stood there before; processes that had no entry get one. The new text
is read back and compared before anybody sees it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, InlineTable, Item

from netsim.errors import ConfigError
from netsim.fit.places import PAIRS, find_places, names_of, tables_of, value_at
from netsim.fit.results import Fit, FittedNumber
from netsim.topology.load import parse_topology
from netsim.topology.shipped import shipped_bytes, shipped_topologies

MARK = "[fit]"
COMMENT_COLUMN = 40
"""Comments begin here where there is room, as in the topologies that are shipped."""
HEAD = "# Fitted by netsim fit"


def fitted_text(text: str, fit: Fit) -> str:
    """Text of a topology with the numbers of ``fit``.

    Parameters
    ----------
    text : str
        TOML that the fit started from.
    fit : Fit
        Its result.

    Raises
    ------
    ConfigError
        If the new text would not hold what was fitted.
    """
    editor = _Editor(tomlkit.parse(text), fit)
    for number in fit.numbers:
        for path in number.paths:
            editor.put(path, number)
    kept = [line for line in editor.text().splitlines(keepends=True) if not line.startswith(HEAD)]
    changed = "".join([*(f"{line}\n" for line in (*_head(fit), *editor.inline)), *kept])
    _read_back(changed, fit)
    return changed


def topology_text(topology: str | Path) -> str:
    """Text of a shipped topology or of a file, as `load_topology` finds them."""
    if isinstance(topology, str) and topology in shipped_topologies():
        return shipped_bytes(topology).decode("utf-8-sig")
    return Path(topology).read_bytes().decode("utf-8-sig")


def _head(fit: Fit) -> Iterator[str]:
    yield (
        f"{HEAD} to {', '.join(map(_digest, fit.sources))}: {len(fit.numbers)} numbers, "
        f"{fit.independent_data} data, chi2 {fit.chi2:.4g}; marked {MARK} {_names(fit)}."
    )
    if fit.open_combinations:
        yield (
            f"{HEAD}: the data alone leave {len(fit.open_combinations)} combinations of them open; "
            "there the prior or the start decided."
        )


def _digest(source: str) -> str:
    content = Path(source).read_bytes()
    return f"{Path(source).name} (sha256 {hashlib.sha256(content).hexdigest()[:12]})"


def _names(fit: Fit) -> str:
    return ", ".join(Path(source).name for source in fit.sources)


class _Editor:
    """Puts numbers into the text of a topology."""

    def __init__(self, document: tomlkit.TOMLDocument, fit: Fit) -> None:
        self._document, self._fit = document, fit
        self._made: list[Any] = []
        self.inline: list[str] = []
        """Comments on numbers in inline tables, where none can stand."""

    def put(self, path: str, number: FittedNumber) -> None:
        """Write one number and its provenance."""
        parent, key = self._parent(path.split("."))
        old = parent.get(key)
        before = f"{number.start:.8g}" if old is None else _toml_text(old)
        comment = old.trivia.comment if isinstance(old, Item) else ""
        note = self._provenance(number, before, comment.lstrip("# "))
        width = COMMENT_COLUMN - len(f"{key} = ")
        if comment:
            width = len(before) + len(old.trivia.comment_ws)
        parent[key] = number.fitted
        if isinstance(parent, InlineTable):
            self.inline.append(f"# {path} = {number.fitted!r}: {note}")
            return
        trivia = parent[key].trivia
        trivia.comment_ws = " " * max(1, width - len(_toml_text(parent[key])))
        trivia.comment = f"# {note}"

    def text(self) -> str:
        """Changed text."""
        if self._made:  # tomlkit parts entries of one list, but not the last from what follows
            self._made[-1].add(tomlkit.nl())
            self._made.clear()
        return tomlkit.dumps(self._document)

    def _parent(self, steps: Sequence[str]) -> tuple[Any, str]:
        """Table that holds a number, and its key there; a process without entry gets one."""
        node: Any = self._document
        for index, step in enumerate(steps[:-1]):
            if isinstance(node, list):
                node = self._entry(node, step)
                continue
            if tuple(steps[: index + 1]) == PAIRS and step not in node:
                node.append(step, tomlkit.aot())
            node = node[step]
        return node, steps[-1]

    def _entry(self, entries: Any, name: str) -> Any:
        """Entry of a list by its name; one that is not there can only be a pair process."""
        for index, entry in enumerate(entries):
            if name in names_of(entry, index):
                return entry
        made = tomlkit.table() if isinstance(entries, AoT) else tomlkit.inline_table()
        made["channels"] = name.split("&")
        entries.append(made)
        if isinstance(entries, AoT):
            self._made.append(entries[len(entries) - 1])
        return entries[len(entries) - 1]

    def _provenance(self, number: FittedNumber, before: str, remark: str) -> str:
        said = [f"{MARK} {_names(self._fit)}"]
        if number.sigma is not None:
            said.append(f"sigma {number.sigma:.2g}")
        if number.prior is not None:
            said.append(f"prior {number.prior:g}")
        if number.bound is not None:
            said.append(f"at its {number.bound} bound")
        if number.is_open:
            said.append("open by the data alone")
        is_older_fit = remark.startswith(MARK) and "; before: " in remark
        kept = f" {remark}" if remark and not is_older_fit else ""
        return f"{', '.join(said)}; before: {before}{kept}"


def _toml_text(value: object) -> str:
    return value.as_string() if isinstance(value, Item) else str(value)


def _read_back(text: str, fit: Fit) -> None:
    tables = tables_of(parse_topology(text, source="the fitted topology"))
    for path, value in fit.values.items():
        (place,) = find_places(tables, path)
        if value_at(tables, place.keys) != value:
            raise ConfigError.of(path, "could not be written into this layout of TOML")
