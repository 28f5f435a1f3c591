"""One lane of two users, event by event, in plain Python: every pair, every photon, every click.

Nothing is thinned beforehand, nothing is folded, nothing is an array. Slow, and meant to be.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

Click = tuple[float, int]
"""Time in ps, and detector 2 * basis + port."""


@dataclass(frozen=True)
class Station:
    """What one user has: survival of a photon up to its detector, and the detectors."""

    survival: float
    dark_hz: float = 0.0
    """Of each of the four detectors."""
    jitter_ps: float = 0.0
    """Standard deviation."""
    dead_time_ps: float = 0.0
    delay_ps: float = 10_000.0
    """Of the interferometers; 0 for polarisation analysers."""
    phases_rad: tuple[float, float] = (0.0, math.pi / 2)
    z_share: float = 0.5


@dataclass
class Tally:
    """Counts of the central window."""

    coincidences: int = 0
    sifted: int = 0
    errors: int = 0
    singles: list[int] = field(default_factory=lambda: [0, 0])


def run_lane(
    seed: int,
    *,
    duration_s: float,
    pairs_hz: float,
    contrast: float,
    linewidth_hz: float,
    window_ps: float,
    stations: tuple[Station, Station],
) -> Tally:
    """Draw all the light of ``duration_s`` and count what falls into the window."""
    seen = draw_clicks(
        seed,
        duration_s=duration_s,
        pairs_hz=pairs_hz,
        contrast=contrast,
        linewidth_hz=linewidth_hz,
        stations=stations,
    )
    first, second = (live(side, s.dead_time_ps) for side, s in zip(seen, stations, strict=True))
    tally = Tally(singles=[len(side) for side in seen])
    for (_, one), (_, other) in matches(first, second, window_ps):
        tally.coincidences += 1
        if one // 2 == other // 2:
            tally.sifted += 1
            equal = one % 2 == other % 2
            tally.errors += equal if one // 2 else not equal
    return tally


def draw_clicks(
    seed: int,
    *,
    duration_s: float,
    pairs_hz: float,
    contrast: float,
    linewidth_hz: float,
    stations: tuple[Station, Station],
) -> list[list[Click]]:
    """Registered clicks of both users."""
    rng = random.Random(seed)
    clicks: tuple[list[Click], ...] = ([], [])
    kappa = 2.0 * math.pi * linewidth_hz * 1e-12
    end_ps, now_ps = duration_s * 1e12, 0.0
    while True:
        now_ps += rng.expovariate(pairs_hz * 1e-12)
        if now_ps >= end_ps:
            break
        delay = rng.expovariate(kappa) * rng.choice((-1.0, 1.0))
        _measure_pair(rng, clicks, (now_ps, now_ps + delay), contrast, stations)
    for side in (0, 1):
        for detector in range(4):
            _add_darks(rng, clicks[side], detector, stations[side].dark_hz, end_ps)
    return [_registered(side, station) for side, station in zip(clicks, stations, strict=True)]


def _measure_pair(
    rng: random.Random,
    clicks: tuple[list[Click], ...],
    births_ps: tuple[float, float],
    contrast: float,
    stations: tuple[Station, Station],
) -> None:
    """The joint probability of both ports is written down and drawn from, once for the pair."""
    bases = [0 if rng.random() < s.z_share else 1 for s in stations]
    paths = [rng.randrange(2) if s.delay_ps else 0 for s in stations]
    phase = sum(s.phases_rad[b] for s, b in zip(stations, bases, strict=True))
    fringe = contrast * math.cos(phase) if paths[0] == paths[1] else 0.0
    joint = [(1 + s * t * fringe) / 4 for s in (1, -1) for t in (1, -1)]
    outcome = rng.choices(range(4), joint)[0]
    ports = (outcome >> 1, outcome & 1)
    for side, station in enumerate(stations):
        if rng.random() >= station.survival:
            continue
        time_ps = births_ps[side] + paths[side] * station.delay_ps
        time_ps += rng.gauss(0.0, station.jitter_ps)
        clicks[side].append((time_ps, 2 * bases[side] + ports[side]))


def _add_darks(
    rng: random.Random,
    clicks: list[Click],
    detector: int,
    dark_hz: float,
    end_ps: float,
) -> None:
    time_ps = 0.0
    while dark_hz:
        time_ps += rng.expovariate(dark_hz * 1e-12)
        if time_ps >= end_ps:
            return
        clicks.append((time_ps, detector))


def _registered(clicks: list[Click], station: Station) -> list[Click]:
    """Clicks that a detector which is blind for a while after each lets through."""
    last = dict.fromkeys(range(4), -math.inf)
    kept: list[Click] = []
    for time_ps, detector in sorted(clicks):
        if time_ps - last[detector] >= station.dead_time_ps:
            last[detector] = time_ps
            kept.append((time_ps, detector))
    return kept


def live(clicks: list[Click], dead_time_ps: float) -> list[Click]:
    """Clicks that come when no detector of the user is blind: long enough after any other."""
    last, kept = -math.inf, []
    for time_ps, detector in clicks:
        if time_ps - last >= dead_time_ps:
            kept.append((time_ps, detector))
        last = time_ps
    return kept


def matches(
    first: list[Click], second: list[Click], window_ps: float
) -> Iterator[tuple[Click, Click]]:
    """Every click used once, the first partner in the half-open window is taken."""
    start = 0
    for one in first:
        while start < len(second) and second[start][0] - one[0] < -window_ps / 2:
            start += 1
        if start < len(second) and second[start][0] - one[0] < window_ps / 2:
            yield one, second[start]
            start += 1
