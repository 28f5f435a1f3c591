"""Every table of a topology file for people: keys, units, ranges, defaults and what files have.

All of it comes from the schema and the shipped files; nothing is kept by hand.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from netsim.topology.schema import Schema, kinds_of, properties_of, resolved, schema_at
from netsim.topology.shipped import shipped_bytes, shipped_topologies

UNITS = {
    "ps": "ps",
    "s": "s",
    "hz": "Hz",
    "mw": "mW",
    "mw2": "mW²",
    "db": "dB",
    "m": "m",
    "km": "km",
    "um": "µm",
    "nm": "nm",
    "w": "W",
    "rad": "rad",
    "k": "K",
    "ppm": "ppm",
    "bits": "bit",
    "bytes": "byte",
    "bps": "bit/s",
    "labels": "ITU labels",
    "sqrt": "√",
}
"""Last token of a name to what it means; tokens behind ``per`` as well."""
MOST_WORDS = 4
"""Different texts of shipped files that are shown."""
NOTHING = ""
PLAIN = {"boolean": "true, false", "array": "list", "string": "text"}
"""Types by the words of people."""

Values = list[object]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a table.

    Attributes
    ----------
    name : str
    unit : str
        Empty where there is none.
    allowed : str
        Range of a number, choices of a text, or what it holds.
    default : str
        ``required`` where there is none.
    seen : str
        What shipped files give: a range or a few texts; empty where none does.
    text : str
        What it is.
    """

    name: str
    unit: str
    allowed: str
    default: str
    seen: str
    text: str


