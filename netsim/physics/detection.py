"""Detectors of one receiver at work: from photons that hit them to their clicks, frame by frame.

What crosses the edge of a frame waits here: candidates after it, dead times, afterpulses.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.physics.detector import (
    DetectorSettings,
    DetectorState,
    detect,
    register,
    sample_dark_counts,
)
from netsim.physics.generators import Generators, generator_of
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

PHOTON, DETECTOR = range(2)
"""Rows of generators: for efficiency and jitter; for dark counts, recovery and afterpulses."""


@kernel
def _draw(
    generators: NDArray[np.uint64],
    carried: NDArray[np.int64],
    arrivals: NDArray[np.int64],
    relative_efficiency: NDArray[np.float64],
    jitter_sigma_ps: NDArray[np.float64],
    dark_rate_hz: NDArray[np.float64],
    start_ps: int,
    stop_ps: int,
) -> NDArray[np.int64]:
    """Candidates carried over, dark counts, and those of photons, one behind the other."""
    darks = sample_dark_counts(generator_of(generators[DETECTOR]), dark_rate_hz, start_ps, stop_ps)
    before = carried.size + darks.size
    candidates = np.empty(before + arrivals.size, dtype=np.int64)
    for k in range(carried.size):  # slices take a second to compile
        candidates[k] = carried[k]
    for k in range(darks.size):
        candidates[carried.size + k] = darks[k]
    photons = candidates[before:]
    rng = generator_of(generators[PHOTON])
    found = detect(rng, arrivals, relative_efficiency, jitter_sigma_ps, photons)
    return candidates[: before + found]


@kernel
def _register(
    generators: NDArray[np.uint64],
    candidates: NDArray[np.int64],
    stop_ps: int,
    last_click_ps: NDArray[np.int64],
    pending: NDArray[np.int64],
    dead_time_ps: NDArray[np.int64],
    recovery_ps: NDArray[np.float64],
    afterpulse_probability: NDArray[np.float64],
    afterpulse_decay_ps: NDArray[np.float64],
) -> tuple[NDArray[np.int64], int, NDArray[np.int64]]:
    """As `netsim.physics.detector.register`."""
    return register(
        generator_of(generators[DETECTOR]),
        candidates,
        stop_ps,
        last_click_ps,
        pending,
        dead_time_ps,
        recovery_ps,
        afterpulse_probability,
        afterpulse_decay_ps,
    )


class Detection:
    """Makes clicks of photons, in the order of time; switched on at true time 0.

    Parameters
    ----------
    settings : DetectorSettings
    photon_rng : Generator
        For efficiency and jitter.
    detector_rng : Generator
        For dark counts, afterpulses and recovery.

    Attributes
    ----------
    stop_ps : int
        All clicks before it have been found.
    """

    def __init__(
        self, settings: DetectorSettings, *, photon_rng: Generator, detector_rng: Generator
    ) -> None:
        self._settings = settings
        self._generators = Generators((photon_rng, detector_rng))
        self._state = DetectorState()
        self._carried = np.empty(0, dtype=np.int64)
        self.stop_ps = 0

    def clicks(
        self, arrivals: NDArray[np.int64], until_ps: int, off: Sequence[tuple[int, int]]
    ) -> NDArray[np.int64]:
        """Clicks from the end of the call before up to ``until_ps``.

        Parameters
        ----------
        arrivals : (N,) int64
            Packed, in any order: photons that hit a detector, none before the end of the call
            before.
        until_ps : int
            What comes from then on is left for the next call.
        off : sequence of (int, int)
            Times in between, in ps and in order, in which nothing clicks.

        Returns
        -------
        (M,) int64, ascending
            Packed.
        """
        settings, state = self._settings, self._state
        candidates = _draw(
            self._generators.at,
            self._carried,
            arrivals,
            settings.relative_efficiency,
            settings.jitter_sigma_ps,
            settings.dark_rate_hz,
            self.stop_ps,
            until_ps,
        )
        candidates.sort(kind="stable")  # which merges what comes in order, stream by stream
        for span_ps in off:
            low, high = np.searchsorted(candidates, [edge << DETECTOR_BITS for edge in span_ps])
            candidates = np.delete(candidates, slice(low, high))
        clicks, used, state.pending = _register(
            self._generators.at,
            candidates,
            until_ps,
            state.last_click_ps,
            state.pending,
            settings.dead_time_ps,
            settings.recovery_ps,
            settings.afterpulse_probability,
            settings.afterpulse_decay_ps,
        )
        self._carried = candidates[used:].copy()
        self.stop_ps = until_ps
        return clicks
