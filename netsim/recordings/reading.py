"""Files of time tags that someone else recorded: any known format in, checked arrays out.

Whatever is in the file, the outcome is a `Recording` or a `ConfigError` with one line.
"""

import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import READ_ERRORS, FileTags
from netsim.recordings.formats.registry import format_of, suffixes


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One recorder's tags, in the order of the file.

    Attributes
    ----------
    times_ticks : (N,) int64
        Counts of the recorder's clock.
    detectors : (N,) int64
        The recorder's own numbers; some count falling edges below zero.
    """

    times_ticks: NDArray[np.int64]
    detectors: NDArray[np.int64]
    tick_ps: Fraction | None = None
    """Of the recorder, where the file says it."""
    lost: int = 0
    """Clicks that the recorder itself says it has lost."""


def read_recording(path: Path) -> Recording:
    """Read and check one file of tags.

    Raises
    ------
    ConfigError
        It cannot be read, is of no known format or not whole, or its tags are not what
        `netsim.recordings.formats` describes: not integers, negative times, too many, or none at
        all.
    """
    try:
        tags = _read(path)
    except READ_ERRORS as error:
        raise ConfigError.of(path, f"cannot be read: {_reason(error)}") from error
    return _checked(tags, str(path))


def _read(path: Path) -> FileTags:
    if path.is_dir():
        raise ConfigError.of(path, "a directory, not a file of time tags")
    if not path.exists():
        raise ConfigError.of(path, "no such file")
    tag_format = format_of(path)
    if tag_format is None or not path.is_file():
        raise ConfigError.of(path, f"no {suffixes()} file")
    if not path.stat().st_size:
        raise ConfigError.of(path, "an empty file")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return tag_format.read(path)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:160]


def _checked(tags: FileTags, source: str) -> Recording:
    if tags.times.size == 0:
        raise ConfigError.of(source, "holds no time tags")
    times_ticks, numbers = (
        _as_int64(tags.times, "time", source, may_be_negative=tags.may_be_negative),
        _as_int64(tags.detectors, "detector", source, may_be_negative=True),
    )
    return Recording(times_ticks, numbers, tags.tick_ps, tags.lost)


def _as_int64(
    values: NDArray[Any], what: str, source: str, *, may_be_negative: bool = False
) -> NDArray[np.int64]:
    if values.dtype.kind not in "iu":
        raise ConfigError.of(source, f"{what} is {values.dtype}, not integers")
    if values.dtype.kind == "u" and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise ConfigError.of(source, f"{what} up to {values.max()}: above 2^63")
    converted = np.ascontiguousarray(values, dtype=np.int64)
    negative = np.flatnonzero(converted < 0)
    if negative.size and not may_be_negative:
        raise ConfigError.of(
            source, f"negative {what} {converted[negative[0]]} at entry {negative[0]}"
        )
    return converted
