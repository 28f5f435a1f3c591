"""The one way to compile a kernel, typed so that the rest of the code sees an ordinary function.

Kernels are compiled to machine code on first use and cached on disk. They must not use
``np.random.*`` (a party's randomness is a named stream) nor ``fastmath`` (its reductions differ
between processors).
"""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

import numba

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Kernel(Protocol[P, R_co]):
    """A compiled function; ``py_func`` is the oracle in tests."""

    @property
    def py_func(self) -> Callable[P, R_co]:
        """The same function, interpreted."""
        ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the compiled function."""
        ...


def kernel(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile ``function`` with numba in nopython mode, cached on disk."""
    return cast("Kernel[P, R_co]", numba.njit(cache=True, nogil=True)(function))


def lane_kernel(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile ``function`` like `kernel`, with IEEE division, so that loops of it vectorise.

    A division by zero then gives infinity or NaN instead of an exception.
    """
    jit = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast("Kernel[P, R_co]", jit(function))
