"""Detectors: against slow references, bit for bit, and at their edges."""

import heapq
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import NEVER_PS
from netsim.physics import detector
from netsim.physics.detector import (
    DetectorSettings,
    DetectorState,
    count_detectors,
    detect_photons,
    register_clicks,
    sample_dark_counts,
)
from netsim.units import PS_PER_S
from tests.unit.netsim.physics.helpers import detectors, generator, int64, pack

STOP_PS = 2_000_000_000
SETTINGS = detectors(
    dead_time_ps=(0, 25_000, 50_000, 400_000),
    afterpulse_probability=(0.4, 0.5, 0.0, 0.3),
    afterpulse_decay_ps=(30_000.0, 1e6, 1e6, 300_000.0),
)


SHORT = detectors(
    dead_time_ps=(0, 20, 3, 40),
    afterpulse_probability=(0.5, 0.6, 0.7, 0.9),
    afterpulse_decay_ps=(2.0, 15.0, 5.0, 60.0),
)
"""Many afterpulses come right at the end of the dead time."""


def random_candidates(seed: int, size: int = 3000) -> NDArray[np.int64]:
    """Sorted candidates on all four detectors, some at equal times."""
    rng = generator(seed)
    return np.sort(pack(rng.integers(0, STOP_PS, size) // 10 * 10, rng.integers(0, 4, size)))


def register_slowly(
    rng: Generator, candidates: NDArray[np.int64], settings: DetectorSettings
) -> list[int]:
    """Reference: one queue of all candidates, afterpulses pushed as they are caused."""
    queue = [int(candidate) for candidate in candidates]
    heapq.heapify(queue)
    last_ps = [NEVER_PS] * 4
    clicks = []
    while queue and queue[0] >> 2 < STOP_PS:
        candidate = heapq.heappop(queue)
        time_ps, which = candidate >> 2, candidate & 3
        if time_ps - last_ps[which] < settings.dead_time_ps[which]:
            continue
        last_ps[which] = time_ps
        clicks.append(candidate)
        probability = settings.afterpulse_probability[which]
        if probability > 0 and rng.random() < probability:
            late_ps = int(rng.standard_exponential() * settings.afterpulse_decay_ps[which])
            heapq.heappush(queue, (time_ps + late_ps) << 2 | which)
    return clicks


@pytest.mark.parametrize("settings", [SETTINGS, SHORT])
@pytest.mark.parametrize("seed", range(5))
def test_registration_against_the_slow_reference(seed: int, settings: DetectorSettings) -> None:
    """Dead time and cascading afterpulses are those of a plain event queue, click by click."""
    candidates = random_candidates(seed)
    state = DetectorState()
    clicks, used = register_clicks(generator(seed), candidates, state, settings, stop_ps=STOP_PS)
    assert used == candidates.size
    assert clicks.size > candidates.size
    assert clicks.tolist() == register_slowly(generator(seed), candidates, settings)
    assert np.all(state.pending >> 2 >= STOP_PS)
    assert np.all(np.diff(state.pending) >= 0)


@pytest.mark.parametrize("seed", range(5))
def test_dead_time_alone_against_the_slow_reference(seed: int) -> None:
    """Where nothing is drawn, the clicks are those of the event queue as well."""
    settings = detectors(dead_time_ps=(0, 25_000, 50_000, 40_000_000))
    candidates, rng = random_candidates(seed), generator(seed)
    clicks, used = register_clicks(rng, candidates, DetectorState(), settings, stop_ps=STOP_PS)
    assert used == candidates.size > clicks.size
    assert clicks.tolist() == register_slowly(generator(), candidates, settings)
    assert rng.bit_generator.state == generator(seed).bit_generator.state


def test_kernels_are_their_interpreted_selves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled and interpreted detectors give the same clicks, bit for bit."""
    settings = detectors(
        relative_efficiency=(1.0, 0.5, 0.9, 0.0),
        jitter_sigma_ps=(30.0, 0.0, 50.0, 30.0),
        dark_rate_hz=(1e5, 2e5, 0.0, 3e5),
        dead_time_ps=(0, 25_000, 50_000, 40_000_000),
    )
    rates_hz = settings.dark_rate_hz
    candidates = random_candidates(9, 500)

    def everything(rng: Generator) -> list[NDArray[np.int64]]:
        clicks, _ = register_clicks(rng, candidates, DetectorState(), SETTINGS, stop_ps=STOP_PS)
        sure, _ = register_clicks(rng, candidates, DetectorState(), settings, stop_ps=STOP_PS)
        return [detect_photons(rng, candidates, settings), clicks, sure]

    compiled = everything(generator())
    darks = sample_dark_counts(generator(), rates_hz, 0, STOP_PS)
    assert np.array_equal(darks, sample_dark_counts.py_func(generator(), rates_hz, 0, STOP_PS))
    for name in ("detect", "register", "_register_sure", "_register_some", "_insert"):
        monkeypatch.setattr(detector, name, getattr(detector, name).py_func)
    for one, other in zip(compiled, everything(generator()), strict=True):
        assert np.array_equal(one, other)


def test_arrival_exactly_at_the_end_of_the_dead_time_is_registered() -> None:
    """Dead for less than the dead time, alive at it; other detectors are not concerned."""
    settings = detectors(dead_time_ps=(100, 100, 100, 100))
    candidates = np.sort(
        np.concatenate((pack(int64(0, 99, 100, 199, 200), 0), pack(int64(50, 99), 1)))
    )
    clicks, _ = register_clicks(generator(), candidates, DetectorState(), settings, stop_ps=1000)
    assert (clicks[clicks & 3 == 0] >> 2).tolist() == [0, 100, 200]
    assert (clicks[clicks & 3 == 1] >> 2).tolist() == [50]


def test_candidates_at_the_watermark_are_left() -> None:
    """A frame ends before its watermark, whatever comes at it."""
    clicks, used = register_clicks(
        generator(), pack(int64(5, 10, 15), 2), DetectorState(), detectors(), stop_ps=10
    )
    assert (clicks >> 2).tolist() == [5]
    assert used == 1


def test_jitter_moves_times_but_not_detectors() -> None:
    """Times spread to both sides, detectors stay; without jitter nothing moves."""
    arrivals = pack(np.full(4000, 1_000_000, dtype=np.int64), np.arange(4000) % 4)
    moved = detect_photons(generator(), arrivals, detectors(jitter_sigma_ps=(40.0,) * 4))
    assert np.array_equal(moved & 3, arrivals & 3)
    late_ps = (moved >> 2) - 1_000_000
    assert late_ps.min() < -80
    assert late_ps.max() > 80
    assert np.array_equal(detect_photons(generator(), arrivals, detectors()), arrivals)


@pytest.mark.parametrize("sign", [-1, 1])
def test_jitter_is_clipped(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No photon moves by more than 8 sigma, which is what a frame's margin relies on."""

    def wild(_rng: Generator) -> float:
        """A huge number."""
        return sign * 1e6

    monkeypatch.setattr(detector, "standard_normal", wild)
    moved = int64(0)
    detector.detect.py_func(generator(), pack(int64(0), 1), np.ones(4), np.full(4, 10.0), moved)
    assert (moved >> 2).tolist() == [sign * 80]
    assert (moved & 3).tolist() == [1]


@pytest.mark.parametrize("counted", [count_detectors, count_detectors.py_func])
def test_clicks_are_counted_by_detector(counted: Callable[..., None]) -> None:
    """Each of them once, on top of what was counted before."""
    clicks, counts = random_candidates(2), int64(1, 2, 3, 4)
    counted(clicks, counts)
    counted(int64(), counts)
    assert (counts - [1, 2, 3, 4]).tolist() == [np.sum(clicks % 4 == k) for k in range(4)]


def test_dead_detector_clicks_never() -> None:
    """Efficiency zero is zero."""
    arrivals = pack(np.arange(1000, dtype=np.int64), np.arange(1000) % 4)
    kept = detect_photons(
        generator(), arrivals, detectors(relative_efficiency=(1.0, 0.0, 1.0, 1.0))
    )
    assert np.array_equal(kept, arrivals[arrivals & 3 != 1])


def test_each_detector_has_its_own_efficiency() -> None:
    """Also a little below that of the best; within five sigma."""
    size, efficiencies = 40_000, (0.95, 0.5, 1.0, 0.2)
    arrivals = pack(np.zeros(4 * size, dtype=np.int64), np.arange(4 * size) % 4)
    kept = detect_photons(generator(), arrivals, detectors(relative_efficiency=efficiencies))
    counts = np.bincount(kept & 3, minlength=4)
    for count, efficiency in zip(counts.tolist(), efficiencies, strict=True):
        sigma = math.sqrt(size * efficiency * (1 - efficiency))
        assert abs(count - size * efficiency) <= 5 * sigma


@pytest.mark.parametrize("rates_hz", [(1e4, 4e4, 2e4, 3e4), (0.0, 5e4, 0.0, 1e4), (2e4, 0, 1e4, 0)])
def test_each_detector_has_its_own_dark_counts(rates_hz: tuple[float, ...]) -> None:
    """As many as its rate says, within five sigma, from the start to before the stop."""
    start_ps, stop_ps = 3 * PS_PER_S, 5 * PS_PER_S
    darks = sample_dark_counts(generator(), np.array(rates_hz), start_ps, stop_ps)
    times_ps = darks >> 2
    assert start_ps <= times_ps[0] < times_ps[-1] < stop_ps
    for count, rate_hz in zip(np.bincount(darks & 3, minlength=4).tolist(), rates_hz, strict=True):
        assert abs(count - 2 * rate_hz) <= 5 * math.sqrt(2 * rate_hz)


@pytest.mark.parametrize("slow", [0, 1])
def test_each_detector_has_its_own_recovery(slow: int) -> None:
    """One that takes a thousand seconds registers its first photon only; another one all."""
    times_ps = np.arange(100, dtype=np.int64) * 10_000
    candidates = np.sort(np.concatenate([pack(times_ps, which) for which in (0, 1)]))
    settings = detectors(recovery_ps=tuple(1e15 * (which == slow) for which in range(4)))
    clicks, _ = register_clicks(generator(), candidates, DetectorState(), settings, stop_ps=STOP_PS)
    assert (clicks[clicks & 3 == slow] >> 2).tolist() == [0]
    assert (clicks[clicks & 3 == 1 - slow] >> 2).tolist() == times_ps.tolist()
