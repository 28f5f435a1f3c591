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
late = {"numba.np.arraymath", "numpy.ma"} & set(sys.modules)
print(json.dumps([found, bool(late), len(typing._functions)]))
"""
"""Calls kernels by name; prints their values, how often each came from the folder, whether the
module or masked arrays were imported, and how many functions numba has learnt to compile."""
VALUE = 3.0 + 1.0 + 7.5 + 2.0
"""The sum, and the place of the largest."""


def called(folder: Path, *names: str) -> tuple[dict[str, list[float]], bool, int]:
    """What `CALL` prints, in a process of its own."""
    settings = {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "NUMBA_CACHE_DIR": str(folder / "kept"),
    }
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", CALL, *names],
        env=os.environ | settings,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    values, is_imported, learnt = json.loads(output)
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
