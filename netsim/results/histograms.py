"""How far apart the clicks of two users came, counted about the window of each lane."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from netsim.results.parts import Json


@dataclass(frozen=True, slots=True)
class LaneHistogram:
    """All arrival differences about the window of a lane, second user less first, in bins.

    As a time tagger counts them, of all clicks: each with each, so that the window may hold a few
    more than the coincidences of the lane, for which a click counts once.

    Attributes
    ----------
    users, channels : (str, str)
        Of the lane, as in `netsim.results.parts.LaneResult`.
    delay_ps : int
        Centre of the window, where pairs are expected: nominal arrival at the second user less that
        at the first.
    window_ps : int
        Full width, >= 1; it is half open.
    low_ps : int
        Lower edge of the first bin; where the window begins, a bin begins.
    bin_ps : int
        Width of a bin, >= 1.
    counts : tuple of int
        Pairs of clicks in each of the half-open bins.
    """

    users: tuple[str, str]
    channels: tuple[str, str]
    delay_ps: int
    window_ps: int
    low_ps: int
    bin_ps: int
    counts: tuple[int, ...]

    def __add__(self, other: "LaneHistogram") -> "LaneHistogram":
        both = zip(self.counts, other.counts, strict=True)
        added = replace(self, counts=tuple(one + its for one, its in both))
        if added != replace(other, counts=added.counts):
            raise ValueError("histograms of different bins do not add up")
        return added

    @property
    def window_edges_ps(self) -> tuple[int, int]:
        """Where the window begins and ends."""
        low_ps = self.delay_ps - self.window_ps // 2
        return low_ps, low_ps + self.window_ps

    @property
    def edges_ps(self) -> Iterator[tuple[int, int]]:
        """Lower and upper edge of each bin."""
        for k in range(len(self.counts)):
            low_ps = self.low_ps + k * self.bin_ps
            yield low_ps, low_ps + self.bin_ps


def histogram_rows(histogram: LaneHistogram) -> Iterator[Json]:
    """Rows of ``histograms.csv``, one a bin."""
    (user_a, user_b), (channel_a, channel_b) = histogram.users, histogram.channels
    for (low_ps, high_ps), pairs in zip(histogram.edges_ps, histogram.counts, strict=True):
        yield {
            "user_a": user_a,
            "user_b": user_b,
            "channel_a": channel_a,
            "channel_b": channel_b,
            "delay_ps": histogram.delay_ps,
            "window_ps": histogram.window_ps,
            "low_ps": low_ps,
            "high_ps": high_ps,
            "pairs": pairs,
        }


def histograms_from(rows: Iterable[Mapping[str, str]]) -> Iterator[LaneHistogram]:
    """Read what `histogram_rows` has written.

    Raises
    ------
    LookupError, ValueError
        It has written something else.
    """
    for _, group in groupby(rows, _lane_of):
        yield _histogram_of(list(group))


def _lane_of(row: Mapping[str, str]) -> tuple[str, ...]:
    return row["user_a"], row["user_b"], row["channel_a"], row["channel_b"]


def _histogram_of(rows: list[Mapping[str, str]]) -> LaneHistogram:
    first = rows[0]
    user_a, user_b, channel_a, channel_b = _lane_of(first)
    low_ps = int(first["low_ps"])
    found = LaneHistogram(
        users=(user_a, user_b),
        channels=(channel_a, channel_b),
        delay_ps=int(first["delay_ps"]),
        window_ps=int(first["window_ps"]),
        low_ps=low_ps,
        bin_ps=int(first["high_ps"]) - low_ps,
        counts=tuple(int(row["pairs"]) for row in rows),
    )
    for row, expected in zip(rows, histogram_rows(found), strict=True):
        if row != {name: str(value) for name, value in expected.items()}:
            raise ValueError(f"bin {row['low_ps']} ps of {user_a}-{user_b} is out of line")
    return found
