"""Detectors frame by frame: each step by itself, and what waits at the edges of frames."""

import gc
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.physics.detection import Detection
from netsim.physics.detector import (
    DetectorSettings,
    DetectorState,
    detect_photons,
    register_clicks,
    sample_dark_counts,
)
from tests.unit.netsim.physics.helpers import detectors, generator, int64, pack

FRAME_PS = 1_000_000
FRAMES = 6
OFF: Sequence[Sequence[tuple[int, int]]] = (
    (),
    ((1_200_000, 1_400_000), (1_700_000, 1_750_000)),
    ((2_900_000, 3_000_000),),
    ((3_000_000, 4_000_000),),
    ((4_000_000, 4_100_000),),
    (),
)
"""Of each frame; those of the third and the fourth touch its edge."""


def settings(*, draws: bool) -> DetectorSettings:
    """Detectors that differ in everything; dead times longer than what is left of a frame."""
    return detectors(
        relative_efficiency=(1.0, 0.8, 0.5, 0.0),
        jitter_sigma_ps=(0.0, 30.0, 2_000.0, 10.0),
        dark_rate_hz=(0.0, 2e7, 1e6, 1e7),
        dead_time_ps=(0, 5_000, 1, 300_000),
        recovery_ps=(0.0, 8_000.0 if draws else 0.0, 0.0, 0.0),
        afterpulse_probability=(0.4 if draws else 0.0, 0.0, 0.0, 0.3 if draws else 0.0),
        afterpulse_decay_ps=(50_000.0, 1.0, 1.0, 400_000.0),
    )


def photons(frame: int) -> NDArray[np.int64]:
    """Hits in any order, from the beginning of a frame to beyond its end."""
    rng = generator(100 + frame)
    times_ps = rng.integers(frame * FRAME_PS, (frame + 1) * FRAME_PS + 20_000, 400)
    return pack(times_ps, rng.integers(0, 4, times_ps.size))


class Stepwise:
    """The same by separate calls, with arrays in between."""

    def __init__(self, hardware: DetectorSettings, photon: Generator, detector: Generator) -> None:
        self._hardware, self._photon, self._detector = hardware, photon, detector
        self._state, self._waiting, self._start_ps = DetectorState(), int64(), 0

    def clicks(
        self, arrivals: NDArray[np.int64], until_ps: int, off: Sequence[tuple[int, int]]
    ) -> NDArray[np.int64]:
        """Clicks of the next frame."""
        rates_hz = self._hardware.dark_rate_hz
        darks = sample_dark_counts(self._detector, rates_hz, self._start_ps, until_ps)
        seen = detect_photons(self._photon, arrivals, self._hardware)
        candidates = np.sort(np.concatenate((seen, darks, self._waiting)))
        for start_ps, stop_ps in off:
            times_ps = candidates >> 2
            candidates = candidates[(times_ps < start_ps) | (times_ps >= stop_ps)]
        clicks, used = register_clicks(
            self._detector, candidates, self._state, self._hardware, stop_ps=until_ps
        )
        self._waiting, self._start_ps = candidates[used:], until_ps
        return clicks


@pytest.mark.parametrize("draws", [False, True])
def test_clicks_are_those_of_each_step_by_itself(*, draws: bool) -> None:
    """Darks, efficiency, jitter, times off, dead times; what waits for the next frame as well."""
    hardware = settings(draws=draws)
    ours, theirs = (generator(1), generator(2)), (generator(1), generator(2))
    detection = Detection(hardware, photon_rng=ours[0], detector_rng=ours[1])
    stepwise = Stepwise(hardware, *theirs)
    for frame, off in enumerate(OFF):
        until_ps, arrivals = (frame + 1) * FRAME_PS, photons(frame)
        clicks = detection.clicks(arrivals, until_ps, off)
        assert clicks.tolist() == stepwise.clicks(arrivals, until_ps, off).tolist()
        assert detection.stop_ps == until_ps
        assert np.all(np.diff(clicks) >= 0)
        assert clicks.size > 100 or frame == OFF.index(((3_000_000, 4_000_000),))
    for one, other in zip(ours, theirs, strict=True):
        assert one.bit_generator.state == other.bit_generator.state


def test_frames_without_light_leave_what_waits() -> None:
    """A photon after the end of its frame clicks in the next one; no photon, no click."""
    rngs = {"photon_rng": generator(1), "detector_rng": generator(2)}
    detection = Detection(detectors(dead_time_ps=(0, 0, 0, 0)), **rngs)
    late = pack(int64(FRAME_PS + 5, FRAME_PS - 1), 1)
    assert detection.clicks(late, FRAME_PS, ()).tolist() == late[1:].tolist()
    assert detection.clicks(int64(), 2 * FRAME_PS, ()).tolist() == late[:1].tolist()
    assert detection.clicks(int64(), 3 * FRAME_PS, ()).size == 0


def test_hits_are_only_read() -> None:
    """They may belong to somebody else."""
    arrivals = photons(0)
    before = arrivals.copy()
    arrivals.flags.writeable = False
    rngs = {"photon_rng": generator(1), "detector_rng": generator(2)}
    assert Detection(settings(draws=True), **rngs).clicks(arrivals, FRAME_PS, ()).size
    assert np.array_equal(arrivals, before)


def test_generators_are_kept_alive() -> None:
    """By the detectors, where nobody else holds them."""
    hardware = settings(draws=True)

    def clicks(*, held: bool) -> list[int]:
        rngs = [generator(1), generator(2)]
        detection = Detection(hardware, photon_rng=rngs[0], detector_rng=rngs[1])
        if not held:
            rngs.clear()
            gc.collect()
            _ = [generator(seed) for seed in range(100)]  # in their place, if they are gone
        found = detection.clicks(photons(0), FRAME_PS, ()).tolist()
        rngs.clear()
        return [int(click) for click in found]

    assert clicks(held=False) == clicks(held=True)
