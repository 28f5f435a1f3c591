"""Calibration: delays go in the mean exactly, and cuts into frames change no set of tags."""

import math

import numpy as np
import pytest

from protocols.calibration import Calibration
from protocols.tags import TagFrame

FRAME_TICKS = 100_000


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def frames_of(times: np.ndarray, detector: int, count: int) -> list[TagFrame]:
    """Tags of one detector, cut into frames."""
    return [
        TagFrame(k, (k + 1) * FRAME_TICKS, times[times // FRAME_TICKS == k] << 2 | detector)
        for k in range(count)
    ]


@pytest.mark.parametrize("late_ps", [-47.0, -10.0, 3.0, 50.0, 1234.5])
def test_delay_is_taken_off_exactly_in_the_mean(late_ps: float) -> None:
    """Ticks of 10 ps: 20,000 tags move by the delay within five standard errors."""
    times = np.arange(20_000) * 40 + 1000
    calibration = Calibration(generator(), [0.0, 0.0, late_ps, 0.0], tick_ps=10)
    moved = [calibration.apply(frame) for frame in frames_of(times, 2, 9)]
    found = np.concatenate([frame.times_ticks for frame in moved])
    shift = times.mean() - found.mean()
    share = late_ps / 10 - math.floor(late_ps / 10)
    sigma = math.sqrt(share * (1 - share) / times.size)
    assert found.size == times.size
    assert abs(shift - late_ps / 10) <= 5 * sigma + 1e-9
    assert {int(frame.detectors.max()) for frame in moved if frame.tags.size} == {2}


def test_tags_stay_in_order_and_before_their_watermark() -> None:
    """Detectors late and early by whole frames' edges: ascending, none lost, none too late."""
    rng = generator(3)
    raw = np.sort(rng.integers(0, 10 * FRAME_TICKS, 5000) << 2 | rng.integers(0, 4, 5000))
    calibration = Calibration(generator(), [0.0, 900.0, -700.0, 15.0], tick_ps=10)
    edge, seen = -(2**60), 0
    for k in range(12):
        part = raw[(raw >> 2) // FRAME_TICKS == k]
        frame = calibration.apply(TagFrame(k, (k + 1) * FRAME_TICKS, part))
        assert np.all(np.diff(frame.tags) >= 0)
        assert frame.stop_ticks == (k + 1) * FRAME_TICKS - 90
        if frame.tags.size:
            assert edge <= frame.tags[0] >> 2
            assert frame.tags[-1] >> 2 < frame.stop_ticks
        edge, seen = frame.stop_ticks, seen + frame.tags.size
    assert seen == raw.size


def test_nothing_to_calibrate_changes_nothing() -> None:
    """Without delays a frame passes as it is, and no random number is drawn."""
    rng, frame = generator(), TagFrame(0, FRAME_TICKS, np.array([4, 9], dtype=np.int64))
    assert Calibration(rng, [0.0] * 4, tick_ps=10).apply(frame) is frame
    assert rng.random() == generator().random()
