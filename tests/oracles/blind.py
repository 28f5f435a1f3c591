"""Two detectors, each blind for a fixed time after a click, event by event."""

import random


def live_shares(
    seed: int,
    *,
    clicks: int,
    rates_hz: tuple[float, float],
    both_hz: float,
    dead_time_s: float,
) -> tuple[float, float, float]:
    """Shares of the time in which the first, the second, and both detectors are live.

    Parameters
    ----------
    seed : int
    clicks : int
        Candidates that are drawn.
    rates_hz : (float, float)
        Candidates of each detector.
    both_hz : float
        Of these, candidates of both at the same time.
    dead_time_s : float
    """
    rng = random.Random(seed)
    alone_hz = [rate_hz - both_hz for rate_hz in rates_hz]
    total_hz = sum(alone_hz) + both_hz
    free_s, live_s, now_s = [0.0, 0.0], [0.0, 0.0, 0.0], 0.0
    for _ in range(clicks):
        then_s = now_s + rng.expovariate(total_hz)
        for k, since_s in enumerate((*free_s, max(free_s))):
            live_s[k] += max(0.0, then_s - max(now_s, since_s))
        kind = rng.choices(range(3), [*alone_hz, both_hz])[0]
        for side in (0, 1):
            if kind in (side, 2) and then_s >= free_s[side]:
                free_s[side] = then_s + dead_time_s
        now_s = then_s
    first, second, both = (share / now_s for share in live_s)
    return first, second, both
