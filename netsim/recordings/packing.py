"""From a recorder's numbers to what a protocol takes: bases, bits, calibrated and sorted times."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.recordings.reading import Recording
from protocols.tags import DETECTOR_BITS

MAX_TIME_PS = 1 << 60
"""Times in int64, with room for offsets: 13 days since the recorder's zero."""
BURST_TAGS, BURST_PS = 200_000, 10_000_000_000
"""More tags than this in 10 ms (20 MHz) are no photons, and would stall the search for a lock."""
MAX_TICK_PS = 1_000_000
TICK_DECIMALS = 6
"""More are not needed, and would not fit the arithmetic of `_whole_ps`."""
IGNORED: tuple[int, ...] = ()
"""Mapped to `-`: markers and other channels that are no detectors."""

DetectorMap = Mapping[int, tuple[int, ...]]
"""Recorder's number to the detectors it stands for, each as 2 * basis + bit (Z0, Z1, X0, X1): one,
none, or several that clicked at once."""

_MAP_ENTRY = re.compile(
    r"\s*([+-]?\d{1,9})\s*=\s*([ZX][01](?:\+[ZX][01])*|-)\s*", re.ASCII | re.IGNORECASE
)
_DELAY_ENTRY = re.compile(r"\s*([+-]?\d{1,9})\s*=\s*([+-]?\d{1,12})\s*", re.ASCII)
_TICK = re.compile(rf"\d{{1,7}}(?:\.\d{{1,{TICK_DECIMALS}}})?", re.ASCII)


def parse_tick_ps(text: str) -> Fraction:
    """``10``, ``80.955``, ``3.90625``: a recorder's tick in ps, exactly as written.

    Raises
    ------
    ValueError
        It does not read so, or does not lie between 1 and 1e6.
    """
    match = _TICK.fullmatch(text.strip())
    if match is None or not 1 <= Fraction(match[0]) <= MAX_TICK_PS:
        raise ValueError(
            f"{text!a} is no number of picoseconds from 1 to 1e6, with up to {TICK_DECIMALS} "
            "decimals"
        )
    return Fraction(match[0])


def parse_detector_map(text: str) -> dict[int, tuple[int, ...]]:
    """``0=Z0,1=Z1,2=X0,3=X1``: what a recorder's numbers stand for, see `DetectorMap`.

    ``7=-`` ignores a channel, ``-1=Z0`` is for recorders that number falling edges so, and
    ``3=Z0+Z1`` for those that write one number where two detectors clicked at once.

    Raises
    ------
    ValueError
        An entry that does not read so, or a number that comes twice.
    """
    found: dict[int, tuple[int, ...]] = {}
    for entry in text.split(","):
        match = _MAP_ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(f"{entry!a} is no entry such as 0=Z0, 3=X1, 5=Z0+X0 or 7=-")
        number, meaning = int(match[1]), match[2].upper()
        if number in found:
            raise ValueError(f"detector {number} comes twice")
        found[number] = IGNORED if meaning == "-" else tuple(map(_detector, meaning.split("+")))
    return found


def _detector(name: str) -> int:
    return 2 * (name[0] == "X") + int(name[1])


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


def grid_ps(tick_ps: Fraction) -> int:
    """Unit of packed times: the tick of the recorder if that is whole, else a picosecond."""
    return int(tick_ps) if tick_ps.denominator == 1 else 1


