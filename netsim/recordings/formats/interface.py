"""What a format of time tags does, and how it says that a file is not what it claims to be."""

import tokenize
import zipfile
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

FIELDS = ("time", "detector")
MAX_TAGS = 1 << 28
"""More would not fit the memory of an ordinary machine: 2^28 tags are 2 GiB, several times over."""
READ_ERRORS = (
    *(OSError, ValueError, TypeError, EOFError, SyntaxError, MemoryError, OverflowError),
    *(RuntimeError, Warning, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)
"""What NumPy, zipfile and the file system raise for files that are not what they claim to be."""


@dataclass(frozen=True, slots=True, eq=False)
class FileTags:
    """What stands in a file, not yet checked.

    Attributes
    ----------
    times : (N,) integers
        Ticks of the recorder's clock, those of detectors ascending.
    detectors : (N,) integers
        The recorder's own numbers.
    may_be_negative : bool
        Whether times may lie before zero: the clock of a simulated user may be behind.
    """

    times: NDArray[Any]
    detectors: NDArray[Any]
    may_be_negative: bool = False


class TagFormat(ABC):
    """Files of one suffix."""

    @abstractmethod
    def read(self, path: Path) -> FileTags:
        """All tags of the file at ``path``, which exists and is not empty.

        Types, signs and order of what is returned are checked by the caller.

        Raises
        ------
        ConfigError
            The file is not what it claims to be (`ConfigError.of`). Any of `READ_ERRORS` says the
            same with less words; warnings are raised as errors.
        """
