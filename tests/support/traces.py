"""What a thief finds of secrets in the raw bytes of files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

WORD_BYTES = 8


def words_of(secrets: Iterable[bytes]) -> set[int]:
    """Secrets cut into words of eight bytes, as numbers; zeros, and what is left over, are not."""
    whole = b"".join(secret[: len(secret) // WORD_BYTES * WORD_BYTES] for secret in secrets)
    return set(np.frombuffer(whole, dtype="<u8").tolist()) - {0}


def words_in(content: bytes, words: set[int]) -> set[int]:
    """Which of ``words`` the bytes hold anywhere, at any place."""
    sought = np.array(sorted(words), dtype="<u8")
    found: set[int] = set()
    for start in range(WORD_BYTES):
        size = (len(content) - start) // WORD_BYTES * WORD_BYTES
        if size > 0:
            read = np.frombuffer(content[start : start + size], dtype="<u8")
            found |= set(read[np.isin(read, sought)].tolist())
    return found


def words_on_disk(folder: Path, words: set[int]) -> dict[str, int]:
    """How many of ``words`` each file in ``folder`` holds; files without any are left out."""
    found = {path.name: len(words_in(path.read_bytes(), words)) for path in folder.iterdir()}
    return {name: count for name, count in found.items() if count}


def pages_of_rows(content: bytes) -> Iterable[bytes]:
    """Pages of a SQLite file that hold rows, or what leads to them; not those one row runs over to.

    By https://www.sqlite.org/fileformat2.html: such a page begins with its kind, the first one
    behind a head of 100 bytes.
    """
    page_bytes = int.from_bytes(content[16:18], "big")
    for start in range(0, len(content), page_bytes):
        page = content[start : start + page_bytes]
        if page[0 if start else 100] in {2, 5, 10, 13}:
            yield page
