"""How a kernel that is kept on disk is loaded: without what only compiling needs.

By itself numba first learns how all of Python and NumPy is compiled, imports the modules of all
functions that are part of a kernel, and reads its bitcode beside its machine code; that takes
several times as long as what is left. Bitcode is read where another kernel that calls this one is
compiled; the rest is what numba does before it compiles in any case.
"""

from functools import cache, wraps
from typing import Any, cast

from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numba.core import codegen as numba_codegen
from numba.core import environment as numba_environment
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

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
        library = codegen.create_library(name)
        machine_code, library._bitcode = code  # noqa: SLF001
        library.enable_object_caching()
        library._set_compiled_object(machine_code)  # noqa: SLF001
        library._finalize_final_module()  # noqa: SLF001
        return library

    def _get_module_for_linking(self) -> Any:
        if self._bitcode is not None:
            self._shared_module = llvm.parse_bitcode(self._bitcode)
            self._codegen._engine._load_defined_symbols(self._shared_module)  # noqa: SLF001
            self._bitcode = None
        return super()._get_module_for_linking()

    def _sentry_cache_disable_inspection(self) -> None:
        """What is shown of the code is its bitcode; numba, which drops that, warns here instead."""
        if self._disable_inspection:
            self._final_module = self._get_module_for_linking()

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


@cache
def _name_memory_of_arrays() -> None:
    """Have machine code find what allocates and frees; how it counts references it has itself.

    What of that compiled code has linked in is compiled by numba before it compiles anything else.
    """
    for name, address in cast("Any", _nrt_python).c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


def load_kept(kept: Any, signature: Any, target: Any) -> Any:
    """What ``kept`` has of ``signature``, for the ``target`` context; None if that is nothing."""
    target.codegen()._library_class = KeptLibrary  # noqa: SLF001
    _name_memory_of_arrays()
    with kept._guard_against_spurious_io_errors():  # noqa: SLF001
        return kept._load_overload(signature, target)  # noqa: SLF001
