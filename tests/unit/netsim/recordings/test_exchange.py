"""Frames of recordings: every tag once, in its time, watermarks true."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netsim.recordings.exchange import cut_frames


@given(
    st.lists(st.integers(-2000, 2000), max_size=60),
    st.integers(1, 7),
    st.integers(-500, 500),
    st.integers(0, 900),
    st.integers(0, 300),
)
def test_every_tag_is_in_one_frame(
    ticks: list[int], tick_ps: int, start_ps: int, length_ps: int, margin_ps: int
) -> None:
    """Frames hold the tags of their interval, ascending, each once, all before the watermark."""
    tags = np.sort(np.array(ticks, dtype=np.int64) << 2)
    stop_ps = start_ps + length_ps
    frames = list(
        cut_frames(
            tags,
            tick_ps=tick_ps,
            start_ps=start_ps,
            stop_ps=stop_ps,
            frame_ps=50 * tick_ps,
            margin_ps=margin_ps,
        )
    )
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert frames[-1].stop_ticks * tick_ps + tick_ps > stop_ps + margin_ps
    held = np.concatenate([frame.tags for frame in frames])
    low, high = (start_ps - margin_ps) // tick_ps, frames[-1].stop_ticks
    assert np.array_equal(held, tags[(tags >> 2 >= low) & (tags >> 2 < high)])
    for frame, later in zip(frames, [*frames[1:], None], strict=True):
        assert np.all(frame.times_ticks < frame.stop_ticks)
        assert later is None or np.all(later.times_ticks >= frame.stop_ticks)
