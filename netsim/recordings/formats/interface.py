"""What a format of time tags does, and how it says that a file is not what it claims to be."""

import lzma
import tokenize
import zipfile
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError

FIELDS = ("time", "detector")
MAX_TAGS = 1 << 28
"""More would not fit the memory of an ordinary machine: 2^28 tags are 2 GiB, several times over."""
READ_ERRORS = (
    *(OSError, ValueError, TypeError, EOFError, SyntaxError, MemoryError, OverflowError),
    *(RuntimeError, Warning, tokenize.TokenError, zlib.error, zipfile.BadZipFile, lzma.LZMAError),
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
    tick_ps: Fraction | None = None
    """Of the recorder, where the file says it."""
    lost: int = 0
    """Clicks that the recorder itself says it has lost."""


def check_number(path: Path, tags: int) -> None:
    """Raise ConfigError for a file of more than `MAX_TAGS`."""
    if tags > MAX_TAGS:
        raise ConfigError.of(path, f"more than {MAX_TAGS} tags; cut it in pieces")


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


class WritableFormat(TagFormat):
    """A format that `netsim run --save-tags` can write as well."""

    suffix: ClassVar[str]
    """Of the files that are written."""

    @abstractmethod
    def write(
        self,
        path: Path,
        times_ticks: NDArray[np.int64],
        detectors: NDArray[np.int64],
        tick_ps: int,
    ) -> None:
        """Write a file that `read` understands.

        Parameters
        ----------
        path : Path
            An existing file is replaced.
        times_ticks : (N,) int64, ascending
            Not negative.
        detectors : (N,) int64, 0 to 3
        tick_ps : int
        """
