"""PicoQuant's unified files of T2 mode: read by ptufile (extra ``recordings``), written here.

Layout as in PicoQuant's "Unified TTTR file format" and its demos: a header of tags (name of 32
bytes, index int32, type uint32, value of 8 bytes), then records of 32 bits. In a record of a
HydraHarp V2 in T2 mode, bit 31 marks what is no photon, bits 25 to 30 are the channel, bits 0 to 24
the time in units of the global resolution; channel 63 without a photon counts overflows of 2^25.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import MAX_TAGS, FileTags, WritableFormat
from netsim.units import PS_PER_S

EXTRA_HINT = "needs the extra recordings: pip install 'qnsp-netsim[recordings]'"
T2 = 2
"""Measurement mode of absolute times."""
MAGIC = b"PQTTTR\0\0" + b"1.0.00\0\0"
HYDRAHARP2_T2 = 0x01010204
SPECIAL, OVERFLOW = 1 << 31, 63 << 25
WRAP_BITS = 25
MOST_OVERFLOWS = (1 << WRAP_BITS) - 1
"""Of one record."""
EMPTY, INTEGER, FLOAT, TEXT = 0xFFFF0008, 0x10000008, 0x20000008, 0x4001FFFF
"""Types of header tags: nothing, int64, float64, ANSI text."""
MAX_DENOMINATOR = 1_000_000
"""Of a tick in ps, which the header holds as a number of seconds."""


class Ptu(WritableFormat):
    """``.ptu`` of T2 mode."""

    suffix = ".ptu"

    def read(self, path: Path) -> FileTags:
        """Read all photons; the tick is that of the header. Markers and overflows are no tags."""
        library = _library(path)
        try:
            return self._read(library, path)
        # What ptufile raises for a damaged header; NameError, where it stumbles over its own words.
        except (library.PqFileError, KeyError, NameError, struct.error) as error:
            raise ConfigError.of(path, "cannot be read: no whole .ptu file") from error

    def _read(self, library: Any, path: Path) -> FileTags:
        with library.PtuFile(path) as file:
            if file.is_t3 or file.tags.get("Measurement_Mode", T2) != T2:
                raise ConfigError.of(path, "is of T3 mode, which has no absolute times: record T2")
            if file.number_records > MAX_TAGS:
                raise ConfigError.of(path, f"more than {MAX_TAGS} records; cut it in pieces")
            records = file.decode_records()
            tick_ps = Fraction(file.global_resolution * PS_PER_S).limit_denominator(MAX_DENOMINATOR)
        photons = records[records["channel"] >= 0]
        times = photons["time"].astype(np.int64)
        return FileTags(times, photons["channel"].astype(np.int64), tick_ps=tick_ps)

    def write(
        self,
        path: Path,
        times_ticks: NDArray[np.int64],
        detectors: NDArray[np.int64],
        tick_ps: int,
    ) -> None:
        """Write T2 records as a HydraHarp does; times are not negative."""
        records = t2_records(times_ticks, detectors)
        with path.open("wb") as file:
            file.write(b"".join(_header(tick_ps, records.size)))
            file.write(records.astype("<u4").tobytes())


def t2_records(times_ticks: NDArray[np.int64], detectors: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Records of a HydraHarp V2: photons, and before each as many overflows as have passed.

    Parameters
    ----------
    times_ticks : (N,) int64, ascending from 0
    detectors : (N,) int64, 0 to 62

    Returns
    -------
    (M,) uint32
    """
    wraps = times_ticks >> WRAP_BITS
    passed = np.diff(wraps, prepend=0)
    if passed.size and int(passed.max()) > MOST_OVERFLOWS:
        raise ValueError("a silence longer than one record of overflows holds")
    photons = (detectors.astype(np.uint32) << WRAP_BITS) | (
        times_ticks & ((1 << WRAP_BITS) - 1)
    ).astype(np.uint32)
    late = np.flatnonzero(passed)
    overflows = (SPECIAL | OVERFLOW | passed[late]).astype(np.uint32)
    return np.insert(photons, late, overflows)


def _header(tick_ps: int, records: int) -> Iterator[bytes]:
    yield MAGIC
    yield _text_tag("CreatorSW_Name", "qnsp-netsim")
    yield _tag("Measurement_Mode", INTEGER, struct.pack("<q", T2))
    yield _tag("Measurement_SubMode", INTEGER, struct.pack("<q", 0))
    yield _tag("TTResultFormat_TTTRRecType", INTEGER, struct.pack("<q", HYDRAHARP2_T2))
    yield _tag("TTResultFormat_BitsPerRecord", INTEGER, struct.pack("<q", 32))
    yield _tag("MeasDesc_GlobalResolution", FLOAT, struct.pack("<d", tick_ps / PS_PER_S))
    yield _tag("TTResult_NumberOfRecords", INTEGER, struct.pack("<q", records))
    yield _tag("Header_End", EMPTY, bytes(8))


def _tag(name: str, kind: int, value: bytes) -> bytes:
    return name.encode().ljust(32, b"\0") + struct.pack("<iI", -1, kind) + value


def _text_tag(name: str, text: str) -> bytes:
    padded = text.encode() + bytes(8 - len(text) % 8)
    return _tag(name, TEXT, struct.pack("<q", len(padded))) + padded


def _library(path: Path) -> Any:
    try:
        import ptufile  # noqa: PLC0415  # of an extra
    except ImportError as error:
        raise ConfigError.of(path, EXTRA_HINT) from error
    return ptufile
