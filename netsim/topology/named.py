"""Names of things that third parties may add: known or refused, with the options of each."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from protocols.registry import Registry, VariantError

MAX_SHOWN = 40
"""Characters of an unknown name in a message."""


class HasOptions(Protocol):
    """A kind of something that has to be told more."""

    @property
    def options(self) -> type[BaseModel]:
        """What it has to be told."""
        ...


def check_known(known: Collection[str], name: str) -> str:
    """Return ``name``; ValueError if it is not among ``known``."""
    if name not in known:
        shown = name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
        others = ", ".join(map(repr, known))
        raise ValueError(f"the text {shown[:MAX_SHOWN]!r} is not one of {others}")
    return name


def known_in(registry: Registry[Any]) -> AfterValidator:
    """Of a field that holds a name of ``registry``."""
    return AfterValidator(lambda name: check_known(registry.names(), name))


def examples_of(registry: Registry[Any]) -> Any:
    """What the schema shows of such a field: the names that are built in."""
    return Field(json_schema_extra={"examples": list(registry.builtin)})


def check_options(
    registry: Registry[Any], field: str, name: str, options: Mapping[str, object]
) -> None:
    """ValueError if ``options`` are not what ``name`` has to be told, or it cannot be had."""
    try:
        kind: HasOptions = registry.get(name)
        kind.options.model_validate(options)
    except VariantError as error:
        raise ValueError(f"{field} {name} {error.reason}") from error
    except ValidationError as error:
        raise ValueError("; ".join(map(_option_fault, error.errors()))) from error


def option_names(registry: Registry[Any], name: object) -> Collection[str]:
    """Names of the options of ``name``; none if it is unknown or cannot be had."""
    if not isinstance(name, str) or name not in registry.names():
        return ()
    try:
        kind: HasOptions = registry.get(name)
    except VariantError:
        return ()
    return kind.options.model_fields


def _option_fault(detail: ErrorDetails) -> str:
    path = ".".join(map(str, ("options", *detail["loc"])))
    return f"{path}: {detail['msg']}"
