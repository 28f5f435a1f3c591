"""The one way to compile a kernel, typed so that the rest of the code sees an ordinary function.

Kernels are compiled to machine code on first use and cached on disk, beside the packages or in the
user's cache folder; where neither can be written to (a container, a job of cron), every process
compiles them anew and says so once. They must not use ``np.random.*`` (a party's randomness is a
named stream) nor ``fastmath`` (its reductions differ between processors).
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core import caching as numba_caching
from numba.core import entrypoints as numba_extensions
from numba.core import registry as numba_registry
from numba.np import numpy_support as numba_numpy

from protocols.errors import UncompiledError
from protocols.kept import load_kept
from protocols.unboxing import unbox_generators_fast

nb, numpy_support = cast("Any", numba), cast("Any", numba_numpy)
if nb.config.DISABLE_JIT:
    raise UncompiledError(
        "NUMBA_DISABLE_JIT is set, and kernels cannot be interpreted (they take generators by "
        "their addresses, and integers of 64 bits): unset it"
    )

NumbasCache: Any = cast("Any", numba_caching).FunctionCache
extensions: Any = cast("Any", numba_extensions)
NoCache: Any = cast("Any", numba_caching).NullCache
NumbasDispatcher: Any = cast("Any", numba_registry).CPUDispatcher
_PLAIN = {np.dtype(code): numpy_support.from_dtype(np.dtype(code)) for code in "?bBhHiIqQfd"}
"""Types of the elements of most arrays."""
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


def say_if_uncached(made: Kernel[..., object]) -> None:
    """Warn now, not at its first call, if a kernel cannot be kept."""
    _ = cast("Any", made)._cache.cache_path  # noqa: SLF001  # which looks for a folder


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    made = _Dispatcher(function, targetoptions={"nopython": True, "boundscheck": None, **options})
    made.enable_caching()
    return made


class _Dispatcher(NumbasDispatcher):  # type: ignore[misc]  # numba has no types
    """Numba's, quick to make and to be called the first time."""

    def enable_caching(self) -> None:
        """Keep what is compiled, where that can be."""
        self._cache = _Kept(self.py_func)

    def _compilation_chain_init_hook(self) -> None:
        """Before a call that may compile; what is kept needs no extension of numba."""

    def typeof_pyval(self, value: object) -> types.Type:
        """Type of an argument that numba's C code does not know."""
        found = _type_of(value)
        if found is None:
            return cast("types.Type", super().typeof_pyval(value))
        self._types_active_call.add(found)
        return found

    def get_call_template(self, args: Iterable[types.Type], kws: Mapping[str, types.Type]) -> Any:
        """How it is called by another kernel; a constant is a number like any other.

        Numba would compile a callee once more for the constant that a loop variable begins with.
        """
        plain = map(types.unliteral, kws.values())
        return super().get_call_template(
            tuple(map(types.unliteral, args)), dict(zip(kws, plain, strict=True))
        )


def _type_of(value: object) -> types.Type | None:
    """Type of generators, numbers, plain arrays and tuples of these; None for all else.

    All generators have one: by itself numba makes a new one in each call of a kernel, and finds it
    so slowly that hundreds of numbers could be drawn meanwhile. For arrays it would import those
    with masks, to refuse them.
    """
    if isinstance(value, np.random.Generator):
        return types.npy_rng
    if type(value) in {int, float}:
        return cast("types.Type", nb.typeof(value))
    if type(value) is np.ndarray and value.dtype in _PLAIN:
        layout, is_fixed = numpy_support.map_layout(value), not value.flags.writeable
        return types.Array(_PLAIN[value.dtype], value.ndim, layout, readonly=is_fixed)
    if type(value) is tuple:
        found = [_type_of(each) for each in value]
        return None if None in found else cast("Any", types.BaseTuple).from_types(found)
    return None


class _Kept(NoCache):  # type: ignore[misc]  # numba has no types
    """Numba's cache of a kernel, made when that is called: most of a start's kernels are not.

    What cannot be read, of a release before or cut off, is thrown away; a full or vanished folder
    stops nothing, for kernels can be compiled anew.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._written = _written(function)

    @cached_property
    def _numbas(self) -> Any:
        if self._written != _written(self._function):  # its source is another by now
            return NoCache()
        try:
            return NumbasCache(self._function)
        except RuntimeError as error:
            if not str(error).startswith("cannot cache function"):
                raise
            _say_uncached()
            return NoCache()

    @property
    def cache_path(self) -> str | None:
        """Folder of what is kept."""
        return cast("str | None", self._numbas.cache_path)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """What is kept of a signature, or None."""
        loaded = None
        if not isinstance(self._numbas, NoCache):
            try:
                loaded = load_kept(self._numbas, signature, target)
            except Exception:  # noqa: BLE001  # whatever unpickling raises
                self._try_to(self._numbas.flush)
        if loaded is None:  # a process whose kernels are all there does without
            extensions.init_all()
            unbox_generators_fast()
        return loaded

    def save_overload(self, signature: Any, made: Any) -> None:
        """Keep what has been compiled."""
        self._try_to(self._numbas.save_overload, signature, made)

    def _try_to(self, save: Callable[..., None], *args: Any) -> None:
        try:
            save(*args)
        except OSError:
            _say_uncached()


def _written(function: Callable[..., Any]) -> float | None:
    """When the source of a function was written; None where it is in no file."""
    try:
        return Path(function.__code__.co_filename).stat().st_mtime
    except OSError:
        return None


@cache
def _say_uncached() -> None:
    """Once a process: numba changes filters of warnings, and Python then forgets what it showed."""
    warnings.warn(
        "compiled kernels cannot be kept, so that each start costs up to a minute more: set "
        "NUMBA_CACHE_DIR to a folder that can be written to",
        UncachedWarning,
        stacklevel=1,
    )