def packed_tags(
    recording: Recording,
    *,
    source: str,
    tick_ps: Fraction,
    detector_map: DetectorMap,
    delays_ps: Mapping[int, int],
    sort: bool = False,
) -> NDArray[np.int64]:
    """Tags as a protocol takes them, sorted by calibrated time.

    Parameters
    ----------
    recording : Recording
    source : str
        File name for messages.
    tick_ps : Fraction
        From 1 to `MAX_TICK_PS`; times of a tick that is not whole are rounded to picoseconds.
    detector_map, delays_ps : mapping
        See `parse_detector_map` and `parse_delays_ps`. Delays are rounded to the grid.
    sort : bool
        Take times in any order.

    Returns
    -------
    (N,) int64, ascending
        ``times << 2 | 2 * basis + bit`` in units of `grid_ps`; times may be negative by a
        calibration delay. Detectors that clicked at once have a tag each.

    Raises
    ------
    ConfigError
        A detector that is not in the map, times of detectors that are not in order (without
        ``sort``) or beyond what fits, more tags than photons give.
    """
    numbers, which = np.unique(recording.detectors, return_inverse=True)
    _refuse_unknown(numbers, recording, detector_map, source)
    clicks = np.array([len(detector_map[int(number)]) for number in numbers], dtype=np.int64)[which]
    kept = np.flatnonzero(clicks)
    times_ticks, which = recording.times_ticks[kept], which[kept]
    if not sort:
        _refuse_disorder(times_ticks, kept, source)
    _refuse_late(times_ticks, tick_ps, source)
    unit_ps = grid_ps(tick_ps)
    late = np.array([round(delays_ps.get(int(n), 0) / unit_ps) for n in numbers], dtype=np.int64)
    times = _whole_ps(times_ticks, tick_ps) - late[which]
    tags = np.sort(_with_detectors(times, which, [detector_map[int(n)] for n in numbers]))
    _refuse_bursts(tags >> DETECTOR_BITS, unit_ps, source)
    return tags


def _with_detectors(
    times: NDArray[np.int64], which: NDArray[np.int64], meanings: Sequence[tuple[int, ...]]
) -> NDArray[np.int64]:
    """One tag for each detector that an entry stands for."""
    most = max(map(len, meanings), default=0)
    table = np.array([(*each, *[-1] * (most - len(each))) for each in meanings], dtype=np.int64)
    parts = [np.zeros(0, dtype=np.int64)]
    for place in range(most):
        detectors = table[which, place]
        there = detectors >= 0
        parts.append(times[there] << DETECTOR_BITS | detectors[there])
    return np.concatenate(parts)


def _whole_ps(times_ticks: NDArray[np.int64], tick_ps: Fraction) -> NDArray[np.int64]:
    """Times in units of `grid_ps`, exact to half of it.

    Split so that nothing overflows: a time fits in picoseconds, and below one denominator of ticks
    the product is below 1e6 x 1e12.
    """
    if tick_ps.denominator == 1:
        return times_ticks
    numerator, denominator = tick_ps.as_integer_ratio()
    whole, rest = np.divmod(times_ticks, denominator)
    times_ps: NDArray[np.int64] = (
        whole * numerator + (rest * numerator + denominator // 2) // denominator
    )
    return times_ps


def _refuse_unknown(
    numbers: NDArray[np.int64], recording: Recording, detector_map: DetectorMap, source: str
) -> None:
    unknown = [int(number) for number in numbers if int(number) not in detector_map]
    if unknown:
        at = int(np.flatnonzero(recording.detectors == unknown[0])[0])
        shown = ", ".join(map(str, unknown[:8]))
        raise ConfigError.of(source, f"detectors not in the map: {shown} (first at entry {at})")


def _refuse_disorder(
    times_ticks: NDArray[np.int64], entries: NDArray[np.int64], source: str
) -> None:
    """Refuse times of detectors that go back; channels that are ignored may come as they like."""
    steps = np.flatnonzero(times_ticks[1:] < times_ticks[:-1])
    if steps.size:
        before, at = int(steps[0]), int(steps[0]) + 1
        raise ConfigError.of(
            source,
            f"not sorted: time {times_ticks[at]} at entry {entries[at]} comes after "
            f"{times_ticks[before]}; --sort puts them in order",
        )


def _refuse_late(times_ticks: NDArray[np.int64], tick_ps: Fraction, source: str) -> None:
    latest = int(np.abs(times_ticks).max(initial=0))
    if latest * tick_ps > MAX_TIME_PS:
        raise ConfigError.of(
            source,
            f"times up to {latest} ticks of {float(tick_ps):g} ps are over 13 days: subtract one "
            "start, the same for both recordings, from all times (UTC counts from 1970)",
        )


def _refuse_bursts(times: NDArray[np.int64], unit_ps: int, source: str) -> None:
    spans = times[BURST_TAGS:] - times[:-BURST_TAGS]
    dense = np.flatnonzero(spans < BURST_PS // unit_ps)
    if dense.size:
        raise ConfigError.of(
            source, f"more than {BURST_TAGS} tags in 10 ms, from entry {dense[0]}: is --tick right?"
        )
