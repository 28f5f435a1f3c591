"""Simulated values with their standard error, beside what the analytic twin expects.

Errors are those which the twin itself expects (a count that happens to be zero has one, too). It
knows counts and rates, no figure and no paper.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netsim.twin.prediction import LanePrediction
from protocols.keylength.keyrate import skr_asymptotic_bps, skr_error_bps

Cell = str | float | int | None
"""Of a table."""
Row = dict[str, Cell]
"""Column to cell."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number out of the simulation.

    Attributes
    ----------
    value : float
        NaN where there was too little light to tell.
    sigma : float or None
        Standard error; None for a number without statistics.
    twin : float or None
        What the twin expects; None where it says nothing.
    """

    value: float
    sigma: float | None = None
    twin: float | None = None

    @property
    def deviation(self) -> float | None:
        """How far the value is from the twin, in standard errors; None if that cannot be said."""
        if self.twin is None or not self.sigma or not math.isfinite(self.value + self.sigma):
            return None
        return (self.value - self.twin) / self.sigma

    def columns(self, name: str) -> dict[str, Cell]:
        """Cells of a table: the value under ``name``, then error, twin and deviation."""
        return {
            name: self.value,
            f"{name}_sigma": self.sigma,
            f"{name}_twin": self.twin,
            f"{name}_deviation": self.deviation,
        }


def rate_hz(count: int, twin_hz: float, light_s: float) -> Estimate:
    """Rate from a Poisson count."""
    return Estimate(count / light_s, math.sqrt(twin_hz / light_s), twin_hz)


def share(hits: int, trials: int, twin: float) -> Estimate:
    """Probability from a binomial count."""
    if not trials:
        return Estimate(math.nan, None, twin)
    return Estimate(hits / trials, math.sqrt(twin * (1.0 - twin) / trials), twin)


@dataclass(frozen=True, slots=True)
class LaneEstimates:
    """What Table 2 prints of a lane."""

    sifted_hz: Estimate
    visibility: Estimate
    qber: Estimate
    skr_bps: Estimate


def lane_estimates(
    sifted_bits: int, errors: int, prediction: LanePrediction, light_s: float
) -> LaneEstimates:
    """Sifted rate, visibility 1 - 2 QBER, QBER and key rate N [1 - 2.2 h(QBER)] of a lane."""
    qber = share(errors, sifted_bits, prediction.qber)
    return LaneEstimates(
        sifted_hz=rate_hz(sifted_bits, prediction.sifted_hz, light_s),
        visibility=Estimate(
            1.0 - 2.0 * qber.value,
            None if qber.sigma is None else 2.0 * qber.sigma,
            prediction.visibility,
        ),
        qber=qber,
        skr_bps=_key_rate(sifted_bits, qber, prediction, light_s),
    )


def _key_rate(
    sifted_bits: int, qber: Estimate, prediction: LanePrediction, light_s: float
) -> Estimate:
    """Key rate; its error to first order from count and QBER, as if it were not cut off at 0."""
    if not sifted_bits:
        return Estimate(0.0, None, prediction.skr_bps)
    error_bps = skr_error_bps(prediction.sifted_hz, prediction.qber, light_s)
    simulated_bps = skr_asymptotic_bps(sifted_bits / light_s, qber.value)
    return Estimate(simulated_bps, error_bps, prediction.skr_bps)


def ratio(one: Estimate, other: Estimate) -> Estimate:
    """Quotient of two independent estimates; NaN over zero."""
    if not other.value or other.twin is None or one.twin is None:
        return Estimate(math.nan)
    value = one.value / other.value
    parts = [(e.sigma or 0.0) / e.value for e in (one, other) if e.value]
    return Estimate(value, abs(value) * math.hypot(*parts), one.twin / other.twin)


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Sum of independent estimates."""
    return Estimate(
        math.fsum(estimate.value for estimate in estimates),
        math.hypot(*(estimate.sigma or 0.0 for estimate in estimates)),
        math.fsum(estimate.twin or 0.0 for estimate in estimates),
    )


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of independent estimates."""
    added, count = total(estimates), len(estimates)
    return Estimate(added.value / count, (added.sigma or 0.0) / count, (added.twin or 0.0) / count)
