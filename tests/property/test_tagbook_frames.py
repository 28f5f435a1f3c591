"""TagBook: where the stream is cut into frames changes no click, no random draw, no number."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.ascending import decode_ascending
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

SPAN_TICKS = 10_000
WINDOW_TICKS = 200
DEAD_TICKS = 350
GRAIN_TICKS = 10

streams = st.lists(st.tuples(st.integers(0, SPAN_TICKS - 1), st.integers(0, 3)), max_size=120).map(
    lambda clicks: np.sort(np.array([t << 2 | d for t, d in clicks], dtype=np.int64))
)
cuts = st.lists(st.integers(0, SPAN_TICKS), max_size=8).map(sorted)


def _book(tags: NDArray[np.int64], stops: list[int]) -> TagBook:
    """A book of ``tags`` cut at ``stops``, and empty frames behind that settle the last groups."""
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    book = TagBook(rng, window_ticks=WINDOW_TICKS, dead_ticks=DEAD_TICKS)
    edges = [-1, *stops, SPAN_TICKS, 3 * SPAN_TICKS]
    for k, (start, stop) in enumerate(pairwise(edges)):
        times = tags >> 2
        book.append(TagFrame(k, stop, tags[(times >= start) & (times < stop)]))
    return book


@settings(derandomize=True, deadline=None)
@given(streams, cuts)
def test_cuts_are_invisible(tags: NDArray[np.int64], stops: list[int]) -> None:
    """Any cut gives the same clicks, merged by the same draws, in the same order."""
    whole = _book(tags, []).between(-1, 2 * SPAN_TICKS)[1]
    assert np.array_equal(_book(tags, stops).between(-1, 2 * SPAN_TICKS)[1], whole)


@settings(derandomize=True, deadline=None)
@given(streams, cuts)
def test_merged_clicks_are_apart(tags: NDArray[np.int64], stops: list[int]) -> None:
    """No two clicks are closer than the dead time, and each is one of the input's times."""
    times = _book(tags, stops).between(-1, 2 * SPAN_TICKS)[1]
    assert np.all(np.diff(times) >= DEAD_TICKS)
    assert set(times.tolist()) <= set((tags >> 2).tolist())
    if tags.size:
        assert times[0] == tags[0] >> 2


@settings(derandomize=True, deadline=None)
@given(streams, cuts)
def test_announcements_hold_every_click_once(tags: NDArray[np.int64], stops: list[int]) -> None:
    """Frame by frame or all at once, the announced times are those of the book, made coarse."""
    book = _book(tags, stops)
    times: list[int] = []
    for frame in range(book.frames):
        found = book.announcement(frame, frame + 1)
        elapsed = decode_ascending(found.deltas, count=found.count, previous=0)
        assert found.first_id == len(times)
        times += (elapsed + found.start_ticks).tolist()
        assert all(time < found.stop_ticks for time in times)
    kept = book.between(-1, 2 * SPAN_TICKS)[1]
    assert times == (kept // GRAIN_TICKS * GRAIN_TICKS).tolist()
