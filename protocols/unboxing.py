"""How a compiled kernel takes the random generator that it is called with.

By itself numba has ctypes look up the generator's functions anew in each call, which takes as long
as to draw a thousand numbers; they are the same for all generators of a kind.
"""

import ctypes
from typing import Any, cast

from numba.core import cgutils as numba_cgutils
from numba.core import pythonapi, types
from numpy.random import BitGenerator, Generator

cgutils = cast("Any", numba_cgutils)
_tuple_of, _native_of = cast("Any", types.UniTuple), cast("Any", pythonapi.NativeValue)
_BITS = cast("Any", types.NumPyRandomBitGeneratorType)("bit_generator")

FUNCTIONS = "next_double", "next_uint64", "next_uint32"
_known: dict[type[BitGenerator], tuple[int, ...]] = {}
"""Addresses of the functions of each kind of generator."""


def addresses(generator: Generator) -> tuple[int, ...]:
    """Of its state, in both of numba's ways, then of its functions."""
    bits = generator.bit_generator
    interface = bits.ctypes
    functions = _known.get(type(bits))
    if functions is None:
        found = (getattr(interface, name) for name in FUNCTIONS)
        functions = tuple(ctypes.cast(each, ctypes.c_void_p).value or 0 for each in found)
        _known[type(bits)] = functions
    return (interface.state_address, interface.state.value or 0, *functions)


def _unbox(typ: Any, obj: Any, c: Any) -> Any:
    """What `numba.core.boxing.unbox_numpy_random_generator` makes, by `addresses`."""
    api = c.pyapi
    find = api.unserialize(api.serialize_object(addresses))
    found = api.call_function_objargs(find, (obj,))
    api.decref(find)
    failed = cgutils.alloca_once_value(c.builder, cgutils.true_bit)
    native = cgutils.create_struct_proxy(typ)(c.context, c.builder)
    with cgutils.if_likely(c.builder, cgutils.is_not_null(c.builder, found)):
        numbers = c.unbox(_tuple_of(types.uintp, 2 + len(FUNCTIONS)), found)
        c.builder.store(numbers.is_error, failed)
        bits = cgutils.create_struct_proxy(_BITS)(c.context, c.builder)
        names = "state_address", "state", *(f"fnptr_{name}" for name in FUNCTIONS)
        for place, name in enumerate(names):
            setattr(bits, name, c.builder.extract_value(numbers.value, place))
        native.bit_generator = bits._getvalue()  # noqa: SLF001
        native.parent = obj
        # It holds the generator as long as the kernel runs.
        native.meminfo = api.nrt_meminfo_new_from_pyobject(cgutils.voidptr_t(None), obj)
        api.decref(found)
    return _native_of(native._getvalue(), is_error=c.builder.load(failed))  # noqa: SLF001


def unbox_generators_fast() -> None:
    """Have kernels that are compiled from now on take generators by `addresses`."""
    from numba.core import boxing  # noqa: F401, PLC0415  # numba's own is there first; it takes time

    pythonapi._unboxers.functions[types.NumPyRandomGeneratorType] = _unbox  # noqa: SLF001  # numba has no other way
