"""Kernels where nothing can be kept, and what they draw of generators that are handed over."""

import ctypes
import errno
import os
import sys
from pathlib import Path
from sys import getrefcount
from typing import Any, cast

import numba
import numpy as np
import pytest
from numba import cloudpickle, types
from numba.core import caching, errors, serialize
from numpy.random import MT19937, PCG64, PCG64DXSM, SFC64, BitGenerator, Generator, Philox

from protocols import compiled as compiling
from protocols.compiled import UncachedWarning, kernel, lane_kernel
from protocols.unboxing import address_finder


@pytest.fixture(autouse=True)
def nothing_is_said_yet() -> None:
    """That kernels cannot be kept is said once a process."""
    compiling._say_uncached.cache_clear()


def doubled(x: int) -> int:
    """Twice as much."""
    return 2 * x


@pytest.mark.parametrize("compiled", [kernel, lane_kernel])
def test_without_any_folder_kernels_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, compiled: Any
) -> None:
    """Packages and home read-only, as in a container; numba refuses to cache there."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    fast, again = compiled(doubled), compiled(doubled)
    with pytest.warns(UncachedWarning, match="NUMBA_CACHE_DIR") as said:
        assert (fast(21), again(21)) == (42, 42)
    assert len(said) == 1


def test_a_full_folder_loses_the_copy_and_not_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is compiled already when the disk turns out to be full."""

    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)
    fast = kernel(lambda x: 3 * x + 1)
    with pytest.warns(UncachedWarning, match="NUMBA_CACHE_DIR"):
        assert fast(2) == 7


@pytest.mark.parametrize("damage", ["", "cut", "of another release"])
def test_kept_kernels_that_cannot_be_read_are_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    """An index that was cut off, or names a class that is no more; afterwards it is whole again."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert kernel(doubled)(4) == 8
    (index,) = tmp_path.rglob("*.nbi")
    whole = index.read_bytes()
    others = whole.replace(b"numba.core.types.", b"numba.core.tipes.")
    index.write_bytes({"": b"", "cut": whole[:-20]}.get(damage, others))
    for hits in (0, 1):
        fast = kernel(doubled)
        assert fast(4) == 8
        assert sum(fast.stats.cache_hits.values()) == hits  # type: ignore[attr-defined]


def test_a_kernel_whose_source_was_changed_meanwhile_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is the one of before, and the next process would take it for the one of now."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    source = tmp_path / "tripled.py"
    kept: dict[Path, bytes] = {}
    for factor in (3, 4):
        source.write_text(f"def tripled(x):\n    return {factor} * x\n", encoding="utf-8")
        names: dict[str, Any] = {"__name__": "tripled"}
        exec(compile(source.read_text(encoding="utf-8"), source, "exec"), names)  # noqa: S102
        fast = kernel(names["tripled"])
        if factor == 4:
            os.utime(source, (1, 1))
        assert fast(2) == 2 * factor
        found = {path: path.read_bytes() for path in tmp_path.rglob("*.nb[ci]")}
        assert found == (kept or found)
        kept = found
    assert len(kept) == 2


def test_what_has_nothing_to_do_with_folders_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another RuntimeError is numba's own."""

    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(caching.FunctionCache, "__init__", fail)
    with pytest.raises(RuntimeError, match="something else"):
        kernel(doubled)(21)


def drawn(rng: Generator, values: np.ndarray) -> None:
    """Doubles, exponential times and normal deviations in turn."""
    for k in range(values.size):
        if k % 3 == 0:
            values[k] = rng.random()
        elif k % 3 == 1:
            values[k] = rng.standard_exponential()
        else:
            values[k] = rng.standard_normal()


@pytest.fixture(scope="module")
def fast_drawn() -> Any:
    """Compiled once."""
    return kernel(drawn)


@pytest.mark.parametrize("kind", [PCG64DXSM, PCG64, MT19937, Philox, SFC64])
def test_a_kernel_draws_what_numpy_draws(fast_drawn: Any, kind: type[BitGenerator]) -> None:
    """The same numbers, and the generator stands where NumPy's own would stand after them."""
    one, other = Generator(kind(7)), Generator(kind(7))
    fast, slow = np.empty(3000), np.empty(3000)
    fast_drawn(one, fast)
    drawn(other, slow)
    assert np.array_equal(fast, slow)
    assert one.bytes(8) == other.bytes(8)


