"""The code of a shape, from memory, from disk or grown, so that a machine grows each but once.

The only module of `protocols` that touches files; it knows no key and writes none. Nothing depends
on it: without a folder, or with files that are damaged or not ours, codes are grown again. A file
that somebody changed to describe another code makes blocks fail at verification, no more.

The folder is the one named by the environment variable `FOLDER_VARIABLE` (set but empty: no
files), else ``qnsp-netsim/ldpc`` in the user's cache folder of the platform. It can be deleted at
any time. A file has the magic bytes, the shape and number of blocks, `Code.starts`,
`Code.columns`, `Code.shifts` (all little-endian 32-bit integers) and a BLAKE2b checksum of all
that. Its name holds a digest of the degrees too, so other distributions never meet old files.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocols.reconciliation.ldpc_codes import Code, Shape, grow_code
from protocols.reconciliation.ldpc_degrees import ROWS, block_degrees

FOLDER_VARIABLE = "QNSP_NETSIM_LDPC_CACHE"
MAGIC = b"qnsp ldpc code 2\n"
"""Its number grows with each change of the format or of the way codes are grown."""
WORD = np.dtype("<i4")
CHECKSUM_BYTES = 16
KEPT_CODES = 64
"""In memory; some 10 kB each."""


@lru_cache(maxsize=KEPT_CODES)
def code_of(shape: Shape) -> Code:
    """The one code of a shape."""
    folder = code_folder()
    if folder is None:
        return grow_code(shape)
    code = load_code(shape, folder)
    if code is None:
        code = grow_code(shape)
        save_code(code, folder)
    return code


def code_folder() -> Path | None:
    """Where codes are kept; None for nowhere."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = _user_cache()
    return base / "qnsp-netsim" / "ldpc" if base else None


def _user_cache() -> Path | None:
    """The user's cache folder by the customs of the platform; None without a home."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return Path(local) if local else None
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        if sys.platform == "darwin":
            return home / "Library" / "Caches"
        named = os.environ.get("XDG_CACHE_HOME", "")
        return Path(named) if Path(named).is_absolute() else home / ".cache"
    return None


def load_code(shape: Shape, folder: Path) -> Code | None:
    """The code of a shape from ``folder``; None if there is none that is whole."""
    try:
        content = (folder / file_name(shape)).read_bytes()
    except OSError:
        return None
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if not body.startswith(MAGIC) or _checksum(body) != checksum:
        return None
    with contextlib.suppress(ValueError):
        return _decoded(np.frombuffer(body[len(MAGIC) :], dtype=WORD), shape)
    return None


def _decoded(words: NDArray[np.int32], shape: Shape) -> Code:
    """Code in the words of a file; ValueError if they are another shape's or no code."""
    columns, lift, blocks = (int(word) for word in words[:3])
    if Shape(columns, lift) != shape or words.size != 3 + ROWS + 1 + 2 * blocks:
        raise ValueError("not the shape that was asked for")
    numbers = words[3:].astype(np.int32)
    starts, block_columns, shifts = np.split(numbers, [ROWS + 1, ROWS + 1 + blocks])
    return Code(shape, starts, block_columns, shifts)


def save_code(code: Code, folder: Path) -> None:
    """Keep a code in ``folder``, whole or not at all; a folder that takes no files is no error."""
    shape = code.shape
    words = np.concatenate(
        ([shape.columns, shape.lift, code.columns.size], code.starts, code.columns, code.shifts)
    ).astype(WORD)
    body = MAGIC + words.tobytes()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / file_name(shape), body + _checksum(body))


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside ``path`` and rename: a reader sees the old file, the new one or none."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".ldpc-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def file_name(shape: Shape) -> str:
    """Name of the file of a shape."""
    degrees = block_degrees(shape.columns).astype(WORD).tobytes()
    digest = hashlib.blake2b(degrees, digest_size=8).hexdigest()
    return f"{ROWS}x{shape.columns}-{shape.lift}-{digest}.ldpc"


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECKSUM_BYTES).digest()
