"""How a kernel that is kept on disk is loaded: without what only compiling needs.

By itself numba first learns how all of Python and NumPy is compiled, imports the modules of all
functions that are part of a kernel, and reads its bitcode beside its machine code; that takes
several times as long as what is left. Bitcode is read where another kernel that calls this one is
compiled; the rest is what numba does before it compiles in any case.
"""

from functools import cache, wraps
from pathlib import Path
from typing import Any, cast

import numpy as np
from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numba.core import caching as numba_caching
from numba.core import codegen as numba_codegen
from numba.core import environment as numba_environment
from numba.core import types
from numba.core.errors import NumbaNotImplementedError
from numba.core.runtime import _nrt_python as memory  # type: ignore[attr-defined]
from numba.core.typing.typeof import typeof_impl
from numba.np import numpy_support

environment = cast("Any", numba_environment)
JitLibrary: Any = numba_codegen.JITCodeLibrary


class KeptLibrary(JitLibrary):  # type: ignore[misc]  # numba has no types
    """Machine code, kept or new; the bitcode of what was kept is read when it is asked for."""

    _bitcode: bytes | None = None

    @classmethod
    def _unserialize(cls, codegen: Any, state: tuple[str, str, Any]) -> Any:
        name, kind, code = state
        if kind != "object":
            return super()._unserialize(codegen, state)
        return cls._linked(codegen, name, *code)

    @classmethod
    def _linked(cls, codegen: Any, name: str, machine_code: bytes, bitcode: bytes) -> Any:
        """A library of what was kept, to which nothing is added: it has no module of its own."""
        library: Any = cls.__new__(cls)
        numba_codegen.CodeLibrary.__init__(library, codegen, name)
        engine = codegen._engine._ee  # noqa: SLF001
        engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
        engine.finalize_object()
        library._bitcode, library._finalized = bitcode, True  # noqa: SLF001
        return library

    def _get_module_for_linking(self) -> Any:
        if self._bitcode is not None:
            self._shared_module = llvm.parse_bitcode(self._bitcode)
            self._codegen._engine._load_defined_symbols(self._shared_module)  # noqa: SLF001
            self._bitcode = None
        return super()._get_module_for_linking()

    def get_pointer_to_function(self, name: str) -> int:
        """Address of a function of this code, 0 if it has none of that name."""
        if self._bitcode is None:
            return cast("int", super().get_pointer_to_function(name))
        return cast("int", self._codegen._engine.get_function_address(name))  # noqa: SLF001


def _without_numbas_modules(rebuild: Any) -> Any:
    """How the surroundings of a function are made: nothing of numba's own looks at its globals."""

    @wraps(rebuild)
    def rebuild_env(module: str, constants: list[object], name: str) -> Any:
        if not module.startswith("numba.") or environment.lookup_environment(name) is not None:
            return rebuild(module, constants, name)
        made = environment.Environment({"__name__": module})
        made.consts[:] = constants
        made.env_name = name
        environment.Environment._memo[name] = made  # noqa: SLF001
        return made

    return rebuild_env


environment._rebuild_env = _without_numbas_modules(environment._rebuild_env)  # noqa: SLF001


numbas_type_of_array = typeof_impl.dispatch(np.ndarray)


@typeof_impl.register(np.ndarray)
def _type_of_array(array: Any, context: Any) -> Any:
    """As numba has it, but for masked arrays, which it imports to refuse them."""
    if type(array) is not np.ndarray:
        return numbas_type_of_array(array, context)
    try:
        dtype = numpy_support.from_dtype(array.dtype)
    except NumbaNotImplementedError:  # numba's own says so in its own way
        return numbas_type_of_array(array, context)
    layout = numpy_support.map_layout(array)
    return types.Array(dtype, array.ndim, layout, readonly=not array.flags.writeable)


def _once_a_folder(ensure: Any) -> Any:
    """How a kernel's folder is made and tried, by writing to it: once, as long as it is there."""
    found: set[str] = set()

    @wraps(ensure)
    def ensure_cache_path(locator: Any) -> None:
        folder = locator.get_cache_path()
        if folder not in found or not Path(folder).is_dir():
            ensure(locator)
            found.add(folder)

    return ensure_cache_path


Locator: Any = numba_caching._CacheLocator  # noqa: SLF001
Locator.ensure_cache_path = _once_a_folder(Locator.ensure_cache_path)


@cache
def _name_memory_functions() -> None:
    """What kept code calls for the memory of arrays; the rest of numba's runtime is in it."""
    for name, address in memory.c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


def load_kept(kept: Any, signature: Any, target: Any) -> Any:
    """What `kept` has of ``signature``, for the ``target`` context; None if that is nothing."""
    _name_memory_functions()
    codegen = target.codegen()
    before, codegen._library_class = codegen._library_class, KeptLibrary  # noqa: SLF001
    try:
        with kept._guard_against_spurious_io_errors():  # noqa: SLF001
            return kept._load_overload(signature, target)  # noqa: SLF001
    finally:  # kernels that are not ours are loaded as numba does
        codegen._library_class = before  # noqa: SLF001