def test_generators_have_one_type_and_nothing_else_changes(fast_drawn: Any) -> None:
    """Whatever they draw from; other arguments are what numba takes them for."""
    rngs = [Generator(kind(1)) for kind in (PCG64DXSM, MT19937)]
    assert {fast_drawn.typeof_pyval(rng) for rng in rngs} == {types.npy_rng}
    assert str(fast_drawn.typeof_pyval((1, 2.0))) == "Tuple(int64, float64)"
    assert fast_drawn.typeof_pyval(object()) == types.pyobject


def test_types_of_arrays_and_tuples_are_numbas(fast_drawn: Any) -> None:
    """Those that are found without numba, and those that are not."""
    plain = np.arange(24.0).reshape(4, 6)
    fixed = plain.copy()
    fixed.flags.writeable = False
    arrays = [plain, fixed, plain.T, plain[::2, ::2], plain[:, :0], np.float64(2), np.zeros(())]
    arrays += [np.ones(2, kind) for kind in ("?", "u1", "<i4", "u8", "f4", "c16", "M8[s]")]
    arrays.append(np.ones(3, [("x", "f8")]))
    for value in (*arrays, tuple(arrays), (plain, 2**40, 0.5, True), (), (plain, (fixed, "a"))):
        assert fast_drawn.typeof_pyval(value) == cast("Any", numba).typeof(value)
    with pytest.raises(errors.NumbaTypeError, match="MaskedArray"):
        fast_drawn.typeof_pyval(np.ma.masked_array(plain))
    assert fast_drawn.typeof_pyval((np.ones(2, ">i4"), 1)) == types.pyobject


def test_functions_of_a_kind_of_generator_are_looked_up_once(
    fast_drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look them up takes as long as to draw a thousand numbers."""
    values, rng = np.empty(3), Generator(PCG64DXSM(2))
    fast_drawn(Generator(PCG64DXSM(1)), values)
    _ = rng.bit_generator.ctypes  # made by NumPy, once a generator

    def fail(*_: object) -> None:
        raise AssertionError("looked up anew")

    monkeypatch.setattr(ctypes, "cast", fail)
    fast_drawn(rng, values)
    other = np.empty(3)
    drawn(Generator(PCG64DXSM(2)), other)
    assert np.array_equal(values, other)


def test_a_kept_kernel_can_be_read_without_the_module_that_finds_generators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by a release that has no such module; what is kept knows no addresses yet."""
    find, rng = address_finder(), Generator(PCG64DXSM(1))
    kept = cast("Any", serialize).dumps(address_finder())
    monkeypatch.setitem(sys.modules, address_finder.__module__, None)
    found = cloudpickle.loads(kept)
    assert found(rng) == find(rng)
    assert found.__closure__[0].cell_contents.keys() == {PCG64DXSM}
    assert cloudpickle.loads(kept).__closure__[0].cell_contents == {}


def test_two_generators_of_a_kind_are_told_apart(fast_drawn: Any) -> None:
    """They have one type, and each stands where it stands."""
    found = []
    for seed in (1, 2, 1):
        values = np.empty(30)
        fast_drawn(Generator(PCG64DXSM(seed)), values)
        found.append(values.tolist())
    assert found[0] == found[2] != found[1]


def test_a_generator_that_a_kernel_has_had_is_let_go(fast_drawn: Any) -> None:
    """No call keeps a generator, or its bit generator, for good."""
    rng, values = Generator(PCG64DXSM(3)), np.empty(3)
    fast_drawn(rng, values)
    before = getrefcount(rng), getrefcount(rng.bit_generator)
    for _ in range(100):
        fast_drawn(rng, values)
    assert (getrefcount(rng), getrefcount(rng.bit_generator)) == before


@pytest.mark.parametrize("compiled", [kernel, lane_kernel])
def test_a_callee_is_compiled_once_for_a_number_that_begins_at_a_constant(compiled: Any) -> None:
    """The first of its types would be the constant's own; named arguments too."""
    step = compiled(lambda count, size: count + size)

    def walk(steps: int) -> int:
        count = 0
        for _ in range(steps):
            count = step(count, size=2)
        return count

    assert compiled(walk)(3) == 6
    assert len(step.signatures) == 1
