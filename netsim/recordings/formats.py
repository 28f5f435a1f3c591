"""Time tags that someone else recorded: documented files in, checked arrays out.

A tag is a time in ticks of the recorder's clock and the recorder's number of a detector. Formats::

    .csv    a header line `time,detector`, then one tag a line, both integers
    .npy    (N,) int64 `ticks << 2 | detector`, as `netsim run --save-tags` writes it;
            or (N, 2) integers, time and detector;
            or (N,) structured with integer fields `time` and `detector`
    .npz    two (N,) integer arrays named `time` and `detector`

Times ascend. Only packed ones may be negative: the clock of a simulated user may be behind.

Whatever is in the file, the outcome is a `Recording` or a `ConfigError` with one line.
"""

import re
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netsim.errors import ConfigError, Fault
from protocols.tags import DETECTOR_BITS

FIELDS = ("time", "detector")
MAX_TAGS = 1 << 28
"""More would not fit the memory of an ordinary machine: 2^28 tags are 2 GiB, several times over."""
MAX_CSV_BYTES = 24 * MAX_TAGS
MAX_TIME_PS = 1 << 60
"""Times in int64, with room for offsets: 13 days since the recorder's zero."""
BURST_TAGS, BURST_PS = 200_000, 10_000_000_000
"""More tags than this in 10 ms (20 MHz) are no photons, and would stall the search for a lock."""
READ_ERRORS = (
    *(OSError, ValueError, TypeError, EOFError, SyntaxError, MemoryError, OverflowError),
    *(RuntimeError, Warning, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)
"""What NumPy, zipfile and the file system raise for files that are not what they claim to be."""
IGNORED = -1
"""Mapped to `-`: markers and other channels that are no detectors."""

_Read = tuple[NDArray[Any], NDArray[Any], bool]
"""Times, detectors, and whether they were packed."""

_CSV_LINE = re.compile(rb"\s*[+-]?\d{1,19}\s*,\s*[+-]?\d{1,19}\s*")
_MAP_ENTRY = re.compile(r"\s*(\d{1,9})\s*=\s*([ZXzx][01]|-)\s*", re.ASCII)
_DELAY_ENTRY = re.compile(r"\s*(\d{1,9})\s*=\s*([+-]?\d{1,12})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One recorder's tags, in the order of the file.

    Attributes
    ----------
    times_ticks : (N,) int64, ascending
        Counts of the recorder's clock.
    detectors : (N,) int64
        The recorder's own numbers.
    """

    times_ticks: NDArray[np.int64]
    detectors: NDArray[np.int64]


def parse_detector_map(text: str) -> dict[int, int]:
    """``0=Z0,1=Z1,2=X0,3=X1``: recorder's number to 2 * basis + bit; ``7=-`` ignores a channel.

    Raises
    ------
    ValueError
        An entry that does not read so, or a number that comes twice.
    """
    found: dict[int, int] = {}
    for entry in text.split(","):
        match = _MAP_ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!a} is no entry such as 0=Z0, 3=X1 or 7=-")
        number, meaning = int(match[1]), match[2].upper()
        if number in found:
            raise ValueError(f"detector {number} comes twice")
        found[number] = IGNORED if meaning == "-" else 2 * (meaning[0] == "X") + int(meaning[1])
    return found


def parse_delays_ps(text: str) -> dict[int, int]:
    """``0=120,1=-35``: recorder's number to how late that detector is, in ps; empty for none.

    Raises
    ------
    ValueError
        An entry that does not read so, or a number that comes twice.
    """
    found: dict[int, int] = {}
    for entry in text.split(",") if text.strip() else ():
        match = _DELAY_ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!a} is no entry such as 0=120 (detector=picoseconds)")
        number = int(match[1])
        if number in found:
            raise ValueError(f"detector {number} comes twice")
        found[number] = int(match[2])
    return found


def packed_tags(
    recording: Recording,
    *,
    source: str,
    tick_ps: int,
    detector_map: Mapping[int, int],
    delays_ps: Mapping[int, int],
) -> NDArray[np.int64]:
    """Tags as a protocol takes them, sorted by calibrated time.

    Parameters
    ----------
    recording : Recording
    source : str
        File name for messages.
    tick_ps : int, >= 1
        Calibration delays are rounded to whole ticks.
    detector_map, delays_ps : mapping
        See `parse_detector_map` and `parse_delays_ps`.

    Returns
    -------
    (N,) int64, ascending
        ``ticks << 2 | 2 * basis + bit``; times may be negative by a calibration delay.

    Raises
    ------
    ConfigError
        A detector that is not in the map, times beyond what fits, more tags than photons give.
    """
    times_ticks = recording.times_ticks
    numbers, which = np.unique(recording.detectors, return_inverse=True)
    unknown = [int(number) for number in numbers if int(number) not in detector_map]
    if unknown:
        at = int(np.flatnonzero(recording.detectors == unknown[0])[0])
        shown = ", ".join(map(str, unknown[:8]))
        raise _fault(source, f"detectors not in the map: {shown} (first at entry {at})")
    if times_ticks.size and int(times_ticks[-1]) * tick_ps > MAX_TIME_PS:
        raise _fault(
            source, f"times up to {times_ticks[-1]} ticks of {tick_ps} ps are over 13 days"
        )
    meanings = np.array([detector_map[int(number)] for number in numbers], dtype=np.int64)
    late_ticks = np.array(
        [round(delays_ps.get(int(number), 0) / tick_ps) for number in numbers], dtype=np.int64
    )
    wanted = meanings[which] != IGNORED if numbers.size else np.zeros(0, dtype=np.bool_)
    which, kept_ticks = which[wanted], times_ticks[wanted]
    tags = np.sort(((kept_ticks - late_ticks[which]) << DETECTOR_BITS) | meanings[which])
    _refuse_bursts(tags >> DETECTOR_BITS, tick_ps, source)
    return tags


def _refuse_bursts(times_ticks: NDArray[np.int64], tick_ps: int, source: str) -> None:
    spans_ticks = times_ticks[BURST_TAGS:] - times_ticks[:-BURST_TAGS]
    dense = np.flatnonzero(spans_ticks < BURST_PS // tick_ps)
    if dense.size:
        raise _fault(
            source, f"more than {BURST_TAGS} tags in 10 ms, from entry {dense[0]}: is --tick right?"
        )


def read_recording(path: Path) -> Recording:
    """Read and check one file of tags.

    Raises
    ------
    ConfigError
        It cannot be read, is of no known format or not whole, or its tags are not what the module
        describes: not integers, negative, not sorted by time, too many, or none at all.
    """
    source = str(path)
    readers = {".csv": _read_csv, ".npy": _read_npy, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    try:
        if path.is_dir():
            raise _fault(source, "a directory, not a file of time tags")
        if not path.exists():
            raise _fault(source, "no such file")
        if reader is None or not path.is_file():
            raise _fault(source, "no .csv, .npy or .npz file")
        if not path.stat().st_size:
            raise _fault(source, "an empty file")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            times, detectors, is_packed = reader(path, source)
    except READ_ERRORS as error:
        raise _fault(source, f"cannot be read: {_reason(error)}") from error
    return _checked(times, detectors, source, is_packed=is_packed)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:160]


def _checked(
    times: NDArray[Any], detectors: NDArray[Any], source: str, *, is_packed: bool
) -> Recording:
    if times.size == 0:
        raise _fault(source, "holds no time tags")
    times_ticks, numbers = (
        _as_int64(times, "time", source, may_be_negative=is_packed),
        _as_int64(detectors, "detector", source),
    )
    steps = np.flatnonzero(times_ticks[1:] < times_ticks[:-1])
    if steps.size:
        at = int(steps[0]) + 1
        raise _fault(
            source,
            f"not sorted: time {times_ticks[at]} at entry {at} comes after {times_ticks[at - 1]}",
        )
    return Recording(times_ticks, numbers)


def _as_int64(
    values: NDArray[Any], what: str, source: str, *, may_be_negative: bool = False
) -> NDArray[np.int64]:
    if values.dtype.kind not in "iu":
        raise _fault(source, f"{what} is {values.dtype}, not integers")
    if values.dtype.kind == "u" and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise _fault(source, f"{what} up to {values.max()}: above 2^63")
    converted = np.ascontiguousarray(values, dtype=np.int64)
    negative = np.flatnonzero(converted < 0)
    if negative.size and not may_be_negative:
        raise _fault(source, f"negative {what} {converted[negative[0]]} at entry {negative[0]}")
    return converted


# CSV --------------------------------------------------------------------------------------------


def _read_csv(path: Path, source: str) -> _Read:
    size_bytes = path.stat().st_size
    if size_bytes > MAX_CSV_BYTES:
        raise _fault(source, f"{size_bytes} bytes: more than {MAX_TAGS} tags; cut it in pieces")
    with path.open("rb") as file:
        header = file.readline(200).decode("utf-8-sig", "replace").strip()
    if [name.strip().lower() for name in header.split(",")] != list(FIELDS):
        raise _fault(source, f"its first line is {header[:40]!a}, not 'time,detector'")
    try:
        rows = np.loadtxt(path, dtype=np.int64, comments=None, delimiter=",", skiprows=1, ndmin=2)
    except (ValueError, Warning) as error:
        raise _bad_line(path, source) from error
    if rows.shape[1] != len(FIELDS):
        raise _bad_line(path, source)
    return rows[:, 0], rows[:, 1], False


def _bad_line(path: Path, source: str) -> ConfigError:
    """What is wrong with a CSV file that was not read: its first line that is no tag."""
    tags = 0
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(iter(lambda: file.readline(1000), b""), start=2):
            tags += 1
            if line.strip() and _CSV_LINE.fullmatch(line) is None:
                shown = line.decode("utf-8", "replace").rstrip("\r\n")[:40]
                return _fault(source, f"line {number} is {shown!a}, not two integers time,detector")
    return _fault(source, "holds no time tags" if not tags else "holds times that do not fit int64")


# NumPy ------------------------------------------------------------------------------------------


def _read_npy(path: Path, source: str) -> _Read:
    with path.open("rb") as file:
        _check_header(file, path.stat().st_size, source)
        file.seek(0)
        values = npy.read_array(file, allow_pickle=False)
    names = values.dtype.names
    if names is not None:
        if not set(FIELDS) <= set(names) or values.ndim != 1:
            raise _fault(source, f"has the fields {', '.join(names)[:80]}, not time and detector")
        return values["time"], values["detector"], False
    if values.ndim == 2 and values.shape[1] == len(FIELDS):
        return values[:, 0], values[:, 1], False
    if values.ndim != 1:
        raise _fault(source, f"has shape {values.shape}, not (N,) or (N, 2)")
    packed = values
    if packed.dtype.kind not in "iu" or packed.dtype.itemsize != 8:
        raise _fault(source, f"is {packed.dtype}, not int64 (ticks << 2 | detector)")
    return packed >> DETECTOR_BITS, packed & packed.dtype.type(2**DETECTOR_BITS - 1), True


def _read_npz(path: Path, source: str) -> _Read:
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        arrays = []
        for name in FIELDS:
            member = f"{name}.npy"
            if member not in sizes:
                raise _fault(source, f"holds no array {name!r}")
            with archive.open(member) as file:
                _check_header(file, sizes[member], source)
            with archive.open(member) as file:
                arrays.append(npy.read_array(file, allow_pickle=False))
    times, detectors = arrays
    if times.ndim != 1 or times.shape != detectors.shape:
        raise _fault(source, f"time has shape {times.shape}, detector {detectors.shape}")
    return times, detectors, False


def _check_header(file: IO[bytes], size_bytes: int, source: str) -> None:
    """Refuse an array that is not whole, holds objects or is too large, before reading it."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise _fault(source, f"NumPy format {version[0]}.{version[1]} is not known here")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise _fault(source, "holds Python objects, not integers")
    count = 1
    for length in shape:
        count *= length
    promised, held = count * dtype.itemsize, size_bytes - file.tell()
    if promised > held:
        raise _fault(source, f"truncated: {promised} bytes of tags promised, {held} there")
    if count > len(FIELDS) * MAX_TAGS:
        raise _fault(source, f"more than {MAX_TAGS} tags; cut it in pieces")


def _fault(source: str, message: str) -> ConfigError:
    return ConfigError((Fault(source, message),))
