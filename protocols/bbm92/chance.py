"""How improbable a count is by chance: the measure of every search for a clock."""

import math


def poisson_tail_log10(count: float, mean: float) -> float:
    """Upper bound (Chernoff) of log10 P(Poisson(mean) >= count); 0 where count <= mean."""
    if count <= mean or mean <= 0:
        return 0.0 if count <= mean else -math.inf
    return (count - mean - count * math.log(count / mean)) / math.log(10)


def sigma_of(count: float, mean: float) -> float:
    """Excess of ``count`` over ``mean`` in Poisson standard deviations."""
    return (count - mean) / math.sqrt(mean) if mean > 0 else 0.0
