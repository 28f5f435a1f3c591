"""Arguments of the Python API: of one that is missing, unknown or wrong it is said what is wanted.

What is wanted is read off the function: its signature, its annotations, and what its docstring
(numpydoc) says of a parameter.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from netsim.errors import suggestion

P = ParamSpec("P")
R = TypeVar("R")

MAX_SHOWN = 80
"""Of a value in a message."""
_NUMBERS: dict[Any, type] = {int: Integral, float: Real}
_ENTRY = re.compile(r"^(\w+) : (.+)\n((?: +.*\n|\n)*)", re.MULTILINE)
_SENTENCE = re.compile(r"(.+?)(?:\.(?=\s|$)|$)")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Make ``function`` say what it wants: a `TypeError` with a line for each wrong argument."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if faults := list(_faults(function, args, kwargs)):
            raise TypeError("\n".join(faults))
        return function(*args, **kwargs)

    return called


def _faults(
    function: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object]
) -> Iterator[str]:
    """A line for every argument that is not as wanted."""
    name, parameters = function.__name__, inspect.signature(function).parameters
    placed = [key for key, one in parameters.items() if one.kind is not one.KEYWORD_ONLY]
    named = ", ".join(f"{key}=..." for key in parameters if key not in placed)
    if len(args) > len(placed):
        alone = ", ".join(placed)
        rest = f"is given by name, {named}" if named else "is no argument of it"
        yield f"{name}({alone}): what comes after {placed[-1]} {rest}"
    given = dict(zip(placed, args, strict=False)) | kwargs
    for key in (key for key in given if key not in parameters):
        meant = suggestion(key, parameters)
        hint = "" if meant is None else f", did you mean {meant}?"
        yield f"{name} has no argument {key}{hint} (there are {', '.join(parameters)})"
    for key, one in parameters.items():
        if key not in given and one.default is one.empty and len(args) <= len(placed):
            yield f"{name} lacks {key}, {_wanted(function, key)}"
        elif key in given and not _fits(given[key], _hints(function)[key]):
            kind = type(given[key]).__name__
            shown = repr(given[key])[:MAX_SHOWN]
            yield f"{name}: {key} is {shown}, of type {kind}; wanted is {_wanted(function, key)}"


def _wanted(function: Callable[..., Any], key: str) -> str:
    """What the docstring says of a parameter: its type, and the first sentence of the rest."""
    for name, kind, text in _ENTRY.findall(f"{inspect.getdoc(function)}\n"):
        if name == key:
            found = _SENTENCE.match(" ".join(text.split()))
            return f"{kind}: {found[1]}" if found else kind
    return str(_hints(function)[key])


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function)


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of the kind that an annotation names, as far as it tells one."""
    origin = get_origin(hint) or hint
    if origin in {Union, UnionType}:
        return any(_fits(value, one) for one in get_args(hint))
    if origin is Callable:
        return callable(value)
    if origin in _NUMBERS:
        return isinstance(value, _NUMBERS[origin]) and not isinstance(value, bool)
    if origin is Path:
        return isinstance(value, os.PathLike)
    is_told = isinstance(origin, type) and not getattr(origin, "_is_protocol", False)
    return not is_told or isinstance(value, origin)
