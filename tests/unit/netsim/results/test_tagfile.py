"""Tag files: NumPy reads them back, whatever was written and however."""

from pathlib import Path

import numpy as np
import pytest

from netsim.results.tagfile import TagFile


@pytest.mark.parametrize("sizes", [[], [0], [1], [0, 5, 0, 1000, 3], [1] * 50])
def test_written_frame_by_frame_read_as_one(tmp_path: Path, sizes: list[int]) -> None:
    """The file is the concatenation of its frames, an int64 array without pickles."""
    rng = np.random.default_rng(1)
    frames = [rng.integers(-(2**62), 2**62, size) for size in sizes]
    with TagFile(tmp_path / "tags.npy") as file:
        for frame in frames:
            file.append(frame)
    found = np.load(tmp_path / "tags.npy", allow_pickle=False)
    assert found.dtype == np.int64
    assert np.array_equal(found, np.concatenate([np.empty(0, np.int64), *frames]))


def test_the_data_begin_where_numpy_puts_them(tmp_path: Path) -> None:
    """Byte for byte what `numpy.save` writes but for spaces in the header, and it can be mapped."""
    tags = np.arange(-500, 500, dtype=np.int64)
    with TagFile(tmp_path / "own.npy") as file:
        file.append(tags[:300])
        file.append(tags[300:])
    np.save(tmp_path / "numpy.npy", tags)
    own, numpy = ((tmp_path / name).read_bytes() for name in ("own.npy", "numpy.npy"))
    assert own.endswith(tags.tobytes())
    assert len(own) == len(numpy)
    mapped = np.load(tmp_path / "own.npy", mmap_mode="r")
    assert np.array_equal(mapped, tags)
    del mapped


def test_views_are_written_as_they_look(tmp_path: Path) -> None:
    """Slices with a step are not contiguous in memory and yet come out right."""
    tags = np.arange(100, dtype=np.int64)
    with TagFile(tmp_path / "tags.npy") as file:
        file.append(tags[::3])
        file.append(tags[::-1])
    expected = np.concatenate((tags[::3], tags[::-1]))
    assert np.array_equal(np.load(tmp_path / "tags.npy"), expected)


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    """Nothing of a longer file of an earlier run stays."""
    path = tmp_path / "tags.npy"
    for size in (1000, 10):
        with TagFile(path) as file:
            file.append(np.arange(size, dtype=np.int64))
    assert np.load(path).size == 10
