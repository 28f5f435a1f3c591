"""Variants of a third party, registered for the length of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from protocols.variants import KINDS, register


@contextmanager
def registered(kind: str, name: str, make: Callable[[], object]) -> Iterator[None]:
    """Register a variant, and forget it afterwards."""
    register(kind, name, make)
    try:
        yield
    finally:
        del KINDS[kind]._registered[name]
        KINDS[kind]._made.pop(name, None)
