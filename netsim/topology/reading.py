"""From tables to specs: a topology as far as it is valid, and all faults of its fields.

Rule 1: only specs say what a field may be. Its type, its limits and its default stand in its spec
and nowhere else; pydantic reads all of them, and reports every field that is wrong.

Rule 2: a fault stays where it is. Of a file with faults there is a topology too, in which every
section (a table, and each entry of a list of tables) has the fields that are valid on their own.
A field that is not is absent: asking for it is an AttributeError. (1e12 for a whole number is a
fault, but it is clear what it means.) A table that is missing is there without fields, a list that
is none is empty.

Rule 3: who compares sections (`netsim.topology.checks`) asks by `has` or `having` for the fields it
needs, and says nothing of sections without them. So one fault hides no other.

It knows pydantic's way to describe a spec, and no section by its name.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from inspect import isabstract
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from netsim.errors import Fault
from netsim.topology.base import Spec
from netsim.topology.faults import faults_of
from netsim.topology.specs import TopologySpec

S = TypeVar("S", bound=Spec)

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading the tables of a topology.

    Attributes
    ----------
    topology : TopologySpec
        All of it if there are no faults, else what is valid of it, see the rules above.
    faults : tuple of Fault
        Of single fields and within sections, in the order of the specs.
    """

    topology: TopologySpec
    faults: tuple[Fault, ...]


def read(raw: Mapping[str, object]) -> Reading:
    """Validate every field on its own, and every section by what its spec says of it."""
    try:
        return Reading(TopologySpec.model_validate(raw), ())
    except ValidationError as error:
        return Reading(valid_part(TopologySpec, raw), faults_of(error))


def has(part: Spec, *fields: str) -> bool:
    """Whether all these fields of a section are valid."""
    return vars(part).keys() >= set(fields)


def having(entries: Iterable[S], *fields: str) -> Iterator[tuple[int, S]]:
    """Entries of a list of which all these fields are valid, each with its number in the list."""
    return ((index, entry) for index, entry in enumerate(entries) if has(entry, *fields))


def valid_part(spec: type[S], node: object) -> S:
    """What is valid of ``node`` as a section.

    Parameters
    ----------
    spec : type
        What the section is read by.
    node : object
        A table; anything else is one without valid fields.

    Returns
    -------
    Spec
        A valid one where ``node`` is one; else one whose invalid fields are absent, and whose
        fields may contradict each other.
    """
    with suppress(ValidationError):
        return spec.model_validate(node)
    part = cast("S", spec.model_construct())
    vars(part).clear()  # of defaults, which hold for fields that are left out, not for wrong ones
    vars(part).update(_valid_fields(spec, node))
    return part


def _valid_fields(spec: type[Spec], node: object) -> Iterator[tuple[str, object]]:
    table = (
        {key: _meant(value) for key, value in node.items()} if isinstance(node, Mapping) else None
    )
    for name in spec.model_fields:
        value = _valid_field(spec, name, table)
        if value is not _ABSENT:
            yield name, value


def _valid_field(spec: type[Spec], name: str, table: dict[str, object] | None) -> object:
    """The field, or what is valid of the tables in it."""
    with suppress(ValidationError):
        return getattr(_alone(spec, name).model_validate(table), name)
    return _valid_tables(spec.model_fields[name].annotation, (table or {}).get(name))


def _meant(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def _alone(spec: type[Spec], name: str) -> type[BaseModel]:
    """A model of one field of ``spec``, with its type, limits and default, and of no other."""
    field = spec.model_fields[name]
    fields: dict[str, Any] = {name: (field.annotation, field)}
    config = spec.model_config | ConfigDict(extra="ignore")
    return create_model(spec.__name__, __config__=config, **fields)


def _valid_tables(annotation: Any, node: object) -> object:
    """What is valid of a table, or of a list or a table of tables; absent if it is of scalars."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is tuple and (kinds := _kinds(inner[0])):
        entries = node if isinstance(node, list | tuple) else ()
        return tuple(_valid_entries(inner[0], kinds, entries))
    if origin is dict and (kinds := _kinds(inner[1])) and isinstance(node, Mapping):
        known = {key: entry for key, entry in node.items() if _is_valid(inner[0], key)}
        return dict(zip(known, _valid_entries(inner[1], kinds, known.values()), strict=True))
    kinds = _kinds(annotation)
    return valid_part(_kind_of(kinds, node), node) if kinds else _ABSENT


def _valid_entries(
    annotation: Any, kinds: list[type[Spec]], entries: Iterable[object]
) -> Iterator[object]:
    """Entries as they are read where they are valid, else what is valid of each."""
    adapter = TypeAdapter(annotation)
    for entry in entries:
        try:
            yield adapter.validate_python(entry)
        except ValidationError:
            yield valid_part(_kind_of(kinds, entry), entry)


def _kinds(annotation: Any) -> list[type[Spec]]:
    """All specs by which a section may be read: a base class stands for those derived from it."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        derived = annotation.__subclasses__() if isabstract(annotation) else []
        return [kind for spec in derived for kind in _kinds(spec)] or [annotation]
    if get_origin(annotation) in (tuple, dict):
        return []
    return [kind for inner in get_args(annotation) for kind in _kinds(inner)]


def _kind_of(kinds: list[type[Spec]], node: object) -> type[Spec]:
    """The one of several kinds that ``node`` says it is; the first if it says nothing valid."""
    for kind in kinds[1:]:
        with suppress(ValidationError):
            _alone(kind, "kind").model_validate(node)
            return kind
    return kinds[0]


def _is_valid(annotation: Any, value: object) -> bool:
    with suppress(ValidationError):
        TypeAdapter(annotation).validate_python(value)
        return True
    return False
