"""The one way to compile a kernel, typed so that the rest of the code sees an ordinary function.

Kernels are compiled to machine code on first use and cached on disk, beside the packages or in the
user's cache folder; where neither can be written to (a container, a job of cron), every process
compiles them anew and says so once. They must not use ``np.random.*`` (a party's randomness is a
named stream) nor ``fastmath`` (its reductions differ between processors).
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numba
import numpy as np
from numba import types

from protocols.errors import UncompiledError
from protocols.kept import load_kept
from protocols.unboxing import unbox_generators_fast

if cast("Any", numba).config.DISABLE_JIT:
    raise UncompiledError(
        "NUMBA_DISABLE_JIT is set, and kernels cannot be interpreted (they take generators by "
        "their addresses, and integers of 64 bits): unset it"
    )

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


class UncachedWarning(RuntimeWarning):
    """No folder to keep compiled kernels in: each process compiles them anew."""


def kernel(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile ``function`` with numba in nopython mode, cached on disk if that can be."""
    return cast("Kernel[P, R_co]", _compiled(function, nogil=True))


def lane_kernel(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile ``function`` like `kernel`, with IEEE division, so that loops of it vectorise.

    A division by zero then gives infinity or NaN instead of an exception.
    """
    return cast("Kernel[P, R_co]", _compiled(function, nogil=True, error_model="numpy"))


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if not str(error).startswith("cannot cache function"):
            raise
        _say_uncached()
        unbox_generators_fast()
        return numba.njit(**options)(function)
    dispatcher.get_call_template = _of_values(dispatcher.get_call_template)
    dispatcher.typeof_pyval = _knowing_generators(dispatcher.typeof_pyval)
    cache = dispatcher._cache  # noqa: SLF001  # numba has no other way to its saving
    cache.load_overload = _if_whole(cache)
    cache.save_overload = _without_harm(cache.save_overload)
    return dispatcher


def _knowing_generators(typeof: Callable[[object], types.Type]) -> Callable[[object], types.Type]:
    """How a kernel finds the type of an argument that is no number and no array.

    All generators have one: by itself numba makes a new one in each call of a kernel, and finds it
    so slowly that hundreds of numbers could be drawn meanwhile.
    """

    @wraps(typeof)
    def typeof_argument(value: object) -> types.Type:
        return types.npy_rng if isinstance(value, np.random.Generator) else typeof(value)

    return typeof_argument


def _of_values(get_template: Callable[..., Any]) -> Callable[..., Any]:
    """How a kernel is called by another; a constant is a number like any other.

    Numba would compile a callee once more for the constant that a loop variable begins with.
    """

    @wraps(get_template)
    def get_template_of_values(args: Iterable[types.Type], kws: Mapping[str, types.Type]) -> Any:
        plain = map(types.unliteral, kws.values())
        return get_template(tuple(map(types.unliteral, args)), dict(zip(kws, plain, strict=True)))

    return get_template_of_values


def _if_whole(cache: Any) -> Callable[..., Any]:
    """Its `load_overload`; what cannot be read, of a release before or cut off, is thrown away."""

    @wraps(cache.load_overload)
    def load_or_forget(signature: Any, target: Any) -> Any:
        try:
            loaded = load_kept(cache, signature, target)
        except Exception:  # noqa: BLE001  # whatever unpickling raises
            _without_harm(cache.flush)()
            loaded = None
        if loaded is None:  # a process whose kernels are all there does without
            unbox_generators_fast()
        return loaded

    return load_or_forget


def _without_harm(save: Callable[..., None]) -> Callable[..., None]:
    """`save`, which a full or vanished folder does not stop: kernels can be compiled anew."""

    @wraps(save)
    def try_to_save(*args: Any) -> None:
        try:
            save(*args)
        except OSError:
            _say_uncached()

    return try_to_save


def _say_uncached() -> None:
    """Once a process: Python shows one text of one place once."""
    warnings.warn(
        "compiled kernels cannot be kept, so that each start costs up to a minute more: set "
        "NUMBA_CACHE_DIR to a folder that can be written to",
        UncachedWarning,
        stacklevel=1,
    )
