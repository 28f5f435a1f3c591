"""Parameters that only `make test-all` tries."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def slow_but(fast: Collection[Any], values: Iterable[Any]) -> list[Any]:
    """Parameters in their order: those in ``fast`` as they are, all others marked slow.

    Raises
    ------
    ValueError
        If one of ``fast`` is not among the values.
    """
    values = list(values)
    if unknown := [value for value in fast if value not in values]:
        raise ValueError(unknown)
    return [
        value if value in fast else pytest.param(value, marks=pytest.mark.slow) for value in values
    ]
