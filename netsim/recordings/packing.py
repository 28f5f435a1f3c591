"""From a recorder's numbers to what a protocol takes: bases, bits, calibrated and sorted times."""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netsim.recordings.formats.interface import fault
from netsim.recordings.reading import Recording
from protocols.tags import DETECTOR_BITS

MAX_TIME_PS = 1 << 60
"""Times in int64, with room for offsets: 13 days since the recorder's zero."""
BURST_TAGS, BURST_PS = 200_000, 10_000_000_000
"""More tags than this in 10 ms (20 MHz) are no photons, and would stall the search for a lock."""
IGNORED = -1
"""Mapped to `-`: markers and other channels that are no detectors."""

_MAP_ENTRY = re.compile(r"\s*(\d{1,9})\s*=\s*([ZXzx][01]|-)\s*", re.ASCII)
_DELAY_ENTRY = re.compile(r"\s*(\d{1,9})\s*=\s*([+-]?\d{1,12})\s*", re.ASCII)


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
        raise fault(source, f"detectors not in the map: {shown} (first at entry {at})")
    if times_ticks.size and int(times_ticks[-1]) * tick_ps > MAX_TIME_PS:
        raise fault(source, f"times up to {times_ticks[-1]} ticks of {tick_ps} ps are over 13 days")
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
        raise fault(
            source, f"more than {BURST_TAGS} tags in 10 ms, from entry {dense[0]}: is --tick right?"
        )
