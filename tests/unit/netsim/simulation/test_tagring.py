"""Frames come out of the ring as they went in."""

import multiprocessing
from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netsim.simulation.tagring import TagRing, Tags

SIZE = 20

steps = st.lists(
    st.one_of(st.none(), st.lists(st.integers(0, 9), min_size=1, max_size=3)), max_size=60
)
"""A frame is taken out, or one of so many tags of each user put in."""


@given(steps)
def test_frames_come_out_as_they_went_in(steps: list[list[int] | None]) -> None:
    """Whole, in order, and copied; there is room whenever the rest leaves some in one piece."""
    ring = TagRing(multiprocessing.get_context("spawn"), SIZE)
    inside: deque[tuple[int, list[Tags]]] = deque()
    number = 0
    for sizes in steps:
        if sizes is None:
            if inside:
                _take(ring, *inside.popleft())
            continue
        frames = []
        for size in sizes:
            frames.append(np.arange(number, number + size, dtype=np.int64))
            number += size
        assert ring.may_hold(frames) is (sum(sizes) <= SIZE)
        if not ring.may_hold(frames):
            continue
        place = ring.put(frames)
        held = sum(tags.size for _, frame in inside for tags in frame)
        if place is None:
            # Of no use are a piece at the end, shorter than this, and one in between.
            assert held + 2 * sum(sizes) > SIZE - 1
        else:
            assert held + sum(sizes) <= SIZE
            inside.append((place, frames))


def _take(ring: TagRing, begin: int, frames: list[Tags]) -> None:
    taken = ring.take(begin, [tags.size for tags in frames])
    ring.free()
    for tags, its in zip(taken, frames, strict=True):
        np.testing.assert_array_equal(tags, its)
