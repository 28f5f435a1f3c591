"""Student's t distribution, for means of few replicas."""

import math

BISECTIONS = 200
"""Far more than a double needs."""


def t_cdf(t: float, freedom: int) -> float:
    """Probability that Student's t with ``freedom`` degrees (>= 1) lies below ``t``.

    M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4: finite sums
    in cos(theta), theta = arctan(t / sqrt(freedom)).
    """
    theta = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(theta), math.sin(theta)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for step in range(1 + is_odd, freedom, 2):
        total += term
        term *= cosine**2 * step / (step + 1)
    within = 2.0 / math.pi * (theta + sine * total) if is_odd else sine * total
    return 0.5 + within / 2.0


def t_quantile(probability: float, freedom: int) -> float:
    """The t below which Student's t lies with ``probability``, from 0.5 to below 1."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        high *= 2.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        if t_cdf(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def mean_interval(values: list[float], confidence: float) -> tuple[float, float | None]:
    """Mean of at least one value, and half of its confidence interval; None for a single one."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, None
    spread = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, t_quantile((1.0 + confidence) / 2.0, count - 1) * math.sqrt(spread / count)
