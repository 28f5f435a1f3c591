"""What is in a recording: rates of its channels, silences, back steps, dead times.

It asks nothing of a recording but that it can be read: this is for finding out why there is no key.
How two recordings correlate is in `netsim.recordings.correlation`.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from netsim.recordings.reading import Recording
from netsim.units import PS_PER_MS, PS_PER_S

GAP_INTERVALS = 50.0
"""A silence is called so from this many mean intervals on: exp(-50) by chance."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One channel of a recording.

    Attributes
    ----------
    channel : int
    clicks : int
    rate_hz : float
    shortest_ps : float or None
        Between two of its clicks: its dead time, if it clicks often; None of fewer than two.
    """

    channel: int
    clicks: int
    rate_hz: float
    shortest_ps: float | None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """A whole recording.

    Attributes
    ----------
    clicks, lost : int
        Those that the recorder says it has lost are not in it.
    first_ps, span_ps : float
    channels : tuple of ChannelFacts
    back_steps : int
        Places where time goes back, by ``largest_back_ps`` at most.
    gaps : int
        Silences of more than `GAP_INTERVALS` mean intervals, the longest of ``longest_gap_ps``.
    shortest_ps : float or None
        Between two clicks of any channels.
    """

    clicks: int
    lost: int
    first_ps: float
    span_ps: float
    channels: tuple[ChannelFacts, ...]
    back_steps: int
    largest_back_ps: float
    gaps: int
    longest_gap_ps: float
    shortest_ps: float | None


def facts_of(recording: Recording, tick_ps: Fraction) -> RecordingFacts:
    """Look at one recording."""
    tick = float(tick_ps)
    steps = np.diff(recording.times_ticks)
    back = steps[steps < 0]
    times = np.sort(recording.times_ticks)
    intervals = np.diff(times)
    span_ps = float(times[-1] - times[0]) * tick
    mean = float(intervals.mean()) if intervals.size else 0.0
    silences = intervals[intervals > GAP_INTERVALS * mean] if mean else intervals[:0]
    return RecordingFacts(
        clicks=times.size,
        lost=recording.lost,
        first_ps=float(times[0]) * tick,
        span_ps=span_ps,
        channels=tuple(_channels(recording, tick, span_ps)),
        back_steps=back.size,
        largest_back_ps=-float(back.min(initial=0)) * tick,
        gaps=silences.size,
        longest_gap_ps=float(silences.max(initial=0)) * tick,
        shortest_ps=float(intervals.min()) * tick if intervals.size else None,
    )


def _channels(recording: Recording, tick: float, span_ps: float) -> list[ChannelFacts]:
    found = []
    for channel in np.unique(recording.detectors):
        times = np.sort(recording.times_ticks[recording.detectors == channel])
        shortest = float(np.diff(times).min()) * tick if times.size > 1 else None
        rate_hz = times.size / (span_ps / PS_PER_S) if span_ps else 0.0
        found.append(ChannelFacts(int(channel), times.size, rate_hz, shortest))
    return found


def in_ms(time_ps: float) -> float:
    """Milliseconds."""
    return time_ps / PS_PER_MS
