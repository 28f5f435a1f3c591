"""A user's own clicks, shared by the endpoints of all its links.

It drops clicks that came while a detector was blind, merges those that are too close to tell apart,
numbers them, encodes each announcement once for all links, and hands every click to at most one
link: a click sifted with two partners would give one of them a bit of the other's key. It knows
nothing of partners and messages.

A click within the dead time of an earlier one cannot come from the detector of that one, so
published times would tell that the two bits differ. Every click is therefore followed by a time in
which none counts, whatever its detector, and whether it counted itself or not.

Times are published no finer than matching needs: `announced_grain` ticks.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocols.ascending import encode_ascending
from protocols.compiled import kernel
from protocols.tags import TagFrame

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

ScalarT = TypeVar("ScalarT", bound=np.generic)

GRAINS = 16
"""At least so many grains of published times in a window."""
_NEVER_TICKS = -(2**60)
"""Earlier than every click, as tags can tell, by more than every dead time."""


@kernel
def _merge(
    rng: np.random.Generator,
    tags: NDArray[np.int64],
    window_ticks: int,
    dead_ticks: int,
    last_ticks: int,
    out: NDArray[np.int64],
) -> int:
    """Merge each click within the window of an earlier one into it; returns the number kept.

    If both bases fired the basis is drawn at random, if both ports of that basis fired the bit is.
    A group is anchored at its first click, which is at least ``dead_ticks`` after the click before
    it, at first after ``last_ticks``. Tags go to ``out``.
    """
    kept, k, size = np.uint64(0), np.uint64(0), np.uint64(tags.size)
    while k < size:
        tag, first, stop = tags[k], tags[k] >> 2, k + np.uint64(1)
        if first - last_ticks >= dead_ticks:
            if stop < size and (tags[stop] >> 2) - first < window_ticks:
                stop, fired = _group(tags, k, window_ticks)
                tag = (first << 2) | _drawn(rng, fired)
            out[kept] = tag
            kept += np.uint64(1)
        last_ticks, k = tags[stop - np.uint64(1)] >> 2, stop
    return int(np.int64(kept))


@kernel
def _group(tags: NDArray[np.int64], k: np.uint64, window_ticks: int) -> tuple[np.uint64, int]:
    """Where the group of click ``k`` ends, and a bit for each detector that has fired in it."""
    fired, stop = 0, k
    while stop < np.uint64(tags.size) and (tags[stop] >> 2) - (tags[k] >> 2) < window_ticks:
        fired |= 1 << (tags[stop] & 3)
        stop += np.uint64(1)
    return stop, fired


@kernel
def _drawn(rng: np.random.Generator, fired: int) -> int:
    """The detector that a group counts for."""
    z, x = fired & 3, fired >> 2
    basis = 1 if z == 0 else 0
    if z != 0 and x != 0:
        basis = 1 if rng.random() < 0.5 else 0
    ports = x if basis == 1 else z
    port = 1 if ports == 2 else 0
    if ports == 3:
        port = 1 if rng.random() < 0.5 else 0
    return 2 * basis + port


@kernel
def _detectors(tags: NDArray[np.int64], ids: NDArray[np.int64], first_id: int) -> NDArray[np.uint8]:
    out = np.empty(ids.size, dtype=np.uint8)
    for k in range(ids.size):
        out[k] = tags[ids[k] - first_id] & 3
    return out


@kernel
def _claim(claimed: NDArray[np.bool_], ids: NDArray[np.int64], first_id: int) -> NDArray[np.bool_]:
    free = np.empty(ids.size, dtype=np.bool_)
    for k in range(ids.size):
        free[k] = not claimed[ids[k] - first_id]
        claimed[ids[k] - first_id] = True
    return free


def announced_grain(window_ticks: int) -> int:
    """Ticks to which published times are cut: the largest divisor of the window up to 1/16 of it.

    Cutting blurs the edges of the window by 1/16 of its width over sqrt(12), 2 %. As the grain
    divides the window, clicks a window apart stay a window apart.
    """
    finest = window_ticks // GRAINS
    return next((grain for grain in range(finest, 1, -1) if window_ticks % grain == 0), 1)


@dataclass(frozen=True, slots=True, eq=False)
class Announcement:
    """Click times of consecutive frames as they go on the wire, numbered from ``first_id``."""

    first_id: int
    start_ticks: int
    stop_ticks: int
    count: int
    deltas: bytes


class _Column(Generic[ScalarT]):
    """Values that come at one end and go at the other; views of them are good until more come."""

    def __init__(self, dtype: type[ScalarT]) -> None:
        self._room = np.empty(0, dtype=dtype)
        self._start = self._stop = 0

    @property
    def values(self) -> NDArray[ScalarT]:
        return self._room[self._start : self._stop]

    def room(self, count: int) -> NDArray[ScalarT]:
        """Where ``count`` more may be written, of which `keep` takes in the first."""
        if self._stop + count > self._room.size:
            values = self.values
            self._start, self._stop = 0, values.size
            needed = values.size + count
            if 4 * needed > 3 * self._room.size:  # else few are moved for the room that there is
                self._room = np.empty(2 * needed, dtype=values.dtype)
            self._room[: values.size] = values
        return self._room[self._stop : self._stop + count]

    def keep(self, count: int) -> None:
        self._stop += count

    def drop(self, count: int) -> None:
        self._start += count


class _Marks:
    """How far each link has come, from 0 on, and the least of them."""

    def __init__(self, links: int) -> None:
        self._of = [0] * links
        self.least = 0

    def move(self, link: int, mark: int) -> None:
        """Forward; a mark behind the link's own changes nothing."""
        before = self._of[link]
        if mark > before:
            self._of[link] = mark
            if before == self.least:
                self.least = min(self._of)


