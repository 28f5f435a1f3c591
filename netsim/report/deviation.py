"""How far a lane is from its analytic twin, in standard deviations that the twin itself expects."""

import math

from netsim.results import LaneResult
from netsim.units import s_from_ps
from protocols.keyrate import PAPER_EFFICIENCY


def sifted_sigma(lane: LaneResult) -> float | None:
    """Deviation of the sifted count; its variance is its mean (Poisson)."""
    expected = lane.twin.sifted_hz * s_from_ps(lane.duration_ps)
    return (lane.sifted_bits - expected) / math.sqrt(expected) if expected > 0 else None


def qber_sigma(lane: LaneResult) -> float | None:
    """Deviation of the QBER among the bits that were sifted (binomial)."""
    q = lane.twin.qber
    if lane.qber is None or not 0 < q < 1:
        return None
    return (lane.qber - q) / math.sqrt(q * (1 - q) / lane.sifted_bits)


def skr_sigma(lane: LaneResult) -> float | None:
    """Deviation of the key rate, its variance propagated from count and QBER to first order.

    With g = SKR / N and h'(q) = log2((1 - q) / q), the variance is
    g^2 N / T + (2.2 N h'(q))^2 q (1 - q) / (N T).
    None where the twin expects no key, for there the rate is cut off at zero.
    """
    rate_hz, q, skr_bps = lane.twin.sifted_hz, lane.twin.qber, lane.twin.skr_bps
    seconds = s_from_ps(lane.duration_ps)
    if skr_bps <= 0 or not 0 < q < 1 or seconds <= 0:
        return None
    by_count = (skr_bps / rate_hz) ** 2 * rate_hz / seconds
    slope = (1 + PAPER_EFFICIENCY) * rate_hz * math.log2((1 - q) / q)
    by_qber = slope**2 * q * (1 - q) / (rate_hz * seconds)
    return (lane.skr_asymptotic_bps - skr_bps) / math.sqrt(by_count + by_qber)
