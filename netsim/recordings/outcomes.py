"""Counts coincidences of two recordings detector by detector, from both ends' tags.

No party could: each knows its own outcomes only. It is for whoever holds both recordings, to see
whether the maps are right. The search of the parties gives the place to begin; from there on the
peak is followed by itself, piece by piece, forwards and backwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.recordings.lateness import histograms_of, late_of
from netsim.recordings.recording import LinkTags
from netsim.results.outcomes import Counts, Outcomes
from protocols.messages import Role
from protocols.tags import DETECTOR_BITS

PIECE_PS = 500_000_000_000
REACH_PS = 20_000
"""How far the peak may move from one piece to the next: 40 ppb."""
SIDE_SHARE = 0.6
"""Of the distance of side peaks: not farther, where there are any."""
PEAK_SIGMAS = 5.0
"""A piece without such a peak moves nothing."""
FLIPPED = [0, 1, 3, 2]
"""Detectors with the outcomes of X exchanged."""
MIN_FIT = 20
"""Pairs; fewer say nothing of a rate."""


@dataclass(slots=True)
class _Line:
    """Bob's clock in alice's: ``offset_ps`` at ``at_ps``, and its rate."""

    at_ps: int
    offset_ps: float
    rate: float

    def to(self, at_ps: int) -> "_Line":
        """The same line, seen at another time."""
        return _Line(at_ps, self.offset_ps + self.rate * (at_ps - self.at_ps), self.rate)

    def plus(self, course: tuple[float, float]) -> "_Line":
        """The line to which this one is off by an offset (ps) and a rate."""
        return _Line(self.at_ps, self.offset_ps + course[0], self.rate + course[1])


def outcomes_of(tags: LinkTags, *, flip_x: bool, lock: tuple[float, float, int] | None) -> Outcomes:
    """Count single tags and coincidences.

    Parameters
    ----------
    tags : LinkTags
    flip_x : bool
        As in `DistilOptions`: if not, bob's X outcomes in ``tags`` are flipped, and are so back
        here.
    lock : (offset_ps, rate, at_ps) or None
        Bob's clock in ``tags`` less alice's, at some time in the first ``at_ps`` of the light;
        without it nothing coincides.
    """
    clocks_ps = 0, 0 if lock is None else round(lock[0])
    singles = [
        np.bincount(
            _between(tags, role, tags.start_ps + clock_ps, tags.stop_ps + clock_ps)[1], minlength=4
        )
        for role, clock_ps in zip(Role, clocks_ps, strict=True)
    ]
    counts = np.zeros((4, 4), dtype=np.int64)
    late: tuple[tuple[int, int, int], ...] = ()
    if lock is not None:
        follower = _Follower(tags)
        for piece in follower.pieces(*lock):
            counts += piece
        late = late_of(follower.differences, tags.config.window_ps)
    if not flip_x:
        counts = counts[:, FLIPPED]
        singles[1] = singles[1][FLIPPED]
        late = tuple(sorted((end, FLIPPED[k] if end else k, ps) for end, k, ps in late))
    return Outcomes(_plain(singles), _plain(counts), flip_x, tags.light_ps, late)


def _plain(rows: "NDArray[np.int64] | list[NDArray[np.int64]]") -> Counts:
    return tuple(tuple(int(count) for count in row) for row in rows)


class _Follower:
    """Follows the peak through both recordings.

    Attributes
    ----------
    differences : (16, M) int64
        See `histograms_of`: of all pieces that were counted.
    """

    def __init__(self, tags: LinkTags) -> None:
        self._tags = tags
        self._window_ps = tags.config.window_ps
        self._delays_ps = tags.config.lane_delays_ps
        side_ps = tags.config.umi_delay_ps
        self._reach_ps = min(REACH_PS, SIDE_SHARE * side_ps) if side_ps else REACH_PS
        apart_ps = np.diff(sorted(self._delays_ps)).min(initial=2 * REACH_PS)
        self._seen_ps = min(self._reach_ps, float(apart_ps) / 2)
        self.differences = histograms_of(np.zeros(0), np.zeros(0, dtype=np.int64), self._seen_ps)

    def pieces(self, offset_ps: float, rate: float, at_ps: int) -> Iterator[NDArray[np.int64]]:
        """(4, 4) counts of every piece: from the lock on, then from there back to the start."""
        tags = self._tags
        starts_ps = range(tags.start_ps, tags.stop_ps + 1, PIECE_PS)
        first = min(at_ps // PIECE_PS, len(starts_ps) - 1)
        line = _Line(starts_ps[first], offset_ps, rate)
        reach_ps = self._reach_ps + abs(rate) * at_ps
        begun = line.plus(self._piece(line, reach_ps)[1])
        for order in (starts_ps[first:], starts_ps[:first][::-1]):
            line = begun
            for start_ps in order:
                line = line.to(start_ps)
                (off_ps, detectors), course = self._piece(line, self._reach_ps)
                line = line.plus(course)
                self.differences += histograms_of(off_ps, detectors, self._seen_ps)
                found = detectors[np.abs(off_ps) < self._window_ps / 2]
                yield np.bincount(found, minlength=16).reshape(4, 4)

    def _piece(
        self, line: _Line, reach_ps: float
    ) -> tuple[tuple[NDArray[np.float64], NDArray[np.int64]], tuple[float, float]]:
        """Pairs of the piece that begins where ``line`` stands, and how its peak runs off it.

        Pairs are differences to the peak (ps) and detectors, as `_near` gives them.
        """
        times_ps, differences_ps, detectors = self._near(line, reach_ps)
        course = (_peak(differences_ps, self._window_ps, reach_ps), 0.0)
        for share in (1.0, 0.5):  # of the window, on either side: narrower as the line fits
            off_ps = differences_ps - course[0] - course[1] * times_ps
            within = np.abs(off_ps) < share * self._window_ps
            if course[0] and np.count_nonzero(within) >= MIN_FIT:
                slope, at_zero_ps = np.polyfit(times_ps[within], differences_ps[within], 1)
                course = (float(at_zero_ps), float(slope))
        off_ps = differences_ps - course[0] - course[1] * times_ps
        return (off_ps, detectors), course

    def _near(
        self, line: _Line, reach_ps: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Pairs within reach.

        Alice's time in the piece and bob's less the one expected, in ps; 4 times alice's detector
        plus bob's.
        """
        start_ps = line.at_ps
        alice_ps, alice = _between(self._tags, Role.ANNOUNCER, start_ps, start_ps + PIECE_PS)
        times, differences, detectors = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
        slack_ps = round(reach_ps + abs(line.rate) * PIECE_PS)
        for delay_ps in self._delays_ps:
            # Relative to the piece in bob's clock, so that float64 is exact to a fraction of a ps.
            zero_ps = start_ps + round(line.offset_ps) + delay_ps
            stop_ps = zero_ps + PIECE_PS + slack_ps
            bob_ps, bob = _between(self._tags, Role.RESPONDER, zero_ps - slack_ps, stop_ps)
            own_ps = (bob_ps - zero_ps).astype(np.float64)
            sought_ps = (alice_ps - start_ps) * (1.0 + line.rate)
            first = np.searchsorted(own_ps, sought_ps - reach_ps)
            sizes = np.searchsorted(own_ps, sought_ps + reach_ps) - first
            one = np.repeat(np.arange(alice_ps.size), sizes)
            other = np.arange(one.size) - np.repeat(np.cumsum(sizes) - sizes - first, sizes)
            times.append((alice_ps[one] - start_ps).astype(np.float64))
            differences.append(own_ps[other] - sought_ps[one])
            detectors.append(4 * alice[one] + bob[other])
        return np.concatenate(times), np.concatenate(differences), np.concatenate(detectors)


def _between(
    tags: LinkTags, role: Role, low_ps: int, high_ps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times in ps and detectors of one end's tags."""
    packed, unit_ps = tags.packed[role], tags.ticks_ps[role]
    edges = [(at_ps // unit_ps) << DETECTOR_BITS for at_ps in (low_ps, high_ps)]
    first, last = np.searchsorted(packed, edges)
    found = packed[first:last]
    return (found >> DETECTOR_BITS) * unit_ps, found & 3


def _peak(differences_ps: NDArray[np.float64], window_ps: int, reach_ps: float) -> float:
    """Centre of the fullest window; 0 where it is not fuller than chance makes the fullest."""
    ordered = np.sort(differences_ps)
    if not ordered.size:
        return 0.0
    counts = np.searchsorted(ordered, ordered + window_ps) - np.arange(ordered.size)
    best = int(np.argmax(counts))
    expected = ordered.size * min(1.0, window_ps / (2 * reach_ps))
    if counts[best] < expected + PEAK_SIGMAS * np.sqrt(expected + 1.0):
        return 0.0
    return float(ordered[best : best + counts[best]].mean())
