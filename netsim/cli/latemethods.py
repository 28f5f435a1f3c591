"""Methods of dataclasses, compiled when they are first looked at and not when the class is made.

Python writes them as text, each to be compiled by itself: a sixth of a start, most of it for values
that a command never makes, changes, compares or shows. Python 3.13 and later compile all methods of
a class together, and do so here as well.
"""

import dataclasses
from collections.abc import Callable
from functools import cache, partial
from typing import Any

COMPILE = "_create_fn"
"""What compiles one method in Python's `dataclasses`, until 3.12."""

Compile = Callable[..., Callable[..., Any]]


def compile_methods_later() -> None:
    """Have it so for all dataclasses that this process makes from now on."""
    if (at_once := getattr(dataclasses, COMPILE, None)) is not None:
        setattr(dataclasses, COMPILE, partial(LateMethod, at_once))


class LateMethod:
    """In the place of a method until it is looked at, in a class or one of its instances.

    Parameters
    ----------
    at_once : callable
        Compiles it.
    name : str
    *text, **scope
        What else that is called with.
    """

    __slots__ = ("__name__", "_compiled")

    def __init__(self, at_once: Compile, name: str, *text: Any, **scope: Any) -> None:
        self._compiled = cache(partial(at_once, name, *text, **scope))
        self.__name__ = name

    def __get__(self, instance: object, owner: type) -> Any:
        """The method itself, which takes this place."""
        made: Any = self._compiled()
        for kind in owner.__mro__:
            if vars(kind).get(self.__name__) is self:
                made.__qualname__ = f"{kind.__qualname__}.{self.__name__}"
                setattr(kind, self.__name__, made)
        return made.__get__(instance, owner)

    def __call__(self, *values: Any) -> Any:
        """Call it; so does what Python puts around it."""
        return self._compiled()(*values)
