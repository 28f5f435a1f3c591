"""Synthetic tags of both ends of a link, as two passive receivers would click.

Strong and nearly free of noise unless told otherwise, so that a round of one second holds key.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from protocols.link import PS_PER_S
from protocols.messages import Role
from tests.support.links import TICK_PS

KAPPA_PER_S = 2 * math.pi * 200e6
Tags = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LaneLight:
    """Detected pairs of one lane: delay of the responder's photon, rate, error rate.

    It has light from ``from_s`` to ``to_s``. Without interferometers all pairs come together, as
    behind polarisation analysers.
    """

    delay_ps: int = 5_000_000
    pairs_hz: float = 6000.0
    error: float = 0.02
    from_s: float = 0.0
    to_s: float = math.inf
    umi_delay_ps: int = 10_000

    def is_lit(self, times_ps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) bool: which moments have light."""
        return (times_ps >= self.from_s * PS_PER_S) & (times_ps < self.to_s * PS_PER_S)


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of one user: (N,) true times in ps and detectors, in any order."""

    times_ps: NDArray[np.float64]
    detectors: NDArray[np.int64]

    def packed(self) -> Tags:
        """Sorted tags."""
        ticks = np.floor(self.times_ps / TICK_PS).astype(np.int64)
        return np.sort(ticks << 2 | self.detectors)


def draw_pairs(
    rng: np.random.Generator, duration_s: float, lane: LaneLight
) -> tuple[Clicks, Clicks]:
    """Pairs as two passive receivers with unbalanced interferometers, or with none, click."""
    count = rng.poisson(lane.pairs_hz * duration_s)
    times_ps = np.sort(rng.uniform(0, duration_s * PS_PER_S, count))
    times_ps = times_ps[lane.is_lit(times_ps)]
    count = times_ps.size
    peaks = rng.choice([-1, 0, 0, 1], count) * (lane.umi_delay_ps > 0)
    bases, ports = rng.integers(0, 2, (2, count)), rng.integers(0, 2, (2, count))
    joined = (peaks == 0) & (bases[0] == bases[1])
    wrong = rng.random(count) < lane.error
    # In Z the ports agree, in X (both phases pi / 2) they do not.
    ports[1] = np.where(joined, ports[0] ^ bases[0] ^ wrong, ports[1])
    late_ps = rng.laplace(0, PS_PER_S / KAPPA_PER_S, count) + lane.delay_ps
    late_ps += peaks * lane.umi_delay_ps
    return (
        Clicks(times_ps, 2 * bases[0] + ports[0]),
        Clicks(times_ps + late_ps, 2 * bases[1] + ports[1]),
    )


def draw_singles(rng: np.random.Generator, duration_s: float, rate_hz: float) -> Clicks:
    """Clicks that belong to nothing."""
    count = rng.poisson(rate_hz * duration_s)
    return Clicks(rng.uniform(0, duration_s * PS_PER_S, count), rng.integers(0, 4, count))


def draw_tags(
    seed: int,
    duration_s: float,
    lanes: Sequence[LaneLight] = (LaneLight(),),
    *,
    singles_hz: tuple[float, float] = (200.0, 200.0),
    offset_ps: float = 40e6,
    rate_ppm: float = 0.1,
) -> tuple[Tags, Tags]:
    """Packed tags of both users; the responder's clock is ahead and fast by the given amounts."""
    rng = np.random.default_rng(seed)
    drawn = [draw_pairs(rng, duration_s, lane) for lane in lanes]
    drawn.append(
        (
            draw_singles(rng, duration_s, singles_hz[0]),
            draw_singles(rng, duration_s, singles_hz[1]),
        )
    )
    ends = []
    for role in Role:
        times_ps = np.concatenate([both[role].times_ps for both in drawn])
        detectors = np.concatenate([both[role].detectors for both in drawn])
        if role is Role.RESPONDER:
            times_ps = times_ps * (1 + rate_ppm * 1e-6) + offset_ps
        ends.append(Clicks(times_ps, detectors).packed())
    return ends[0], ends[1]


def clean_tags(
    seed: int, duration_s: float, *, pairs_hz: float = 6000.0, error: float = 0.02
) -> tuple[Tags, Tags]:
    """One lane without a click that belongs to nothing."""
    lane = LaneLight(pairs_hz=pairs_hz, error=error)
    return draw_tags(seed, duration_s, (lane,), singles_hz=(0.0, 0.0))


@cache
def light(seed: int = 1, *, error: float = 0.02) -> tuple[Tags, Tags]:
    """Three seconds of one lane."""
    return draw_tags(seed, 3.2, (LaneLight(error=error),))
