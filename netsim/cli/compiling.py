"""Kernels that are compiled during a command: how many, and a word to who waits for them.

Numba tells of each; what is on disk already is loaded, and not told.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

COMPILES = "compiling kernels, once: up to a minute more (`netsim warmup` does it ahead)"
_COMPILE = "numba:compile"


class CompiledKernels(event.Listener):
    """Counts kernels; the callees of a kernel are counted with it."""

    def __init__(self, at_first: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self._at_first = at_first

    def on_start(self, event: Any) -> None:  # noqa: ARG002  # as numba calls it
        """One more begins."""
        if not self.count:
            self._at_first()
        self.count += 1

    def on_end(self, event: Any) -> None:
        """Nothing is to be done."""


@contextmanager
def compiled_kernels(at_first: Callable[[], None] = lambda: None) -> Iterator[CompiledKernels]:
    """Count what is compiled while entered, and call ``at_first`` before the first."""
    with event.install_listener(_COMPILE, CompiledKernels(at_first)) as listener:
        yield listener
