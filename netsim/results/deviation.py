"""How far a lane is from its analytic twin, in standard deviations that the twin itself expects."""

import math

from netsim.results.parts import LaneResult
from netsim.units import s_from_ps
from protocols.keylength.keyrate import skr_error_bps


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
    """Deviation of the key rate; None where the twin expects none, for there it is cut off at 0."""
    rate_hz, q, skr_bps = lane.twin.sifted_hz, lane.twin.qber, lane.twin.skr_bps
    seconds = s_from_ps(lane.duration_ps)
    if skr_bps <= 0 or not 0 < q < 1 or seconds <= 0:
        return None
    return (lane.skr_asymptotic_bps - skr_bps) / skr_error_bps(rate_hz, q, seconds)
