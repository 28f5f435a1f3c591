"""Which parts of the light serve which step of a search: slices, turns and stretches.

It knows announced times alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.link import PS_PER_S, LinkConfig

MAX_LATER_CLICKS = 1 << 19
"""Announced clicks that are looked at in each half."""
TURN_PS = 5_000_000_000
"""The two halves take turns of this length: both see light that has just begun, or flashes."""
REFINE_WALK_PS, FIT_WALK_PS = 8_000.0, 600.0
"""How far the clocks may wander from a line in the light that is refined, and in that of the fit:
its standard deviation about the line that suits it best is sqrt(T / 15) of the walk in 1 s."""
BRIGHT_SIGMA = 5.0
"""Stretches of light that differ by less than this are as bright as each other."""
LEAST_REFINED_PS, LEAST_FITTED_PS = 200_000_000_000, 50_000_000_000


@dataclass(frozen=True, slots=True)
class Light:
    """Announced times of two halves that take turns: one for the search, one for its test."""

    search: NDArray[np.int64]
    test: NDArray[np.int64]

    def within(self, start_ps: int, length_ps: float) -> "Light":
        """Of a stretch of it."""
        return Light(
            *(
                times_ps[(times_ps >= start_ps) & (times_ps < start_ps + length_ps)]
                for times_ps in (self.search, self.test)
            )
        )


def brightest_ps(times_ps: NDArray[np.int64], length_ps: float) -> int:
    """Where the stretch of that length begins that has most clicks; of equals the middle one."""
    first_ps, last_ps = int(times_ps[0]), int(times_ps[-1])
    latest_ps = max(last_ps - length_ps, first_ps)
    starts_ps = np.arange(first_ps, latest_ps + 1, max(length_ps / 2, 1))
    lows, highs = np.searchsorted(times_ps, (starts_ps, starts_ps + length_ps))
    clicks = highs - lows
    least = clicks.max() - BRIGHT_SIGMA * math.sqrt(int(clicks.max()))
    bright = clicks >= max(least, 1)
    away_ps = np.abs(starts_ps - (first_ps + latest_ps) / 2)
    return int(starts_ps[np.argmin(np.where(bright, away_ps, np.inf))])


def take_turns(times_ps: NDArray[np.int64]) -> Light:
    """Both halves of some light."""
    times_ps = times_ps[: 2 * MAX_LATER_CLICKS]
    turns = times_ps // TURN_PS % 2 == 0
    return Light(times_ps[turns], times_ps[~turns])


def _walk_ps(config: LinkConfig) -> float:
    """How far the clocks wander apart in 1 s."""
    return max(config.allan_deviation_1s * PS_PER_S, 1e-3)


def steady(config: LinkConfig, light: Light, about_ps: int | None = None) -> Light:
    """So much of the light, about one time or at its end, that a wandering clock is near a line."""
    longest_ps = max(PS_PER_S * (REFINE_WALK_PS / _walk_ps(config)) ** 2, LEAST_REFINED_PS)
    if not light.search.size:
        return light
    last_ps = int(light.search[-1])
    start_ps = last_ps - longest_ps if about_ps is None else about_ps - longest_ps / 2
    return light.within(math.floor(max(start_ps, -(2**62))), longest_ps + 1)


def fit_light(config: LinkConfig, light: Light) -> Light:
    """So much of it that a line fits a wandering clock to much less than a peak's width."""
    longest_ps = max(15 * PS_PER_S * (FIT_WALK_PS / _walk_ps(config)) ** 2, LEAST_FITTED_PS)
    if int(light.search[-1]) - int(light.search[0]) <= longest_ps:
        return light
    return light.within(brightest_ps(light.search, longest_ps), longest_ps)