class TagBook:
    """Clicks of one user between two watermarks, numbered from 0 in order of time.

    Parameters
    ----------
    rng : numpy.random.Generator
        The user's own randomness, for clicks that must be assigned at random.
    window_ticks : int, >= 1
        A click less than this after the first of a group joins the group.
    dead_ticks : int, >= 0
        A click less than this after any click before the group does not count.
    links : int, >= 1
        Number of endpoints that must release a click before it is forgotten.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        window_ticks: int,
        dead_ticks: int = 0,
        links: int = 1,
    ) -> None:
        self._rng = rng
        self._window_ticks = window_ticks
        self._grain_ticks = announced_grain(window_ticks)
        self._dead_ticks = dead_ticks
        self._last_ticks = _NEVER_TICKS
        self._pending = np.empty(0, dtype=np.int64)
        self._tags = _Column(np.int64)
        self._times, self._tick_ps = _Column(np.int64), 0
        """The first of them in ps, as far as they were asked for, and the length of a tick."""
        self._claimed = _Column(np.bool_)
        self._columns = (self._tags, self._claimed)
        self._first_id = 0
        self._released, self._released_frames = _Marks(links), _Marks(links)
        self._frame_stop_ids: list[int] = []
        self._frame_stop_ticks: list[int] = []
        self._frame_turned: list[bool] = []
        self._first_frame = 0
        self._origin_frame: int | None = None
        self._announcements: dict[tuple[int, int], Announcement] = {}

    @property
    def frames(self) -> int:
        """Number of frames taken in so far."""
        return self._first_frame + len(self._frame_stop_ids)

    @property
    def stop_ticks(self) -> int:
        """Watermark: clicks before this are all in the book (none if no frame has come)."""
        return self._frame_stop_ticks[-1] if self._frame_stop_ticks else _NEVER_TICKS

    @property
    def first_frame(self) -> int:
        """Index of the first frame that was ever taken in (0 before that)."""
        return self._origin_frame or 0

    def append(self, frame: TagFrame) -> None:
        """Take in the next frame; one that is already in is ignored."""
        if self._origin_frame is None:
            self._origin_frame = self._first_frame = frame.index
        if frame.index < self.frames:
            return
        tags = frame.tags
        if self._pending.size:
            tags = np.concatenate((self._pending, tags))
        # The last group may grow with the next frame: it waits, and so does the watermark.
        settled_ticks = self._coarse(frame.stop_ticks - self._window_ticks)
        cut = self._settled(tags, settled_ticks)
        self._take_in(tags[:cut])
        self._pending = tags[cut:].copy()
        if self._pending.size:
            settled_ticks = min(settled_ticks, self._coarse(int(self._pending[0] >> 2)))
        self._frame_stop_ids.append(self._first_id + self._tags.values.size)
        self._frame_stop_ticks.append(settled_ticks)
        self._frame_turned.append(frame.is_turned)

    def _take_in(self, tags: NDArray[np.int64]) -> None:
        """Merge tags whose groups cannot grow any more, and number what is kept."""
        kept = _merge(
            self._rng,
            tags,
            self._window_ticks,
            self._dead_ticks,
            self._last_ticks,
            self._tags.room(tags.size),
        )
        self._claimed.room(tags.size)[:kept] = False
        for column in self._columns:
            column.keep(kept)
        if tags.size:
            self._last_ticks = int(tags[-1] >> 2)

    def _coarse(self, ticks: int) -> int:
        return ticks // self._grain_ticks * self._grain_ticks

    def _settled(self, tags: NDArray[np.int64], settled_ticks: int) -> int:
        """Number of leading tags whose groups cannot grow any more."""
        cut = int(np.searchsorted(tags, settled_ticks << 2))
        while 0 < cut < tags.size and (tags[cut] >> 2) - (tags[cut - 1] >> 2) < self._window_ticks:
            cut -= 1
        return cut

    def announcement(self, first_frame: int, stop_frame: int) -> Announcement:
        """Times of the frames ``first_frame`` to ``stop_frame - 1``, encoded once for all links."""
        key = (first_frame, stop_frame)
        found = self._announcements.get(key)
        if found is None:
            found = self._announcements[key] = self._announce(first_frame, stop_frame)
        return found

    def _announce(self, first_frame: int, stop_frame: int) -> Announcement:
        low, high = self.stop_id(first_frame - 1), self.stop_id(stop_frame - 1)
        tags = self._tags.values[low - self._first_id : high - self._first_id]
        times_ticks = tags // (self._grain_ticks << 2) * self._grain_ticks
        start_ticks = int(times_ticks[0]) if times_ticks.size else 0
        return Announcement(
            first_id=low,
            start_ticks=start_ticks,
            stop_ticks=self._frame_stop_ticks[stop_frame - 1 - self._first_frame],
            count=times_ticks.size,
            deltas=encode_ascending(times_ticks, previous=start_ticks),
        )

    def stop_id(self, frame: int) -> int:
        """Number of the first click after frame ``frame`` (which is in the book)."""
        if frame < self._first_frame:
            return self._first_id
        return self._frame_stop_ids[frame - self._first_frame]

    def id_from(self, ticks: int) -> int:
        """Number of the first click at ``ticks`` or later."""
        return self._first_id + self._place_of(ticks)

    def between(self, start_ticks: int, stop_ticks: int) -> tuple[int, NDArray[np.int64]]:
        """Number of the first click in [start, stop) and the times there ((N,) int64, ticks)."""
        low, high = self._place_of(start_ticks), self._place_of(stop_ticks)
        return self._first_id + low, self._tags.values[low:high] >> 2

    def times_between(
        self, start_ticks: int, stop_ticks: int, tick_ps: int
    ) -> tuple[int, NDArray[np.int64]]:
        """As `between`, in ps, for ticks of ``tick_ps``; worked out once for all links."""
        if tick_ps != self._tick_ps:
            self._times, self._tick_ps = _Column(np.int64), tick_ps
        new = self._tags.values[self._times.values.size :]
        if new.size:
            times_ps = self._times.room(new.size)
            np.multiply(np.right_shift(new, 2, out=times_ps), tick_ps, out=times_ps)
            self._times.keep(new.size)
        low, high = self._place_of(start_ticks), self._place_of(stop_ticks)
        return self._first_id + low, self._times.values[low:high]

    def _place_of(self, ticks: int) -> int:
        """How many clicks in the book are before ``ticks``."""
        tag = min(max(ticks, _NEVER_TICKS), -_NEVER_TICKS) << 2
        return int(self._tags.values.searchsorted(tag))

    def tags_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Packed tags of the clicks ``ids`` ((N,) int64, all still in the book)."""
        return self._tags.values[ids - self._first_id]

    def detectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(N,) uint8 detectors of the clicks ``ids``, all still in the book."""
        return _detectors(self._tags.values, ids, self._first_id)

    def turned(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) bool: whether clicks ``ids``, all in the book, came with the analysers turned.

        A click that waited for its group at the end of a frame goes by the next one.
        """
        frames = np.searchsorted(self._frame_stop_ids, ids, side="right")
        return np.array(self._frame_turned, dtype=np.bool_)[frames]

    def holds(self, first_id: int) -> bool:
        """Whether clicks from number ``first_id`` on are still in the book."""
        return first_id >= self._first_id

    def is_free(self, first_id: int, count: int) -> NDArray[np.bool_]:
        """(count,) bool: which clicks from ``first_id`` on belong to no link yet."""
        low = first_id - self._first_id
        return ~self._claimed.values[low : low + count]

    def claim(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Give the clicks ``ids`` (distinct) to the calling link; False where another has it."""
        return _claim(self._claimed.values, ids, self._first_id)

    def give_back(self, ids: NDArray[np.int64]) -> None:
        """The clicks ``ids``, which the calling link has claimed, are free again."""
        self._claimed.values[ids[ids >= self._first_id] - self._first_id] = False

    def release(self, link: int, stop_id: int, *, stop_frame: int) -> None:
        """Endpoint number ``link`` needs no click before ``stop_id`` any more.

        Nor will it announce a frame before ``stop_frame``: in the dark no click tells where it is.
        """
        self._released.move(link, stop_id)
        self._released_frames.move(link, stop_frame)
        self._trim(self._released.least)
        self._trim_frames(self._released_frames.least)

    def _trim(self, stop_id: int) -> None:
        size = self._tags.values.size
        drop = min(stop_id - self._first_id, size)
        if drop < max(size // 2, 1):
            return
        for column in self._columns:
            column.drop(drop)
        self._times.drop(min(drop, self._times.values.size))
        self._first_id += drop

    def _trim_frames(self, stop_frame: int) -> None:
        """Forget frames whose clicks are forgotten; the last one stays, it is the watermark."""
        empty = bisect_right(self._frame_stop_ids, self._first_id)
        drop = min(empty, stop_frame - self._first_frame, len(self._frame_stop_ids) - 1)
        if drop < max(len(self._frame_stop_ids) // 2, 1):
            return
        del self._frame_stop_ids[:drop], self._frame_stop_ticks[:drop], self._frame_turned[:drop]
        self._first_frame += drop
        self._announcements = {
            key: value for key, value in self._announcements.items() if key[1] > self._first_frame
        }
