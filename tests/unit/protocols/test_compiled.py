"""Kernels where nothing can be kept: no folder at all, or one that is full."""

import errno
from typing import Any

import pytest
from numba.core import caching

from protocols.compiled import UncachedWarning, kernel, lane_kernel


def doubled(x: int) -> int:
    """Twice as much."""
    return 2 * x


@pytest.mark.parametrize("compiled", [kernel, lane_kernel])
def test_without_any_folder_kernels_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, compiled: Any
) -> None:
    """Packages and home read-only, as in a container; numba refuses to cache there."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with pytest.warns(UncachedWarning, match="NUMBA_CACHE_DIR"):
        fast = compiled(doubled)
    assert fast(21) == 42


def test_a_full_folder_loses_the_copy_and_not_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is compiled already when the disk turns out to be full."""

    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)
    fast = kernel(lambda x: 3 * x + 1)
    with pytest.warns(UncachedWarning, match="NUMBA_CACHE_DIR"):
        assert fast(2) == 7


def test_what_has_nothing_to_do_with_folders_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another RuntimeError is numba's own."""

    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(caching.FunctionCache, "__init__", fail)
    with pytest.raises(RuntimeError, match="something else"):
        kernel(doubled)
