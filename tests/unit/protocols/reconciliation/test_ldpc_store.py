"""Codes on disk: found again, never trusted, never in the way."""

from pathlib import Path

import numpy as np
import pytest

from protocols.reconciliation import ldpc_store
from protocols.reconciliation.ldpc_codes import Code, Shape, grow_code
from protocols.reconciliation.ldpc_store import (
    FOLDER_VARIABLE,
    code_folder,
    code_of,
    file_name,
    load_code,
    save_code,
)

SHAPE = Shape(columns=90, lift=3)


def are_equal(first: Code, second: Code) -> bool:
    """Whether two codes are the same."""
    pairs = (
        (first.starts, second.starts),
        (first.columns, second.columns),
        (first.shifts, second.shifts),
    )
    return first.shape == second.shape and all(np.array_equal(*pair) for pair in pairs)


def test_a_saved_code_is_found(tmp_path: Path) -> None:
    """What is saved is loaded, from a folder that did not exist, and no other file is left."""
    folder = tmp_path / "a" / "b"
    code = grow_code(SHAPE)
    assert load_code(SHAPE, folder) is None
    save_code(code, folder)
    loaded = load_code(SHAPE, folder)
    assert loaded is not None
    assert are_equal(loaded, code)
    assert [path.name for path in folder.iterdir()] == [file_name(SHAPE)]


@pytest.mark.parametrize("at", [0, 20, 200, -1])
def test_a_damaged_file_is_not_used(tmp_path: Path, at: int) -> None:
    """One changed byte anywhere, or a file cut short, and there is no code."""
    save_code(grow_code(SHAPE), tmp_path)
    path = tmp_path / file_name(SHAPE)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:-1])
    assert load_code(SHAPE, tmp_path) is None
    content[at] ^= 1
    path.write_bytes(content)
    assert load_code(SHAPE, tmp_path) is None
    path.write_bytes(b"")
    assert load_code(SHAPE, tmp_path) is None


def test_a_file_of_another_code_is_not_used(tmp_path: Path) -> None:
    """A whole file under the wrong name, or one with blocks out of range, is no code."""
    other = Shape(columns=91, lift=3)
    save_code(grow_code(other), tmp_path)
    (tmp_path / file_name(other)).rename(tmp_path / file_name(SHAPE))
    assert load_code(SHAPE, tmp_path) is None
    code = grow_code(SHAPE)
    code.columns[0] = SHAPE.columns
    save_code(code, tmp_path)
    assert load_code(SHAPE, tmp_path) is None


def test_a_damaged_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`code_of` grows a code that it cannot read, and keeps it."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    code_of.cache_clear()
    path = tmp_path / file_name(SHAPE)
    path.write_bytes(b"nonsense")
    assert are_equal(code_of(SHAPE), grow_code(SHAPE))
    assert load_code(SHAPE, tmp_path) is not None


def test_a_code_is_grown_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it comes from the disk."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    code_of.cache_clear()
    code = code_of(SHAPE)
    code_of.cache_clear()
    monkeypatch.delattr(ldpc_store, "grow_code")
    assert are_equal(code_of(SHAPE), code)
    code_of.cache_clear()


@pytest.mark.parametrize("named", ["", "file/below"])
def test_codes_need_no_disk(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder, or where none can be made, a code is grown."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / named) if named else "")
    code_of.cache_clear()
    assert are_equal(code_of(SHAPE), grow_code(SHAPE))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    code_of.cache_clear()


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment variable; empty means none; else the user's cache folder."""
    monkeypatch.setenv(FOLDER_VARIABLE, "here")
    assert code_folder() == Path("here")
    monkeypatch.setenv(FOLDER_VARIABLE, "")
    assert code_folder() is None
    monkeypatch.delenv(FOLDER_VARIABLE)
    folder = code_folder()
    assert folder is not None
    assert folder.parts[-2:] == ("qnsp-netsim", "ldpc")
    assert folder.is_absolute()
