"""How a compiled kernel takes the random generators that it is called with.

By itself numba has ctypes look up the generator's functions anew in each call, which takes as long
as to draw a thousand numbers; they are the same for all generators of a kind. Of many generators a
kernel takes an array of addresses.
"""

import ctypes
from collections.abc import Callable
from typing import Any, cast

from numba.core import cgutils as numba_cgutils
from numba.core import pythonapi, types
from numba.core.extending import intrinsic
from numpy.random import BitGenerator, Generator

cgutils = cast("Any", numba_cgutils)
_tuple_of, _native_of = cast("Any", types.UniTuple), cast("Any", pythonapi.NativeValue)
_BITS = cast("Any", types.NumPyRandomBitGeneratorType)("bit_generator")

FUNCTIONS = "next_double", "next_uint64", "next_uint32"


def address_finder() -> Callable[[Generator], tuple[int, ...]]:
    """Finder of a generator's addresses: of its state, in both of numba's ways, then of functions.

    One that was made here is kept with a compiled kernel by its code, not by its name: a release
    that has no such module can still read the kernel. What it knows by then would be kept as well,
    and is of no use to another process, so that each kernel needs a new one.
    """
    known: dict[type[BitGenerator], tuple[int, ...]] = {}

    def addresses(generator: Generator) -> tuple[int, ...]:
        bits = generator.bit_generator
        interface = bits.ctypes
        functions = known.get(type(bits))
        if functions is None:
            found = (getattr(interface, name) for name in FUNCTIONS)
            functions = tuple(ctypes.cast(each, ctypes.c_void_p).value or 0 for each in found)
            known[type(bits)] = functions
        return (interface.state_address, interface.state.value or 0, *functions)

    return addresses


def _bits_at(context: Any, builder: Any, numbers: Any) -> Any:
    """The bit generator at the addresses that an `address_finder` has found."""
    bits = cgutils.create_struct_proxy(_BITS)(context, builder)
    names = "state_address", "state", *(f"fnptr_{name}" for name in FUNCTIONS)
    for name, number in zip(names, numbers, strict=True):
        setattr(bits, name, number)
    return bits


def _unbox(typ: Any, obj: Any, c: Any) -> Any:
    """What `numba.core.boxing.unbox_numpy_random_generator` makes, by an `address_finder`."""
    api = c.pyapi
    find = api.unserialize(api.serialize_object(address_finder()))
    found = api.call_function_objargs(find, (obj,))
    api.decref(find)
    failed = cgutils.alloca_once_value(c.builder, cgutils.true_bit)
    native = cgutils.create_struct_proxy(typ)(c.context, c.builder)
    with cgutils.if_likely(c.builder, cgutils.is_not_null(c.builder, found)):
        numbers = c.unbox(_tuple_of(types.uintp, 2 + len(FUNCTIONS)), found)
        c.builder.store(numbers.is_error, failed)
        found_numbers = cgutils.unpack_tuple(c.builder, numbers.value)
        bits = _bits_at(c.context, c.builder, found_numbers)
        native.bit_generator = bits._getvalue()  # noqa: SLF001
        native.parent = obj
        # It holds the generator as long as the kernel runs.
        native.meminfo = api.nrt_meminfo_new_from_pyobject(cgutils.voidptr_t(None), obj)
        api.decref(found)
    return _native_of(native._getvalue(), is_error=c.builder.load(failed))  # noqa: SLF001


def unbox_generators_fast() -> None:
    """Have kernels that are compiled from now on take generators by an `address_finder`."""
    from numba.core import boxing  # noqa: F401, PLC0415  # numba's own is there first; it takes time

    pythonapi._unboxers.functions[types.NumPyRandomGeneratorType] = _unbox  # noqa: SLF001  # numba has no other way


def _typed_generator(  # noqa: PLR0917 - as numba calls it
    typing_context: Any, a: Any, b: Any, c: Any, d: Any, e: Any
) -> Any:
    """Type and code of `generator_at`."""
    _ = typing_context

    def build(context: Any, builder: Any, signature: Any, numbers: Any) -> Any:
        made = cgutils.create_struct_proxy(signature.return_type)(context, builder)
        bits = _bits_at(context, builder, numbers)
        bits.parent = cgutils.get_null_value(bits.parent.type)
        made.bit_generator = bits._getvalue()  # noqa: SLF001
        made.parent = cgutils.get_null_value(made.parent.type)
        made.meminfo = cgutils.get_null_value(made.meminfo.type)
        return made._getvalue()  # noqa: SLF001

    return types.npy_rng(a, b, c, d, e), build


generator_at = cast("Any", intrinsic)(_typed_generator)
"""In kernels: the generator at such addresses, for as long as somebody else keeps it alive."""