@dataclass(slots=True)
class Table:
    """One table of a topology.

    Attributes
    ----------
    node : mapping
        Its schema.
    paths : list of str
        Where it may stand, as a file has it: ``users``, ``receivers.NAME.z``.
    values : list
        As shipped files have it.
    """

    node: Schema
    paths: list[str] = field(default_factory=list)
    values: Values = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it is."""
        return _sentence(self.node)

    def given(self, name: str) -> Values:
        """What shipped files have of one key."""
        return [one[name] for one in self.values if isinstance(one, Mapping) and name in one]

    def rows(self) -> Iterator[KeyRow]:
        """Its keys, in the order of the spec."""
        required = cast("list[str]", self.node.get("required", ()))
        for name, value in properties_of(self.node).items():
            node = cast("Schema", value)
            yield _row(name, node, self.given(name), is_required=name in required)


def topology_tables() -> list[Table]:
    """All tables, in the order in which they are met from the top of a file."""
    tables: dict[str, Table] = {}
    files: Values = [tomllib.loads(shipped_bytes(one).decode()) for one in shipped_topologies()]
    _walk("", cast("Schema", schema_at(())), files, tables)
    return list(tables.values())


def topology_markdown() -> str:
    """The tables as Markdown, a heading each."""
    return "\n".join(line for table in topology_tables() for line in _markdown(table))


def _walk(path: str, node: Schema, values: Values, tables: dict[str, Table]) -> None:
    """Add the table at ``path``, of each kind that it has, and all tables in it.

    A table that stands in several places is one; kinds of one table are several.
    """
    for kind in kinds_of(resolved(node)):
        here = resolved(kind)
        if not properties_of(here):
            continue
        table = tables.setdefault(f"{here.get('title')} {_kind_of(here)}", Table(here))
        own = [value for value in values if _is_of(here, value)]
        table.values += own
        if (place := _shown(path, _kind_of(here))) not in table.paths:
            table.paths.append(place)
        for name, value in properties_of(here).items():
            given = [one[name] for one in own if isinstance(one, Mapping) and name in one]
            _walk_into(f"{path}.{name}".lstrip("."), cast("Schema", value), given, tables)


def _walk_into(path: str, node: Schema, values: Values, tables: dict[str, Table]) -> None:
    """Look for tables in a value: itself, entries of a list, or tables by any name."""
    here = resolved(node)
    entries = here.get("items")
    named = here.get("additionalProperties")
    if isinstance(entries, Mapping):
        inner = [one for value in values if isinstance(value, list) for one in value]
        _walk(path, entries, inner, tables)
    elif isinstance(named, Mapping):
        inner = [one for value in values if isinstance(value, Mapping) for one in value.values()]
        _walk(f"{path}.NAME", named, inner, tables)
    else:
        _walk(path, here, values, tables)


def _kind_of(table: Schema) -> str:
    """The word that its key ``kind`` must be, if there is only one."""
    kind = properties_of(table).get("kind")
    constant = kind.get("const") if isinstance(kind, Mapping) else None
    return "" if constant is None else str(constant)


def _is_of(table: Schema, value: object) -> bool:
    kind = _kind_of(table)
    usual = cast("Schema", properties_of(table).get("kind", {})).get("default")
    return isinstance(value, Mapping) and (not kind or value.get("kind", usual) == kind)


def _shown(path: str, kind: str) -> str:
    place = path or "top of the file"
    return f"{place} ({kind})" if kind else place


def _row(name: str, node: Schema, given: Values, *, is_required: bool) -> KeyRow:
    here = resolved(node)
    default = "required" if is_required else _value(node.get("default"))
    unit = unit_of(name) if here.get("type") in {"number", "integer"} else NOTHING
    return KeyRow(name, unit, _allowed(here), default, _seen(given), _sentence(node, here))


def unit_of(name: str) -> str:
    """The unit that a name ends with; empty where it is none.

    >>> unit_of("dispersion_ps_per_nm_km"), unit_of("linewidth_hz"), unit_of("contrast")
    ('ps/(nm km)', 'Hz', '')
    """
    above, _, below = name.partition("_per_")
    first = UNITS.get(above.rsplit("_", 1)[-1], "") if "_" in above else ""
    if not below:
        return first
    joined = " ".join(UNITS.get(token, token) for token in below.split("_")).replace("√ ", "√")
    return f"{first or 1}/({joined})" if " " in joined else f"{first or 1}/{joined}"


def _allowed(here: Schema) -> str:
    words = here.get("enum") or here.get("examples") or ([here["const"]] if "const" in here else ())
    if words:
        return ", ".join(map(str, cast("list[object]", words)))
    match here.get("type"):
        case "number":
            return _range(here)
        case "integer":
            return f"whole, {_range(here)}"
        case "object" | None:
            return "table"
        case kind:
            return PLAIN.get(str(kind), str(kind))


def _range(here: Schema) -> str:
    """As an interval."""
    low, high = here.get("minimum"), here.get("maximum")
    above, below = here.get("exclusiveMinimum"), here.get("exclusiveMaximum")
    left = f"above {_number(above)}" if above is not None else ""
    right = f"below {_number(below)}" if below is not None else ""
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    left = left or (f"from {_number(low)}" if low is not None else "")
    right = right or (f"to {_number(high)}" if high is not None else "")
    return " ".join(filter(None, (left, right))) or "any number"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else str(value)


def _value(value: object) -> str:
    """A default."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value)
    return "see there" if isinstance(value, Mapping) and value else str(value or "empty")


def _seen(given: Values) -> str:
    """A range of numbers, a few texts; nothing of tables and lists."""
    numbers = [one for one in given if isinstance(one, int | float) and not isinstance(one, bool)]
    if numbers and len(numbers) == len(given):
        low, high = _number(min(numbers)), _number(max(numbers))
        return low if low == high else f"{low} to {high}"
    texts = list(dict.fromkeys(str(one) for one in given if isinstance(one, str)))
    if not texts or len(texts) > MOST_WORDS:
        return NOTHING
    return ", ".join(texts)


def _sentence(*nodes: Schema) -> str:
    """The first description, on one line."""
    texts = (str(node["description"]) for node in nodes if node.get("description"))
    return " ".join(next(texts, "").split())


def _markdown(table: Table) -> Iterator[str]:
    yield f"## {', '.join(f'`{path}`' for path in table.paths)}"
    yield f"\n{table.text}\n"
    yield "| key | unit | allowed | default | shipped files | what it is |"
    yield "|---|---|---|---|---|---|"
    for row in table.rows():
        cells = (f"`{row.name}`", row.unit, row.allowed, row.default, row.seen, row.text)
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""
