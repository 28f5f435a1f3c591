"""The one way to compile a kernel, typed so that the rest of the code sees an ordinary function.

Kernels are compiled to machine code on first use and cached on disk. They must not use
``np.random.*`` (a party's randomness is a named stream) nor ``fastmath`` (its reductions differ
between processors).
"""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Kernel(Protocol[P, R]):
    """A compiled function; ``py_func`` is the same function interpreted, the oracle in tests."""

    py_func: Callable[P, R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Compile ``function`` with numba in nopython mode, cached on disk."""
    return cast("Kernel[P, R]", numba.njit(cache=True, nogil=True)(function))
