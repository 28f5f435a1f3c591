"""The one way to compile a kernel, typed so that the rest of the code sees an ordinary function.

Kernels are compiled to machine code on first use and cached on disk, beside the packages or in the
user's cache folder; where neither can be written to (a container, a job of cron), every process
compiles them anew and says so once. They must not use ``np.random.*`` (a party's randomness is a
named stream) nor ``fastmath`` (its reductions differ between processors).
"""

import ctypes
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numba
import numpy as np
from numba import extending as typed_extending
from numba import types as typed_types
from numba.core import cgutils as typed_cgutils
from numba.extending import typeof_impl

cgutils: Any = typed_cgutils
extending: Any = typed_extending
types: Any = typed_types
"""numba says of its functions that they have types, and of few of them which."""

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


class _Stream(types.NumPyRandomGeneratorType):  # type: ignore[misc]  # see above
    """numba's type of generators, handed over to kernels as `_hand_over` does it."""


_STREAM, _BITS = _Stream("stream"), types.NumPyRandomBitGeneratorType("bits")


@extending.register_model(_Stream)
class _StreamModel(extending.models.StructModel):  # type: ignore[misc]  # see above
    """What a kernel has of a generator: as numba's own."""

    def __init__(self, manager: Any, kind: Any) -> None:
        members = [
            ("bit_generator", _BITS),
            ("meminfo", types.MemInfoPointer(types.voidptr)),
            ("parent", types.pyobject),
        ]
        super().__init__(manager, kind, members)


@typeof_impl.register(np.random.Generator)
def _type_of_generator(generator: np.random.Generator, context: object) -> object:
    """The one type of all generators: by itself numba makes a new one in each call of a kernel."""
    _ = generator, context
    return _STREAM


_ENTRIES: dict[type[np.random.BitGenerator], tuple[int | None, ...]] = {}
"""Machine addresses of what draws the numbers of a kind of bit generator."""


def _addresses(rng: np.random.Generator) -> tuple[int | None, ...]:
    """Of the state (numba has two places for it), and of what draws a double, 64 and 32 bits."""
    bits = rng.bit_generator
    interface = bits.ctypes
    if type(bits) not in _ENTRIES:
        functions = (interface.next_double, interface.next_uint64, interface.next_uint32)
        _ENTRIES[type(bits)] = tuple(
            ctypes.cast(function, ctypes.c_void_p).value for function in functions
        )
    state: int = interface.state_address
    return (state, state, *_ENTRIES[type(bits)])


_PLACES = ("state_address", "state", "fnptr_next_double", "fnptr_next_uint64", "fnptr_next_uint32")
"""Where numba keeps what `_addresses` gives."""


@extending.unbox(_Stream)  # type: ignore[untyped-decorator]  # see above
def _hand_over(kind: Any, rng: Any, c: Any) -> object:
    """Build code that hands a generator over to a kernel.

    numba's own looks all addresses up again in each call, which takes twice as long as it takes to
    draw the little light of one frame of a weak stream.
    """
    look_up = c.pyapi.unserialize(c.pyapi.serialize_object(_addresses))
    found = c.pyapi.call_function_objargs(look_up, (rng,))
    c.pyapi.decref(look_up)
    bits = cgutils.create_struct_proxy(_BITS)(c.context, c.builder)
    is_error = cgutils.is_null(c.builder, found)
    with c.builder.if_then(c.builder.not_(is_error)):
        for place, name in enumerate(_PLACES):
            address = c.unbox(types.uintp, c.pyapi.tuple_getitem(found, place))
            setattr(bits, name, address.value)
        c.pyapi.decref(found)
    native = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    native.bit_generator = bits._getvalue()  # noqa: SLF001  # numba's own way
    native.parent = rng
    native.meminfo = c.pyapi.nrt_meminfo_new_from_pyobject(cgutils.voidptr_t(None), rng)
    return extending.NativeValue(native._getvalue(), is_error=is_error)  # noqa: SLF001


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
        return numba.njit(**options)(function)
    cache = dispatcher._cache  # noqa: SLF001  # numba has no other way to its saving
    cache.save_overload = _without_harm(cache.save_overload)
    return dispatcher


def _without_harm(save: Callable[..., None]) -> Callable[..., None]:
    """`save`, which a full or vanished folder does not stop: the kernel is compiled already."""

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
