"""Kernels that an earlier process has compiled: what they load with them, and what they do."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
KERNELS = """
import numpy as np
from protocols.compiled import kernel

@kernel
def callee(values):
    return np.sort(values).sum() + values.argmax()

@kernel
def caller(values):
    return 2.0 * callee(values)
"""
"""The first is made of functions of numba's own that lie in modules of numba's own."""
CALL = """
import json, sys
import numpy as np
import kernels
from numba.core.registry import cpu_target
found = {}
for name in sys.argv[1:]:
    kernel = getattr(kernels, name)
    found[name] = kernel(np.array([3.0, 1.0, 7.5])), sum(kernel.stats.cache_hits.values())
typing = cpu_target.target_context.typing_context
print(json.dumps([found, "numba.np.arraymath" in sys.modules, len(typing._functions)]))
"""
"""Calls kernels by name; prints their values, how often each came from the folder, whether the
module was imported, and how many functions numba has learnt to compile."""
OTHERS = """
import shutil, sys, warnings
import numba
import numpy as np
if "ours" in sys.argv:
    import kernels
    kernels.callee(np.array([3.0, 1.0, 7.5]))
    assert sum(kernels.callee.stats.cache_hits.values()) == 1

warnings.simplefilter("ignore")

def said(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__

@numba.njit(cache=True)
def first(values):
    return values[0]

@numba.jit(forceobj=True)
def size(values):
    return len(values)

@numba.njit(cache=True)
def later(value):
    return value + 1

class Kind(np.ndarray):
    pass

plain = np.arange(3.0)
read_only = np.arange(3.0)
read_only.flags.writeable = False
odd = [np.ones(2, kind) for kind in (">f8", np.longdouble, "V5", object, "S3", "U2", "f2")]
strange = [np.ma.masked_array(plain), np.matrix(plain), plain.view(Kind)]
made = np.ones(3, [("x", "f8")])
arrays = [plain, read_only, made, made.view(np.recarray), *odd, *strange]
for array in arrays:
    print(said(numba.typeof, array), said(first, array), said(size, array), sep=" | ")
print(first.stats.cache_hits[(numba.typeof(plain),)], bool(first.inspect_llvm()))
print(said(first.inspect_asm) != "AttributeError")
if "without a folder" in sys.argv:
    shutil.rmtree(first._cache.cache_path)
print(said(later, 1))
"""
"""What becomes of kernels that are not ours, in a process that has loaded one of ours or not."""
LOOK = """
import warnings
import numpy as np
import kernels
warnings.simplefilter("error")
kernels.callee(np.array([3.0, 1.0, 7.5]))
(signature,) = kernels.callee.signatures
print(sum(kernels.callee.stats.cache_hits.values()))
for look in (kernels.callee.inspect_llvm, kernels.callee.inspect_asm):
    print("callee" in look(signature))
print(kernels.caller(np.array([3.0, 1.0, 7.5])))
"""
"""Looks at the code of a kernel, and has another compiled that calls it."""
VALUE = 3.0 + 1.0 + 7.5 + 2.0
"""The sum, and the place of the largest."""


def printed(folder: Path, *script: str) -> str:
    """What a script prints, in a process of its own."""
    settings = {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "NUMBA_CACHE_DIR": str(folder / "kept"),
    }
    return subprocess.run(  # this interpreter, a script of ours
        [sys.executable, *script],
        env=os.environ | settings,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def called(folder: Path, *names: str) -> tuple[dict[str, list[float]], bool, int]:
    """What `CALL` prints."""
    values, is_imported, learnt = json.loads(printed(folder, "-c", CALL, *names))
    return values, is_imported, learnt


def test_a_kept_kernel_is_loaded_without_what_compiling_needs(tmp_path: Path) -> None:
    """A caller of it is compiled all the same once it is loaded, and kept; four processes."""
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    values, is_imported, learnt = called(tmp_path, "callee")
    assert values == {"callee": [VALUE, 0]}
    assert is_imported
    assert learnt > 100

    assert called(tmp_path, "callee") == ({"callee": [VALUE, 1]}, False, 0)

    values, is_imported, learnt = called(tmp_path, "callee", "caller")
    assert values == {"callee": [VALUE, 1], "caller": [2.0 * VALUE, 0]}
    assert is_imported
    assert learnt > 100

    values, is_imported, learnt = called(tmp_path, "caller", "callee")
    assert values == {"caller": [2.0 * VALUE, 1], "callee": [VALUE, 1]}
    assert (is_imported, learnt) == (False, 0)


def test_kernels_that_are_not_ours_are_numbas(tmp_path: Path) -> None:
    """Types of arrays, what is refused and how, code that is looked at, a folder that vanishes."""
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    called(tmp_path, "callee")
    script = tmp_path / "others.py"
    script.write_text(OTHERS, encoding="utf-8")
    printed(tmp_path, str(script))  # keeps some
    alone = printed(tmp_path, str(script)).splitlines()
    assert printed(tmp_path, str(script), "ours").splitlines() == alone
    assert alone[-3:] == ["1 True", "True", "2"]
    assert printed(tmp_path, str(script), "ours", "without a folder").splitlines() == alone


def test_code_of_a_kept_kernel_can_be_looked_at(tmp_path: Path) -> None:
    """What numba does not show of what it has loaded; a caller is compiled all the same."""
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    called(tmp_path, "callee")
    assert printed(tmp_path, "-c", LOOK).split() == ["1", "True", "True", str(2.0 * VALUE)]
