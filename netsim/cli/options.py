"""Options of a command as one frozen object: typer sees the fields, the command gets the object.

The fields of a dataclass carry what typer wants to know in `typing.Annotated`, as parameters of a
function would::

    @dataclass(frozen=True, kw_only=True, slots=True)
    class PourArguments:
        glass: Annotated[str, typer.Argument(help="Where to.")]
        seed: SeedOption = 1

    @with_options
    def pour(options: PourArguments) -> None:
        ...

A field ``tuple[T, ...]`` is an option that may be repeated, or an argument of several words.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, TypeVar, get_args, get_origin, get_type_hints

Options = TypeVar("Options")


def with_options(command: Callable[[Options], None]) -> Callable[..., None]:
    """`command` as typer takes it: each field of its options is a parameter of its own."""
    options_class = next(iter(get_type_hints(command).values()))

    @wraps(command)
    def flat(**values: object) -> None:
        command(options_class(**{name: _frozen(value) for name, value in values.items()}))

    fields = inspect.signature(options_class, eval_str=True).parameters.values()
    flat.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by `inspect`
        [field.replace(annotation=_as_typer_has_it(field.annotation)) for field in fields]
    )
    return flat


def _as_typer_has_it(annotation: object) -> object:
    """``list[T]`` for ``tuple[T, ...]``: typer takes a tuple for a fixed number of words."""
    kind, *told = get_args(annotation)
    repeated = get_args(kind)[:1] if get_origin(kind) is tuple else ()
    return Annotated[(list[repeated[0]] if repeated else kind, *told)]  # type: ignore[valid-type]


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
